// Package mongo keeps notifications, the people and orders they are for, wishes and promotions in MongoDB.
package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/loaders/page"
	"storefront/subgraphs/notifications"
)

const source = "/storefront/notifications"

// Store implements notifications.Store. Only notifications publish events.
type Store struct {
	*mongodb.Aggregates[notifications.Notification, *notifications.Notification]
	contacts   *mongodb.Aggregates[notifications.Contact, *notifications.Contact]
	people     *mongodb.Aggregates[notifications.Person, *notifications.Person]
	promotions *mongodb.Aggregates[notifications.Promotion, *notifications.Promotion]
	allowances *mongodb.Aggregates[notifications.Allowance, *notifications.Allowance]
	watches    *mongo.Collection
}

var _ notifications.Store = (*Store)(nil)

// New makes the indexes and returns the store.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (*Store, error) {
	s := &Store{
		Aggregates: mongodb.NewAggregates[notifications.Notification](db.Collection("notifications"), source, now),
		contacts:   mongodb.NewAggregates[notifications.Contact](db.Collection("contacts"), source, now),
		people:     mongodb.NewAggregates[notifications.Person](db.Collection("people"), source, now),
		promotions: mongodb.NewAggregates[notifications.Promotion](db.Collection("promotions"), source, now),
		allowances: mongodb.NewAggregates[notifications.Allowance](db.Collection("allowances"), source, now),
		watches:    db.Collection("watches"),
	}
	due := mongodb.Index{Name: "due", Keys: []string{"dueAt"}, Partial: bson.D{{Key: "dueAt", Value: bson.D{{Key: "$exists", Value: true}}}}}
	expiry := mongodb.Index{Name: "expiry", Keys: []string{"expiresAt"}, Expire: time.Second}
	byTurn := mongodb.Index{Name: "turn", Keys: []string{"bulk", "dueAt"}, Partial: due.Partial}
	return s, errors.Join(
		s.EnsureIndexes(ctx, byTurn, expiry,
			mongodb.Index{Name: "list", Keys: []string{"owner", "listed", "-sort"}},
			mongodb.Index{Name: "unread", Keys: []string{"owner", "listed", "read", "-sort"}},
			mongodb.Index{Name: "order", Keys: []string{"orderId"}, Partial: bson.D{{Key: "orderId", Value: bson.D{{Key: "$exists", Value: true}}}}}),
		mongodb.EnsureIndexes(ctx, s.people.Collection(), expiry, mongodb.Index{Name: "promotable", Keys: []string{"promotable", "_id"},
			Partial: bson.D{{Key: "promotable", Value: true}}}),
		mongodb.EnsureIndexes(ctx, s.promotions.Collection(), due),
		mongodb.EnsureIndexes(ctx, s.allowances.Collection(), expiry),
		mongodb.EnsureIndexes(ctx, s.watches, expiry, mongodb.Index{Name: "sku", Keys: []string{"sku", "createdAt"}}, mongodb.Index{Name: "owner", Keys: []string{"owner"}}),
	)
}

// Outboxes are what the relay publishes.
func (s *Store) Outboxes() []outbox.Store { return []outbox.Store{s.Aggregates} }

// Insert adds a notification that is not there yet.
func (s *Store) Insert(ctx context.Context, n *notifications.Notification, events ...outbox.Event) (bool, error) {
	return inserted(s.Aggregates.Insert(ctx, n, events...))
}

// inserted makes a duplicate id an answer.
func inserted(err error) (bool, error) {
	if _, duplicate := errors.AsType[*mongodb.Duplicate](err); duplicate {
		return false, nil
	}
	return err == nil, err
}

// Notifications returns those that exist.
func (s *Store) Notifications(ctx context.Context, ids []string) (map[string]notifications.Notification, error) {
	return s.GetMany(ctx, ids)
}

func eq(field string, value any) bson.E { return bson.E{Key: field, Value: value} }

func op(field, operator string, value any) bson.E {
	return bson.E{Key: field, Value: bson.D{{Key: operator, Value: value}}}
}

