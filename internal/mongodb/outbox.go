package mongodb

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/outbox"
)

// Aggregates is the relay's store.
var _ outbox.Store = (*Aggregates[sample, *sample])(nil)

type sample struct{ version int }

func (s *sample) Identity() (string, *int) { return "", &s.version }

// Entries makes outbox records of events, for a service's own updates; now is when they were made.
func (a *Aggregates[T, P]) Entries(ctx context.Context, events ...outbox.Event) (records []outbox.Record, now time.Time, err error) {
	now = a.now().UTC().Truncate(time.Millisecond)
	records = make([]outbox.Record, len(events))
	for i, e := range events {
		if records[i], err = outbox.NewRecord(ctx, a.source, now, e); err != nil {
			return nil, now, err
		}
	}
	return records, now, nil
}

// Push is the part of an update that puts entries into the outbox. Call Wake once it is written.
func Push(entries []outbox.Record, now time.Time) bson.D {
	return bson.D{
		{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "$each", Value: entries}}}}},
		{Key: "$min", Value: bson.D{{Key: "outboxSince", Value: now}}},
	}
}

// Wake tells the relay that a document's outbox has something in it.
func (a *Aggregates[T, P]) Wake(id string) {
	select {
	case a.written <- id:
	default: // the relay's sweep finds it
	}
}

// Name is database and collection: "orders.orders".
func (a *Aggregates[T, P]) Name() string { return a.c.Database().Name() + "." + a.c.Name() }

// Written is the relay's wake-up.
func (a *Aggregates[T, P]) Written() <-chan string { return a.written }

func (a *Aggregates[T, P]) marks() Marks { return Marks{a.c, "outboxSince"} }

// Pending finds documents with entries older than before.
func (a *Aggregates[T, P]) Pending(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return a.marks().Before(ctx, before, limit)
}

// Depth counts documents with entries.
func (a *Aggregates[T, P]) Depth(ctx context.Context, limit int) (int, time.Time, error) {
	return a.marks().Depth(ctx, limit)
}

// Load reads the entries of documents, in one round trip. A document that is marked and has none, because
// taking out its last ones was cut off, is there with none.
func (a *Aggregates[T, P]) Load(ctx context.Context, ids []string) (map[string][]outbox.Record, error) {
	cursor, err := a.c.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}},
		options.Find().SetProjection(bson.D{{Key: "outbox", Value: 1}, {Key: "outboxSince", Value: 1}}))
	if err != nil {
		return nil, Wrap(err, "read outbox of %s", a.c.Name())
	}
	var docs []struct {
		ID     string          `bson:"_id"`
		Outbox []outbox.Record `bson:"outbox"`
		Since  *time.Time      `bson:"outboxSince"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, Wrap(err, "read outbox of %s", a.c.Name())
	}
	entries := make(map[string][]outbox.Record, len(docs))
	for _, d := range docs {
		if d.Since != nil || len(d.Outbox) > 0 {
			entries[d.ID] = d.Outbox
		}
	}
	return entries, nil
}

// Remove takes published entries out, and the mark when nothing is left, in one round trip.
func (a *Aggregates[T, P]) Remove(ctx context.Context, records map[string][]string) error {
	models := make([]mongo.WriteModel, 0, 2*len(records))
	for _, id := range slices.Sorted(maps.Keys(records)) { // see Bulk
		ids := records[id]
		models = append(models,
			mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).SetUpdate(bson.D{{Key: "$pull", Value: bson.D{
				{Key: "outbox", Value: bson.D{{Key: "id", Value: bson.D{{Key: "$in", Value: ids}}}}}}}}),
			mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}, {Key: "outbox", Value: bson.D{{Key: "$size", Value: 0}}}}).
				SetUpdate(bson.D{{Key: "$unset", Value: bson.D{{Key: "outbox", Value: ""}, {Key: "outboxSince", Value: ""}}}}))
	}
	_, err := Bulk(ctx, a.c, models) // the mark goes after the entries
	return Wrap(err, "clear outbox of %s", a.c.Name())
}
