package mongo

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/subgraphs/inventory"
)

// keysKept is how many keys of adjustments and restocks a stock document remembers. A repeat that comes
// later than that is caught by the adjustment's or the reservation's own document.
const keysKept = 100

// Hold takes all lines with one unordered bulk of conditional updates; only when not all of them match,
// a read tells which are held and which are short.
func (s *Store) Hold(ctx context.Context, orderID string, lines []inventory.ReservationLine) ([]events.Shortage, error) {
	hold, taken := "holds."+orderID, "taken."+orderID
	matched, err := s.bulk(ctx, lines, func(l inventory.ReservationLine) (bson.D, bson.D) {
		return bson.D{
				{Key: "_id", Value: l.SKU},
				{Key: "available", Value: bson.D{{Key: "$gte", Value: l.Quantity}}},
				{Key: hold, Value: bson.D{{Key: "$exists", Value: false}}},
				{Key: taken, Value: bson.D{{Key: "$exists", Value: false}}},
			},
			s.changed(bson.D{{Key: "available", Value: -l.Quantity}}, bson.E{Key: "$set", Value: bson.D{{Key: hold, Value: l.Quantity}}})
	})
	if err != nil || matched == len(lines) {
		return nil, err
	}
	items, err := s.Items(ctx, skus(lines))
	if err != nil {
		return nil, err
	}
	var missing []events.Shortage
	for _, l := range lines {
		item := items[l.SKU]
		if _, held := item.Holds[orderID]; !held {
			missing = append(missing, events.Shortage{SKU: l.SKU, Requested: l.Quantity, Available: item.Available})
		}
	}
	return missing, nil
}

// Release gives back what is held: each update is conditional on the hold and its quantity, which a
// read tells first, because a reservation that was cut off may hold only part of its lines.
func (s *Store) Release(ctx context.Context, orderID string, skuList []string) error {
	held, err := s.held(ctx, orderID, skuList)
	if err != nil || len(held) == 0 {
		return err
	}
	hold := "holds." + orderID
	_, err = s.bulk(ctx, held, func(l inventory.ReservationLine) (bson.D, bson.D) {
		return bson.D{{Key: "_id", Value: l.SKU}, {Key: hold, Value: l.Quantity}},
			s.changed(bson.D{{Key: "available", Value: l.Quantity}}, bson.E{Key: "$unset", Value: bson.D{{Key: hold, Value: ""}}})
	})
	return err
}

// Commit takes what is held out of the warehouses. Which ones is decided from a read, and the update is
// conditional on their having enough still; until all are done it begins again. The same update notes which
// they were, so that no crash forgets it, and nobody who is late holds the goods of a sale again.
func (s *Store) Commit(ctx context.Context, orderID string, lines []inventory.ReservationLine) (inventory.Units, error) {
	hold, taken := "holds."+orderID, "taken."+orderID
	for range 20 {
		items, err := s.Items(ctx, skus(lines))
		if err != nil {
			return nil, err
		}
		var held []inventory.ReservationLine
		units := inventory.Units{}
		for _, l := range lines {
			if q, ok := items[l.SKU].Holds[orderID]; ok {
				held = append(held, inventory.ReservationLine{SKU: l.SKU, Quantity: q})
			}
			if from, ok := items[l.SKU].Taken[orderID]; ok {
				units[l.SKU] = from
			}
		}
		if len(held) == 0 {
			return units, nil
		}
		if _, err := s.bulk(ctx, held, func(l inventory.ReservationLine) (bson.D, bson.D) {
			filter := bson.D{{Key: "_id", Value: l.SKU}, {Key: hold, Value: l.Quantity}}
			from := inventory.Take(items[l.SKU].Levels, l.Quantity)
			var inc bson.D
			for w, n := range from {
				level := "levels." + w
				filter = append(filter, bson.E{Key: level, Value: bson.D{{Key: "$gte", Value: n}}})
				inc = append(inc, bson.E{Key: level, Value: -n})
			}
			return filter, s.changed(inc, bson.E{Key: "$unset", Value: bson.D{{Key: hold, Value: ""}}},
				bson.E{Key: "$set", Value: bson.D{{Key: taken, Value: from}}})
		}); err != nil {
			return nil, err
		}
	}
	return nil, errs.New(errs.Unavailable, "the stock of order %s keeps changing; try again", orderID)
}

// Forget drops what Commit noted; that is no change of stock.
func (s *Store) Forget(ctx context.Context, orderID string, skuList []string) error {
	models := make([]mongo.WriteModel, 0, len(skuList))
	for _, sku := range slices.Sorted(slices.Values(skuList)) { // see mongodb.Bulk
		models = append(models, mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: sku}}).
			SetUpdate(bson.D{{Key: "$unset", Value: bson.D{{Key: "taken." + orderID, Value: ""}}}}))
	}
	_, err := mongodb.Bulk(ctx, s.stock, models)
	return mongodb.Wrap(err, "forget the sale of order %s", orderID)
}

