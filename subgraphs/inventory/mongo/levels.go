package mongo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/events"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/inventory"
)

// levels is the stock documents as the relay sees them. A document that changed is its own outbox
// entry: Load makes a StockLevelChanged of what is true now, Remove takes the mark away if nothing has
// changed since. A hundred sales in the time of one publish are one event.
type levels struct {
	stock   *mongo.Collection
	written chan string
}

func newLevels(stock *mongo.Collection) *levels {
	return &levels{stock: stock, written: make(chan string, 4096)}
}

func (l *levels) Name() string           { return l.stock.Database().Name() + ".stock" }
func (l *levels) Written() <-chan string { return l.written }

func (l *levels) wake(sku string) {
	select {
	case l.written <- sku:
	default: // the relay's sweep finds it
	}
}

func (l *levels) Pending(ctx context.Context, before time.Time, limit int) ([]string, error) {
	cursor, err := l.stock.Find(ctx, bson.D{{Key: "changedSince", Value: bson.D{{Key: "$lt", Value: before}}}},
		options.Find().SetSort(bson.D{{Key: "changedSince", Value: 1}}).SetLimit(int64(limit)).SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find changed stock")
	}
	var docs []struct {
		SKU string `bson:"_id"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongodb.Wrap(err, "find changed stock")
	}
	list := make([]string, len(docs))
	for i, d := range docs {
		list[i] = d.SKU
	}
	return list, nil
}

func (l *levels) Load(ctx context.Context, sku string) ([]outbox.Record, error) {
	var doc struct {
		inventory.StockItem `bson:",inline"`
		ChangedSince        *time.Time `bson:"changedSince"`
	}
	err := l.stock.FindOne(ctx, bson.D{{Key: "_id", Value: sku}}).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) || err == nil && doc.ChangedSince == nil {
		return []outbox.Record{}, nil
	}
	if err != nil {
		return nil, mongodb.Wrap(err, "read stock of %s", sku)
	}
	e := events.StockLevelChanged{
		Stamp: events.Stamp{At: *doc.ChangedSince}, SKU: sku, ProductID: doc.ProductID,
		Available: doc.Available, OnHand: doc.OnHand(), Version: doc.Version,
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode stock level: %w", err)
	}
	return []outbox.Record{{
		ID: "evt_" + sku + "@" + strconv.Itoa(doc.Version), Topic: e.EventTopic(), Type: e.EventType(), Key: sku,
		Source: Source, Time: *doc.ChangedSince, Data: data,
	}}, nil
}

func (l *levels) Remove(ctx context.Context, sku string, ids []string) error {
	for _, id := range ids {
		version, err := strconv.Atoi(id[strings.LastIndexByte(id, '@')+1:])
		if err != nil {
			return fmt.Errorf("stock level %q: %w", id, err)
		}
		res, err := l.stock.UpdateOne(ctx, bson.D{{Key: "_id", Value: sku}, {Key: "version", Value: version}},
			bson.D{{Key: "$unset", Value: bson.D{{Key: "changedSince", Value: ""}}}})
		if err != nil {
			return mongodb.Wrap(err, "mark stock of %s as published", sku)
		}
		if res.MatchedCount == 0 {
			l.wake(sku) // it has changed again
		}
	}
	return nil
}
