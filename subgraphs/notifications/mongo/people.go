package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/notifications"
)

// Contact returns one order's.
func (s *Store) Contact(ctx context.Context, orderID string) (notifications.Contact, error) {
	return s.contacts.Get(ctx, orderID)
}

// UpsertContact changes or makes one.
func (s *Store) UpsertContact(ctx context.Context, orderID string, change func(*notifications.Contact, bool) error) (notifications.Contact, error) {
	return s.contacts.Upsert(ctx, orderID, func(c *notifications.Contact, exists bool) ([]outbox.Event, error) { return nil, change(c, exists) })
}

// UpsertAllowance changes or makes one.
func (s *Store) UpsertAllowance(ctx context.Context, id string, change func(*notifications.Allowance) error) (notifications.Allowance, error) {
	return s.allowances.Upsert(ctx, id, func(a *notifications.Allowance, _ bool) ([]outbox.Event, error) { return nil, change(a) })
}

// People returns those that exist.
func (s *Store) People(ctx context.Context, owners []string) (map[string]notifications.Person, error) {
	return s.people.GetMany(ctx, owners)
}

// UpsertPerson changes or makes one.
func (s *Store) UpsertPerson(ctx context.Context, owner string, change func(*notifications.Person, bool) error) (notifications.Person, error) {
	return s.people.Upsert(ctx, owner, func(p *notifications.Person, exists bool) ([]outbox.Event, error) { return nil, change(p, exists) })
}

// Promotable reads one page of people.
func (s *Store) Promotable(ctx context.Context, after string, limit int) ([]notifications.Person, error) {
	return s.people.Find(ctx, bson.D{eq("promotable", true), op("_id", "$gt", after)},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
}

// CountPromotable counts by the index.
func (s *Store) CountPromotable(ctx context.Context) (int, error) {
	n, err := s.people.Collection().CountDocuments(ctx, bson.D{eq("promotable", true)})
	return int(n), mongodb.Wrap(err, "count people")
}

// InsertWatch keeps the first wish of its id.
func (s *Store) InsertWatch(ctx context.Context, w *notifications.Watch) error {
	update := bson.D{{Key: "$setOnInsert", Value: bson.D{eq("sku", w.SKU), eq("owner", w.Owner), eq("createdAt", w.CreatedAt)}}}
	if w.ExpiresAt != nil {
		update = append(update, bson.E{Key: "$set", Value: bson.D{eq("expiresAt", w.ExpiresAt)}})
	}
	_, err := s.watches.UpdateOne(ctx, bson.D{eq("_id", w.ID)}, update, options.UpdateOne().SetUpsert(true))
	return mongodb.Wrap(err, "insert wish")
}

// CountWatches counts by the index.
func (s *Store) CountWatches(ctx context.Context, owner string) (int, error) {
	n, err := s.watches.CountDocuments(ctx, bson.D{eq("owner", owner)})
	return int(n), mongodb.Wrap(err, "count wishes")
}

// Watches reads one page of wishes for a SKU.
func (s *Store) Watches(ctx context.Context, sku string, before time.Time, limit int) ([]notifications.Watch, error) {
	cursor, err := s.watches.Find(ctx, bson.D{eq("sku", sku), op("createdAt", "$lt", before)},
		options.Find().SetSort(bson.D{{Key: "createdAt", Value: 1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongodb.Wrap(err, "find wishes")
	}
	list := []notifications.Watch{}
	return list, mongodb.Wrap(cursor.All(ctx, &list), "find wishes")
}

// RemoveWatch forgets one.
func (s *Store) RemoveWatch(ctx context.Context, id string) error {
	_, err := s.watches.DeleteOne(ctx, bson.D{eq("_id", id)})
	return mongodb.Wrap(err, "remove wish")
}

// InsertPromotion adds one that is not there yet.
func (s *Store) InsertPromotion(ctx context.Context, p *notifications.Promotion) (bool, error) {
	return inserted(s.promotions.Insert(ctx, p))
}

// Promotion returns one.
func (s *Store) Promotion(ctx context.Context, id string) (notifications.Promotion, error) {
	return s.promotions.Get(ctx, id)
}

// UpdatePromotion changes one.
func (s *Store) UpdatePromotion(ctx context.Context, id string, change func(*notifications.Promotion) error) (notifications.Promotion, error) {
	return s.promotions.Update(ctx, id, func(p *notifications.Promotion) ([]outbox.Event, error) { return nil, change(p) })
}

// ClaimPromotion takes the one that waits longest.
func (s *Store) ClaimPromotion(ctx context.Context, now, lease time.Time) (notifications.Promotion, error) {
	var p notifications.Promotion
	err := s.promotions.Collection().FindOneAndUpdate(ctx, bson.D{op("dueAt", "$lte", now)},
		bson.D{{Key: "$set", Value: bson.D{eq("dueAt", lease)}}, {Key: "$inc", Value: bson.D{eq("version", 1)}}},
		options.FindOneAndUpdate().SetSort(bson.D{{Key: "dueAt", Value: 1}}).SetReturnDocument(options.After)).Decode(&p)
	return p, mongodb.Wrap(err, "claim promotion")
}
