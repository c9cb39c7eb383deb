// Package mongo is the store of orders on MongoDB, Amazon DocumentDB or the embedded server. All its
// indexes are declared in New. Every read is by _id or by one of them.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/orders"
)

// Store is an orders.Store.
type Store struct {
	baskets   *mongodb.Aggregates[orders.Basket, *orders.Basket]
	prices    *mongodb.Aggregates[orders.Price, *orders.Price]
	orders    *mongodb.Aggregates[orders.Order, *orders.Order]
	discounts *mongo.Collection
	uses      *mongo.Collection // of discounts
}

var _ orders.Store = (*Store)(nil)

// New returns the store in db and makes its indexes.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (*Store, error) {
	const source = "/storefront/orders"
	s := &Store{
		baskets:   mongodb.NewAggregates[orders.Basket](db.Collection("carts"), source, now),
		prices:    mongodb.NewAggregates[orders.Price](db.Collection("prices"), source, now),
		orders:    mongodb.NewAggregates[orders.Order](db.Collection("orders"), source, now),
		discounts: db.Collection("discounts"),
		uses:      db.Collection("discountUses"),
	}
	exists := func(field string) bson.D { return bson.D{{Key: field, Value: bson.D{{Key: "$exists", Value: true}}}} }
	err := errors.Join(
		mongodb.EnsureIndexes(ctx, s.baskets.Collection(),
			mongodb.Index{Name: "owner_open", Keys: []string{"owner", "-updatedAt"}, Partial: bson.D{{Key: "open", Value: true}}},
			mongodb.Index{Name: "expiry", Keys: []string{"expiresAt"}, Expire: time.Second}),
		mongodb.EnsureIndexes(ctx, s.discounts,
			mongodb.Index{Name: "holds", Keys: []string{"holds.at"}}),
		mongodb.EnsureIndexes(ctx, s.uses,
			mongodb.Index{Name: "cart", Keys: []string{"code", "cart"}, Unique: true, Partial: exists("cart")},
			mongodb.Index{Name: "free", Keys: []string{"code", "free"}, Partial: exists("free")},
			mongodb.Index{Name: "held", Keys: []string{"at"}, Partial: exists("at")}),
		s.orders.EnsureIndexes(ctx,
			mongodb.Index{Name: "owner_key", Keys: []string{"owner", "idempotencyKey"}, Unique: true},
			mongodb.Index{Name: "cart", Keys: []string{"cartId"}, Unique: true},
			// An order's id is a ULID: in the order of placing.
			mongodb.Index{Name: "owner", Keys: []string{"owner", "-_id"}},
			mongodb.Index{Name: "status", Keys: []string{"status", "-_id"}},
			mongodb.Index{Name: "due", Keys: []string{"dueAt"}, Partial: exists("dueAt")}),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare orders' database: %w", err)
	}
	return s, nil
}

// Outboxes are what the relay publishes from.
func (s *Store) Outboxes() []outbox.Store { return []outbox.Store{s.orders} }

// exists turns a duplicate into orders.ErrExists.
func exists(err error) error {
	if d, ok := errors.AsType[*mongodb.Duplicate](err); ok {
		return fmt.Errorf("%w: %w", orders.ErrExists, d)
	}
	return err
}

func in[V any](field string, values []V) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: values}}}}
}
