// Package mongo keeps shipments in MongoDB.
package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/shipping"
)

// Store implements shipping.Store; Update and Upsert are the aggregates' own.
type Store struct {
	*mongodb.Aggregates[shipping.Shipment, *shipping.Shipment]
}

var _ shipping.Store = Store{}

// New makes the indexes and returns the store.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (Store, error) {
	s := Store{mongodb.NewAggregates[shipping.Shipment](db.Collection("shipments"), "/storefront/shipping", now)}
	return s, s.EnsureIndexes(ctx, mongodb.Index{Name: "due", Keys: []string{"dueAt"},
		Partial: bson.D{{Key: "dueAt", Value: bson.D{{Key: "$exists", Value: true}}}}})
}

// Outboxes are what the relay publishes.
func (s Store) Outboxes() []outbox.Store { return []outbox.Store{s} }

// Shipments returns those that exist.
func (s Store) Shipments(ctx context.Context, ids []string) (map[string]shipping.Shipment, error) {
	return s.GetMany(ctx, ids)
}

// Due lists what is to be tracked.
func (s Store) Due(ctx context.Context, t time.Time, limit int) ([]shipping.Shipment, error) {
	return s.Find(ctx, bson.D{{Key: "dueAt", Value: bson.D{{Key: "$lte", Value: t}}}},
		options.Find().SetSort(bson.D{{Key: "dueAt", Value: 1}}).SetLimit(int64(limit)))
}
