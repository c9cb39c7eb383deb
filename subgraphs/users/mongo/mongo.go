// Package mongo keeps people and their wishlists in MongoDB.
package mongo

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/users"
)

// Store implements users.Store.
type Store struct {
	users   *mongodb.Aggregates[users.User, *users.User]
	shelves *mongodb.Aggregates[users.Shelf, *users.Shelf]
}

var _ users.Store = (*Store)(nil)

// New makes the indexes and returns the store.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (*Store, error) {
	const source = "/storefront/users"
	s := &Store{
		users:   mongodb.NewAggregates[users.User](db.Collection("users"), source, now),
		shelves: mongodb.NewAggregates[users.Shelf](db.Collection("wishlists"), source, now),
	}
	if err := s.users.EnsureIndexes(ctx); err != nil {
		return nil, fmt.Errorf("prepare users' database: %w", err)
	}
	if err := mongodb.EnsureIndexes(ctx, s.shelves.Collection(), mongodb.Index{Name: "list", Keys: []string{"lists.id"}}); err != nil {
		return nil, fmt.Errorf("prepare users' database: %w", err)
	}
	return s, nil
}

// Outboxes are what the relay publishes.
func (s *Store) Outboxes() []outbox.Store { return []outbox.Store{s.users} }

// Users implements users.Store.
func (s *Store) Users(ctx context.Context, ids []string) (map[string]users.User, error) {
	return s.users.GetMany(ctx, ids)
}

// UpdateUser implements users.Store.
func (s *Store) UpdateUser(ctx context.Context, id string, change func(*users.User) ([]outbox.Event, error)) (users.User, error) {
	return s.users.Update(ctx, id, change)
}

// UpsertUser implements users.Store.
func (s *Store) UpsertUser(ctx context.Context, id string, change func(*users.User, bool) ([]outbox.Event, error)) (users.User, error) {
	return s.users.Upsert(ctx, id, change)
}

// Shelves implements users.Store.
func (s *Store) Shelves(ctx context.Context, owners []string) (map[string]users.Shelf, error) {
	if len(owners) == 0 {
		return map[string]users.Shelf{}, nil
	}
	return s.shelves.GetMany(ctx, owners)
}

// ShelvesHolding implements users.Store.
func (s *Store) ShelvesHolding(ctx context.Context, ids []string) ([]users.Shelf, error) {
	return s.shelves.Find(ctx, bson.D{{Key: "lists.id", Value: bson.D{{Key: "$in", Value: ids}}}})
}

// UpsertShelf implements users.Store.
func (s *Store) UpsertShelf(ctx context.Context, owner string, change func(*users.Shelf, bool) ([]outbox.Event, error)) (users.Shelf, error) {
	return s.shelves.Upsert(ctx, owner, change)
}
