// Package mongo keeps payments in MongoDB.
package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/loaders/page"
	"storefront/subgraphs/payments"
)

// Store implements payments.Store; Update and Upsert are the aggregates' own.
type Store struct {
	*mongodb.Aggregates[payments.Payment, *payments.Payment]
}

var _ payments.Store = Store{}

// New makes the indexes and returns the store.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (Store, error) {
	s := Store{mongodb.NewAggregates[payments.Payment](db.Collection("payments"), "/storefront/payments", now)}
	with := func(name, field string) mongodb.Index {
		return mongodb.Index{Name: name, Keys: []string{field}, Partial: bson.D{{Key: field, Value: bson.D{{Key: "$exists", Value: true}}}}}
	}
	return s, s.EnsureIndexes(ctx, with("due", "dueAt"), with("failed", "failedRefunds"))
}

// Outboxes are what the relay publishes.
func (s Store) Outboxes() []outbox.Store { return []outbox.Store{s} }

// Payments returns those that exist.
func (s Store) Payments(ctx context.Context, ids []string) (map[string]payments.Payment, error) {
	return s.GetMany(ctx, ids)
}

// Due lists what Settle should look at.
func (s Store) Due(ctx context.Context, t time.Time, limit int) ([]payments.Payment, error) {
	return s.Find(ctx, bson.D{{Key: "dueAt", Value: bson.D{{Key: "$lte", Value: t}}}},
		options.Find().SetSort(bson.D{{Key: "dueAt", Value: 1}}).SetLimit(int64(limit)))
}

// FailedRefunds lists what waits for staff.
func (s Store) FailedRefunds(ctx context.Context, w page.Window) ([]payments.Payment, error) {
	filter := bson.D{{Key: "failedRefunds", Value: bson.D{{Key: "$exists", Value: true}}}}
	beyond, direction := "$lt", -1
	if w.Backward {
		beyond, direction = "$gt", 1
	}
	if len(w.Cursor) > 0 {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: beyond, Value: w.Cursor[0]}}})
	}
	return s.Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: direction}}).SetLimit(int64(w.Size)+1))
}

// Sums adds up all payments by currency. It reads every one: for checks, not for requests.
func (s Store) Sums(ctx context.Context) (map[string]payments.Sums, error) {
	cursor, err := s.Collection().Find(ctx, bson.D{{Key: "status", Value: payments.Captured}}, options.Find().SetProjection(
		bson.D{{Key: "status", Value: 1}, {Key: "amount", Value: 1}, {Key: "refunds", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "sum payments")
	}
	defer cursor.Close(ctx)
	sums := map[string]payments.Sums{}
	for cursor.Next(ctx) {
		var p payments.Payment
		if err := cursor.Decode(&p); err != nil {
			return nil, mongodb.Wrap(err, "sum payments")
		}
		sum := sums[p.Amount.Currency]
		sum.Captured += p.Captured().Amount
		sum.Refunded += p.Refunded().Amount
		sum.Payments++
		sums[p.Amount.Currency] = sum
	}
	return sums, mongodb.Wrap(cursor.Err(), "sum payments")
}
