// Package mongo keeps stock and reservations in MongoDB.
//
// Every change of a stock document is one conditional update, many of them in one round trip. A stock
// document carries no outbox: StockLevelChanged says what is true now, so it is made from the document
// when the relay comes by, and changes in between are one event (see levels.go).
package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/inventory"
)

// Source is the CloudEvents source of inventory's events.
const Source = "/storefront/inventory"

// Store implements inventory.Store.
type Store struct {
	stock        *mongo.Collection
	adjustments  *mongo.Collection
	warehouses   *mongo.Collection
	reservations *mongodb.Aggregates[inventory.Reservation, *inventory.Reservation]
	levels       *levels
	now          func() time.Time
}

var _ inventory.Store = (*Store)(nil)

// New makes the indexes and returns the store.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (*Store, error) {
	s := &Store{
		stock: db.Collection("stock"), adjustments: db.Collection("adjustments"), warehouses: db.Collection("warehouses"),
		reservations: mongodb.NewAggregates[inventory.Reservation](db.Collection("reservations"), Source, now), now: now,
	}
	s.levels = newLevels(s.stock, now)
	exists := func(field string) bson.D { return bson.D{{Key: field, Value: bson.D{{Key: "$exists", Value: true}}}} }
	if err := s.reservations.EnsureIndexes(ctx,
		mongodb.Index{Name: "expiry", Keys: []string{"expiresAt"}, Partial: exists("expiresAt")},
		mongodb.Index{Name: "step", Keys: []string{"step"}, Partial: exists("step")},
	); err != nil {
		return nil, err
	}
	if err := mongodb.EnsureIndexes(ctx, s.stock,
		mongodb.Index{Name: "product", Keys: []string{"productId"}},
		mongodb.Index{Name: "changed", Keys: []string{"changedSince"}, Partial: exists("changedSince")},
	); err != nil {
		return nil, err
	}
	return s, mongodb.EnsureIndexes(ctx, s.adjustments, mongodb.Index{Name: "sku", Keys: []string{"sku", "-at"}})
}

// Outboxes are what the relay publishes: the reservations' events and the stock levels.
func (s *Store) Outboxes() []outbox.Store { return []outbox.Store{s.reservations, s.levels} }

// Reservation returns one.
func (s *Store) Reservation(ctx context.Context, orderID string) (inventory.Reservation, error) {
	return s.reservations.Get(ctx, orderID)
}

// UpdateReservation changes one.
func (s *Store) UpdateReservation(ctx context.Context, orderID string, change func(*inventory.Reservation) ([]outbox.Event, error)) (inventory.Reservation, error) {
	return s.reservations.Update(ctx, orderID, change)
}

// UpsertReservation changes or makes one.
func (s *Store) UpsertReservation(ctx context.Context, orderID string, change func(*inventory.Reservation, bool) ([]outbox.Event, error)) (inventory.Reservation, error) {
	return s.reservations.Upsert(ctx, orderID, change)
}

// Expired finds what the sweep has to do.
func (s *Store) Expired(ctx context.Context, t time.Time, limit int) ([]string, error) {
	list, err := s.reservations.Find(ctx, bson.D{{Key: "expiresAt", Value: bson.D{{Key: "$lt", Value: t}}}},
		options.Find().SetSort(bson.D{{Key: "expiresAt", Value: 1}}).SetLimit(int64(limit)))
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.OrderID
	}
	return ids, err
}

// Unfinished finds steps that are under way or were cut off.
func (s *Store) Unfinished(ctx context.Context, limit int) ([]inventory.Reservation, error) {
	return s.reservations.Find(ctx, bson.D{{Key: "step", Value: bson.D{{Key: "$exists", Value: true}}}}, options.Find().SetLimit(int64(limit)))
}

// Items returns stock by SKU.
func (s *Store) Items(ctx context.Context, skus []string) (map[string]inventory.StockItem, error) {
	list, err := s.find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: skus}}}})
	items := make(map[string]inventory.StockItem, len(list))
	for _, item := range list {
		items[item.SKU] = item
	}
	return items, err
}

// ItemsOfProducts returns stock by product.
func (s *Store) ItemsOfProducts(ctx context.Context, ids []string) (map[string][]inventory.StockItem, error) {
	list, err := s.find(ctx, bson.D{{Key: "productId", Value: bson.D{{Key: "$in", Value: ids}}}})
	items := make(map[string][]inventory.StockItem, len(ids))
	for _, item := range list {
		items[item.ProductID] = append(items[item.ProductID], item)
	}
	return items, err
}

func (s *Store) find(ctx context.Context, filter bson.D) ([]inventory.StockItem, error) {
	cursor, err := s.stock.Find(ctx, filter)
	if err != nil {
		return nil, mongodb.Wrap(err, "find stock")
	}
	list := []inventory.StockItem{}
	return list, mongodb.Wrap(cursor.All(ctx, &list), "find stock")
}

// Adjustments lists the latest.
func (s *Store) Adjustments(ctx context.Context, sku string, limit int) ([]inventory.StockAdjustment, error) {
	list := []inventory.StockAdjustment{}
	if limit == 0 {
		return list, nil
	}
	cursor, err := s.adjustments.Find(ctx, bson.D{{Key: "sku", Value: sku}},
		options.Find().SetSort(bson.D{{Key: "at", Value: -1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongodb.Wrap(err, "find adjustments")
	}
	return list, mongodb.Wrap(cursor.All(ctx, &list), "find adjustments")
}

// Warehouses lists all.
func (s *Store) Warehouses(ctx context.Context) ([]inventory.Warehouse, error) {
	list := []inventory.Warehouse{}
	cursor, err := s.warehouses.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find warehouses")
	}
	if err := cursor.All(ctx, &list); err != nil {
		return nil, mongodb.Wrap(err, "find warehouses")
	}
	for _, w := range list {
		if w.ID == inventory.DefaultWarehouse {
			return list, nil
		}
	}
	return append([]inventory.Warehouse{{ID: inventory.DefaultWarehouse, Name: "Main warehouse", Country: "DE"}}, list...), nil
}

// InsertWarehouse adds or renames one.
func (s *Store) InsertWarehouse(ctx context.Context, w inventory.Warehouse) error {
	_, err := s.warehouses.ReplaceOne(ctx, bson.D{{Key: "_id", Value: w.ID}}, w, options.Replace().SetUpsert(true))
	return mongodb.Wrap(err, "write warehouse %s", w.ID)
}
