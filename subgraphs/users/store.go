package users

import (
	"context"

	"storefront/internal/outbox"
)

// Store keeps people and their wishlists. Every method is safe to repeat; a change and its events are
// one write of one document, and change may run more than once.
type Store interface {
	// Users returns those that exist, by id.
	Users(ctx context.Context, ids []string) (map[string]User, error)
	// UpdateUser changes one; NotFound when there is none.
	UpdateUser(ctx context.Context, id string, change func(*User) ([]outbox.Event, error)) (User, error)
	// UpsertUser changes one that may not be there yet.
	UpsertUser(ctx context.Context, id string, change func(u *User, exists bool) ([]outbox.Event, error)) (User, error)
	// Shelves returns the wishlists of those owners who have any, by owner.
	Shelves(ctx context.Context, owners []string) (map[string]Shelf, error)
	// ShelvesHolding returns the shelves that hold any of these wishlists.
	ShelvesHolding(ctx context.Context, wishlistIDs []string) ([]Shelf, error)
	// UpsertShelf changes one person's wishlists.
	UpsertShelf(ctx context.Context, owner string, change func(s *Shelf, exists bool) ([]outbox.Event, error)) (Shelf, error)
}