// Restock adds units to warehouses.
func (s *Store) Restock(ctx context.Context, key string, units inventory.Units) error {
	lines := make([]inventory.ReservationLine, 0, len(units))
	for sku, to := range units {
		n := 0
		for _, k := range to {
			n += k
		}
		lines = append(lines, inventory.ReservationLine{SKU: sku, Quantity: n})
	}
	_, err := s.bulk(ctx, lines, func(l inventory.ReservationLine) (bson.D, bson.D) {
		inc := bson.D{{Key: "available", Value: l.Quantity}}
		for w, n := range units[l.SKU] {
			inc = append(inc, bson.E{Key: "levels." + w, Value: n})
		}
		return bson.D{{Key: "_id", Value: l.SKU}, {Key: "keys", Value: bson.D{{Key: "$ne", Value: key}}}}, s.changed(inc, remember(key))
	})
	return err
}

// Describe ties SKUs to their product: each by one update that holds only if what the SKU's document was
// described by is older. A SKU that a product gives up stays described by it, so that an older version
// does not bring it back.
func (s *Store) Describe(ctx context.Context, d inventory.Description) error {
	field := func(name string, value any) bson.E { return bson.E{Key: name, Value: value} }
	op := func(name string, value any) bson.D { return bson.D{field(name, value)} }
	var (
		undescribed = op("described", op("$exists", false))
		older       = bson.D{field("described.by", d.ProductID), field("described.version", op("$lt", d.Version))}
		ofAnother   = bson.D{field("described.by", op("$ne", d.ProductID)), field("described.at", op("$lt", d.At))}
		by          = field("described", bson.D{field("by", d.ProductID), field("version", d.Version), field("at", d.At)})
	)
	bySKU := map[string][]mongo.WriteModel{}
	for _, sku := range d.SKUs {
		bySKU[sku] = append(bySKU[sku],
			mongo.NewUpdateOneModel().SetFilter(op("_id", sku)).SetUpsert(true).SetUpdate(op("$setOnInsert", empty())),
			mongo.NewUpdateOneModel().SetFilter(bson.D{field("_id", sku), field("$or", bson.A{undescribed, older, ofAnother})}).
				SetUpdate(op("$set", bson.D{field("productId", d.ProductID), by})))
	}
	for _, sku := range d.Removed {
		bySKU[sku] = append(bySKU[sku], mongo.NewUpdateOneModel().
			SetFilter(bson.D{field("_id", sku), field("productId", d.ProductID), field("$or", bson.A{undescribed, older})}).
			SetUpdate(bson.D{field("$set", bson.D{by}), field("$unset", op("productId", ""))}))
	}
	if len(bySKU) == 0 {
		return nil
	}
	var models []mongo.WriteModel
	for _, sku := range slices.Sorted(maps.Keys(bySKU)) { // see mongodb.Bulk
		models = append(models, bySKU[sku]...)
	}
	_, err := mongodb.Bulk(ctx, s.stock, models) // an item is made before it is described
	return mongodb.Wrap(err, "describe stock of %s", d.ProductID)
}

// bulk runs one conditional update per line, in one round trip, and reports how many matched.
func (s *Store) bulk(ctx context.Context, lines []inventory.ReservationLine, update func(inventory.ReservationLine) (filter, change bson.D)) (int, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	lines = slices.SortedFunc(slices.Values(lines), func(a, b inventory.ReservationLine) int { return strings.Compare(a.SKU, b.SKU) }) // see mongodb.Bulk
	models := make([]mongo.WriteModel, len(lines))
	for i, l := range lines {
		filter, change := update(l)
		models[i] = mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(change)
	}
	res, err := mongodb.Bulk(ctx, s.stock, models)
	if err != nil {
		return 0, mongodb.Wrap(err, "change stock")
	}
	for _, l := range lines {
		s.levels.wake(l.SKU)
	}
	return int(res.MatchedCount), nil
}

// changed is an update that counts up the version and marks the level as not published.
func (s *Store) changed(inc bson.D, more ...bson.E) bson.D {
	update := bson.D{
		{Key: "$inc", Value: append(inc, bson.E{Key: "version", Value: 1})},
		{Key: "$min", Value: bson.D{{Key: "changedSince", Value: s.now().UTC().Truncate(time.Millisecond)}}},
	}
	return append(update, more...)
}

func remember(key string) bson.E {
	return bson.E{Key: "$push", Value: bson.D{{Key: "keys", Value: bson.D{
		{Key: "$each", Value: bson.A{key}}, {Key: "$slice", Value: -keysKept}}}}}
}

func empty() bson.D {
	return bson.D{{Key: "version", Value: 1}, {Key: "available", Value: 0}, {Key: "levels", Value: bson.D{}}, {Key: "holds", Value: bson.D{}}}
}

func (s *Store) held(ctx context.Context, orderID string, skuList []string) ([]inventory.ReservationLine, error) {
	items, err := s.Items(ctx, skuList)
	var held []inventory.ReservationLine
	for _, sku := range skuList {
		if q, ok := items[sku].Holds[orderID]; ok {
			held = append(held, inventory.ReservationLine{SKU: sku, Quantity: q})
		}
	}
	return held, err
}

func skus(lines []inventory.ReservationLine) []string {
	list := make([]string, len(lines))
	for i, l := range lines {
		list[i] = l.SKU
	}
	return list
}
