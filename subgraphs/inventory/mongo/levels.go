package mongo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

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
	now     func() time.Time
	written chan string
}

func newLevels(stock *mongo.Collection, now func() time.Time) *levels {
	return &levels{stock: stock, now: now, written: make(chan string, 4096)}
}

func (l *levels) Name() string           { return l.stock.Database().Name() + ".stock" }
func (l *levels) Written() <-chan string { return l.written }

func (l *levels) wake(sku string) {
	select {
	case l.written <- sku:
	default: // the relay's sweep finds it
	}
}

func (l *levels) marks() mongodb.Marks {
	return mongodb.Marks{Collection: l.stock, Field: "changedSince"}
}

func (l *levels) Pending(ctx context.Context, before time.Time, limit int) ([]string, error) {
	return l.marks().Before(ctx, before, limit)
}

func (l *levels) Depth(ctx context.Context, limit int) (int, time.Time, error) {
	return l.marks().Depth(ctx, limit)
}

func (l *levels) Load(ctx context.Context, skus []string) (map[string][]outbox.Record, error) {
	cursor, err := l.stock.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: skus}}}})
	if err != nil {
		return nil, mongodb.Wrap(err, "read changed stock")
	}
	var docs []struct {
		inventory.StockItem `bson:",inline"`
		ChangedSince        *time.Time `bson:"changedSince"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongodb.Wrap(err, "read changed stock")
	}
	// When the levels are so. The mark tells of the first change since it was last taken away, which is long ago
	// where one change follows the other.
	at := l.now().UTC().Truncate(time.Millisecond)
	entries := make(map[string][]outbox.Record, len(docs))
	for _, doc := range docs {
		if doc.ChangedSince == nil {
			continue
		}
		e := events.StockLevelChanged{
			Stamp: events.Stamp{At: at}, SKU: doc.SKU, ProductID: doc.ProductID,
			Available: doc.Available, OnHand: doc.OnHand(), Version: doc.Version,
		}
		data, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode stock level: %w", err)
		}
		entries[doc.SKU] = []outbox.Record{{
			ID: "evt_" + doc.SKU + "@" + strconv.Itoa(doc.Version), Topic: e.EventTopic(), Type: e.EventType(), Key: doc.SKU,
			Source: Source, Time: *doc.ChangedSince, Data: data,
		}}
	}
	return entries, nil
}

// Remove takes the mark away where the version is still the one that was published. A document that
// has changed since keeps it, and whoever changed it has woken the relay.
func (l *levels) Remove(ctx context.Context, records map[string][]string) error {
	models := make([]mongo.WriteModel, 0, len(records))
	for _, sku := range slices.Sorted(maps.Keys(records)) { // see mongodb.Bulk
		for _, id := range records[sku] {
			version, err := strconv.Atoi(id[strings.LastIndexByte(id, '@')+1:])
			if err != nil {
				return fmt.Errorf("stock level %q: %w", id, err)
			}
			models = append(models, mongo.NewUpdateOneModel().
				SetFilter(bson.D{{Key: "_id", Value: sku}, {Key: "version", Value: version}}).
				SetUpdate(bson.D{{Key: "$unset", Value: bson.D{{Key: "changedSince", Value: ""}}}}))
		}
	}
	_, err := mongodb.Bulk(ctx, l.stock, models)
	return mongodb.Wrap(err, "mark stock as published")
}
