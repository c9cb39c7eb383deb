package notifications

import (
	"context"
	"time"

	"storefront/internal/outbox"
	"storefront/loaders/page"
)

// Store keeps what the service owns. Every method is safe to repeat; a change and its events are one
// write. Errors have code NotFound where a single thing is missing, Unavailable when the database is away.
type Store interface {
	// Insert adds a notification and its events; false when it is there already, which changes nothing.
	Insert(ctx context.Context, n *Notification, events ...outbox.Event) (bool, error)
	// Update changes one atomically; change may run more than once.
	Update(ctx context.Context, id string, change func(*Notification) ([]outbox.Event, error)) (Notification, error)
	// Notifications returns those that exist, by id.
	Notifications(ctx context.Context, ids []string) (map[string]Notification, error)
	// List returns one more than w.Size of the owners' listed notifications, newest first (oldest when
	// w.Backward). A cursor has one part, Sort.
	List(ctx context.Context, owners []string, unreadOnly bool, w page.Window) ([]Notification, error)
	// Unread counts the owners' listed notifications that nobody has read.
	Unread(ctx context.Context, owners []string) (int, error)
	// MarkRead marks the owners' notifications with these ids, all of theirs when there are none.
	MarkRead(ctx context.Context, owners, ids []string) error
	// Claim takes up to limit pending mails, bulk or not, that are due at now, the longest waiting first: each
	// is the caller's alone until the lease ends.
	Claim(ctx context.Context, bulk bool, now, lease time.Time, limit int) ([]Notification, error)
	// Earlier reports whether an order has a pending mail that comes before sort.
	Earlier(ctx context.Context, orderID, sort string) (bool, error)
	// Nudge makes the pending mails of an order that wait for its contact, for a payment, or for an earlier
	// mail due at now.
	Nudge(ctx context.Context, orderID string, now time.Time) error
	// UpsertAllowance changes or makes one atomically; one that has expired may be gone.
	UpsertAllowance(ctx context.Context, id string, change func(*Allowance) error) (Allowance, error)

	// Contact returns whom an order's mails go to.
	Contact(ctx context.Context, orderID string) (Contact, error)
	// UpsertContact changes or makes one atomically.
	UpsertContact(ctx context.Context, orderID string, change func(c *Contact, exists bool) error) (Contact, error)
	// People returns those that exist, by owner id.
	People(ctx context.Context, owners []string) (map[string]Person, error)
	// UpsertPerson changes or makes one atomically.
	UpsertPerson(ctx context.Context, owner string, change func(p *Person, exists bool) error) (Person, error)
	// Promotable lists users whom a promotion reaches, by id, beginning after one.
	Promotable(ctx context.Context, after string, limit int) ([]Person, error)
	// CountPromotable counts them.
	CountPromotable(ctx context.Context) (int, error)

	// InsertWatch adds a wish; one that is there already stays as it is, but for its expiry.
	InsertWatch(ctx context.Context, w *Watch) error
	// CountWatches counts a person's wishes.
	CountWatches(ctx context.Context, owner string) (int, error)
	// Watches lists wishes for a SKU that were made before t, by id.
	Watches(ctx context.Context, sku string, before time.Time, limit int) ([]Watch, error)
	// RemoveWatch forgets one.
	RemoveWatch(ctx context.Context, id string) error

	// InsertPromotion adds one; false when there is one of this id already.
	InsertPromotion(ctx context.Context, p *Promotion) (bool, error)
	// Promotion returns one.
	Promotion(ctx context.Context, id string) (Promotion, error)
	// UpdatePromotion changes one atomically.
	UpdatePromotion(ctx context.Context, id string, change func(*Promotion) error) (Promotion, error)
	// ClaimPromotion takes one that is due at now until the lease ends; NotFound when there is none.
	ClaimPromotion(ctx context.Context, now, lease time.Time) (Promotion, error)
}
