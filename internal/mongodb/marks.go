package mongodb

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Marks are the documents of a collection that have a time in a field: since then, something waits to be
// published. The field has a partial index.
type Marks struct {
	Collection *mongo.Collection
	Field      string
}

func (m Marks) find(ctx context.Context, condition bson.D, limit int) ([]bson.Raw, error) {
	cursor, err := m.Collection.Find(ctx, bson.D{{Key: m.Field, Value: condition}},
		options.Find().SetSort(bson.D{{Key: m.Field, Value: 1}}).SetLimit(int64(limit)).
			SetProjection(bson.D{{Key: m.Field, Value: 1}}))
	if err != nil {
		return nil, Wrap(err, "find what %s has to publish", m.Collection.Name())
	}
	var marks []bson.Raw
	err = cursor.All(ctx, &marks)
	return marks, Wrap(err, "find what %s has to publish", m.Collection.Name())
}

// Before returns the ids of documents marked before t, oldest first, at most limit.
func (m Marks) Before(ctx context.Context, t time.Time, limit int) ([]string, error) {
	marks, err := m.find(ctx, bson.D{{Key: "$lt", Value: t}}, limit)
	ids := make([]string, len(marks))
	for i, mark := range marks {
		ids[i], _ = mark.Lookup("_id").StringValueOK()
	}
	return ids, err
}

// Depth counts the marked documents, up to limit, and returns the oldest mark.
func (m Marks) Depth(ctx context.Context, limit int) (documents int, oldest time.Time, err error) {
	marks, err := m.find(ctx, bson.D{{Key: "$exists", Value: true}}, limit)
	if len(marks) > 0 {
		oldest, _ = marks[0].Lookup(m.Field).TimeOK()
	}
	return len(marks), oldest, err
}
