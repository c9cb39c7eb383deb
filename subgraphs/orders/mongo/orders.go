package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/outbox"
	"storefront/loaders/page"
	"storefront/subgraphs/orders"
)

func (s *Store) InsertOrder(ctx context.Context, o *orders.Order, events ...outbox.Event) error {
	return exists(s.orders.Insert(ctx, o, events...))
}

func (s *Store) Orders(ctx context.Context, ids []string) (map[string]orders.Order, error) {
	return s.orders.GetMany(ctx, ids)
}

func (s *Store) OrderByKey(ctx context.Context, owner, key string) (orders.Order, error) {
	return s.orders.FindOne(ctx, bson.D{{Key: "owner", Value: owner}, {Key: "idempotencyKey", Value: key}})
}

func (s *Store) OrdersByCart(ctx context.Context, cartIDs []string) (map[string]orders.Order, error) {
	list, err := s.orders.Find(ctx, in("cartId", cartIDs))
	if err != nil {
		return nil, err
	}
	found := make(map[string]orders.Order, len(list))
	for _, o := range list {
		found[o.CartID] = o
	}
	return found, nil
}

func (s *Store) ListOrders(ctx context.Context, f orders.OrderFilter, w page.Window) ([]orders.Order, error) {
	filter := bson.D{}
	if f.Owner != "" {
		filter = append(filter, bson.E{Key: "owner", Value: f.Owner})
	}
	if f.Status != "" {
		filter = append(filter, bson.E{Key: "status", Value: f.Status})
	}
	beyond, direction := "$lt", -1
	if w.Backward {
		beyond, direction = "$gt", 1
	}
	if len(w.Cursor) > 0 {
		filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: beyond, Value: w.Cursor[0]}}})
	}
	return s.orders.Find(ctx, filter, options.Find().
		SetSort(bson.D{{Key: "_id", Value: direction}}).SetLimit(int64(w.Size)+1))
}

func (s *Store) UpdateOrder(ctx context.Context, id string, change func(*orders.Order) ([]outbox.Event, error)) (orders.Order, error) {
	return s.orders.Update(ctx, id, change)
}

func (s *Store) StalledOrders(ctx context.Context, t time.Time, limit int) ([]orders.Order, error) {
	return s.orders.Find(ctx,
		bson.D{{Key: "dueAt", Value: bson.D{{Key: "$lte", Value: t}}}, {Key: "outboxSince", Value: bson.D{{Key: "$exists", Value: false}}}},
		options.Find().SetSort(bson.D{{Key: "dueAt", Value: 1}}).SetLimit(int64(limit)).
			SetProjection(bson.D{{Key: "lines", Value: 0}}))
}

// PutOrder writes an order as it is, for a database that is built anew from events.
func (s *Store) PutOrder(ctx context.Context, o orders.Order) error { return s.orders.Put(ctx, &o) }