// of matches the owners' notifications; one owner is an equality, which the index also sorts.
func of(owners []string) bson.E {
	if len(owners) == 1 {
		return eq("owner", owners[0])
	}
	return op("owner", "$in", owners)
}

// List reads one page.
func (s *Store) List(ctx context.Context, owners []string, unreadOnly bool, w page.Window) ([]notifications.Notification, error) {
	filter := bson.D{of(owners), eq("listed", true)}
	if unreadOnly {
		filter = append(filter, eq("read", false))
	}
	beyond, direction := "$lt", -1
	if w.Backward {
		beyond, direction = "$gt", 1
	}
	if len(w.Cursor) > 0 {
		filter = append(filter, op("sort", beyond, w.Cursor[0]))
	}
	return s.Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "sort", Value: direction}}).SetLimit(int64(w.Size)+1))
}

// Unread counts by the index.
func (s *Store) Unread(ctx context.Context, owners []string) (int, error) {
	n, err := s.Collection().CountDocuments(ctx, bson.D{of(owners), eq("listed", true), eq("read", false)})
	return int(n), mongodb.Wrap(err, "count unread notifications")
}

// MarkRead touches only what is unread.
func (s *Store) MarkRead(ctx context.Context, owners, ids []string) error {
	filter := bson.D{of(owners), eq("listed", true), eq("read", false)}
	if len(ids) > 0 {
		filter = append(filter, op("_id", "$in", ids))
	}
	_, err := s.Collection().UpdateMany(ctx, filter, bson.D{{Key: "$set", Value: bson.D{eq("read", true)}}, {Key: "$inc", Value: bson.D{eq("version", 1)}}})
	return mongodb.Wrap(err, "mark notifications read")
}

// Claim takes each by one conditional update on the time at which it was found due.
func (s *Store) Claim(ctx context.Context, bulk bool, now, lease time.Time, limit int) ([]notifications.Notification, error) {
	turn := eq("bulk", nil) // absent
	if bulk {
		turn.Value = true
	}
	due, err := s.Find(ctx, bson.D{turn, op("dueAt", "$lte", now)}, options.Find().SetSort(bson.D{{Key: "dueAt", Value: 1}}).SetLimit(int64(limit)))
	claimed := due[:0]
	for _, n := range due {
		res, err := s.Collection().UpdateOne(ctx, bson.D{eq("_id", n.ID), eq("dueAt", n.DueAt)}, bson.D{
			{Key: "$set", Value: bson.D{eq("dueAt", lease), eq("reason", "")}}, {Key: "$inc", Value: bson.D{eq("version", 1)}}})
		if err != nil {
			return claimed, mongodb.Wrap(err, "claim notification %s", n.ID)
		}
		if res.MatchedCount == 1 {
			n.DueAt, n.Version = &lease, n.Version+1
			claimed = append(claimed, n)
		}
	}
	return claimed, err
}

// Earlier reads one of the order's few.
func (s *Store) Earlier(ctx context.Context, orderID, sort string) (bool, error) {
	_, err := s.FindOne(ctx, bson.D{eq("orderId", orderID), eq("mail", notifications.Pending), op("sort", "$lt", sort)})
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Nudge touches only those that are put off: Claim takes the reason away from what is worked on.
func (s *Store) Nudge(ctx context.Context, orderID string, now time.Time) error {
	_, err := s.Collection().UpdateMany(ctx, bson.D{eq("orderId", orderID), eq("mail", notifications.Pending), op("reason", "$in", bson.A{notifications.OrderUnknown, notifications.Withheld, notifications.EarlierFirst})},
		bson.D{{Key: "$set", Value: bson.D{eq("dueAt", now)}}, {Key: "$inc", Value: bson.D{eq("version", 1)}}})
	return mongodb.Wrap(err, "wake notifications of %s", orderID)
}

// Unnumbered lists notifications that are about an order and do not know its number. It reads them all: it
// is for databases that are built anew from events.
func (s *Store) Unnumbered(ctx context.Context) ([]notifications.Notification, error) {
	return s.Find(ctx, bson.D{op("orderId", "$exists", true), op("facts.number", "$exists", false)})
}
