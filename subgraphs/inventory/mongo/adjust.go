package mongo

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/subgraphs/inventory"
)

// note is an adjustment as it is kept: written down before it is done.
type note struct {
	inventory.StockAdjustment `bson:",inline"`
	Done                      bool `bson:"done"`
}

// Adjust goes over all adjustments step by step, each step one round trip: note them, change the stock,
// find those that were refused, mark the rest as done. The note keeps a later repeat from counting
// twice, the key in the stock document one that comes after a crash in between. What is noted by another
// call with another delta is left to that.
func (s *Store) Adjust(ctx context.Context, list []inventory.StockAdjustment) (short, other []inventory.StockAdjustment, err error) {
	open, other, err := s.undone(ctx, list)
	if err != nil || len(open) == 0 {
		return nil, other, err
	}
	slices.SortStableFunc(open, func(a, b inventory.StockAdjustment) int { return strings.Compare(a.SKU, b.SKU) }) // see mongodb.Bulk
	if err := s.note(ctx, open); err != nil {
		return nil, nil, err
	}
	// Another call may have noted the same keys meanwhile. FerretDB tells both that they did.
	open, more, err := s.undone(ctx, open)
	if err != nil {
		return nil, nil, err
	}
	if other = append(other, more...); len(open) == 0 {
		return nil, other, nil
	}
	models := make([]mongo.WriteModel, len(open))
	for i, a := range open {
		level := "levels." + a.Warehouse
		filter := bson.D{{Key: "_id", Value: a.SKU}, {Key: "keys", Value: bson.D{{Key: "$ne", Value: a.ID}}}}
		if a.Delta < 0 {
			filter = append(filter, bson.E{Key: "available", Value: bson.D{{Key: "$gte", Value: -a.Delta}}},
				bson.E{Key: level, Value: bson.D{{Key: "$gte", Value: -a.Delta}}})
		}
		models[i] = mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(
			s.changed(bson.D{{Key: "available", Value: a.Delta}, {Key: level, Value: a.Delta}}, remember(a.ID)))
	}
	res, err := mongodb.Bulk(ctx, s.stock, models)
	if err != nil {
		return nil, nil, mongodb.Wrap(err, "adjust stock")
	}
	for _, a := range open {
		s.levels.wake(a.SKU)
	}
	if int(res.MatchedCount) < len(open) {
		if short, err = s.withoutKey(ctx, open); err != nil {
			return nil, nil, err
		}
	}
	return short, other, s.close(ctx, open, short)
}

// undone leaves out what was done before, and returns apart the notes of those that have another delta.
func (s *Store) undone(ctx context.Context, list []inventory.StockAdjustment) (open, other []inventory.StockAdjustment, err error) {
	ids := make([]string, len(list))
	for i, a := range list {
		ids[i] = a.ID
	}
	cursor, err := s.adjustments.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}})
	if err != nil {
		return nil, nil, mongodb.Wrap(err, "find adjustments")
	}
	var notes []note
	if err := cursor.All(ctx, &notes); err != nil {
		return nil, nil, mongodb.Wrap(err, "find adjustments")
	}
	for _, a := range list {
		i := slices.IndexFunc(notes, func(n note) bool { return n.ID == a.ID })
		switch {
		case i < 0:
			open = append(open, a)
		case notes[i].Delta != a.Delta:
			other = append(other, notes[i].StockAdjustment)
		case !notes[i].Done:
			open = append(open, a)
		}
	}
	return open, other, nil
}

// note writes the adjustments down that are not yet, and makes stock documents of SKUs that had none.
func (s *Store) note(ctx context.Context, open []inventory.StockAdjustment) error {
	var stock, notes []mongo.WriteModel
	upsert := func(id string, fields bson.D) mongo.WriteModel {
		return mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: id}}).SetUpdate(bson.D{{Key: "$setOnInsert", Value: fields}}).SetUpsert(true)
	}
	for _, a := range open {
		if a.Delta > 0 {
			stock = append(stock, upsert(a.SKU, empty()))
		}
		notes = append(notes, upsert(a.ID, bson.D{{Key: "sku", Value: a.SKU}, {Key: "warehouse", Value: a.Warehouse},
			{Key: "delta", Value: a.Delta}, {Key: "reason", Value: a.Reason}, {Key: "actor", Value: a.Actor}, {Key: "at", Value: a.At}}))
	}
	if len(stock) > 0 {
		if _, err := mongodb.Bulk(ctx, s.stock, stock); err != nil {
			return mongodb.Wrap(err, "make stock")
		}
	}
	_, err := mongodb.Bulk(ctx, s.adjustments, notes)
	return mongodb.Wrap(err, "write adjustments")
}

// withoutKey returns the adjustments that the stock documents do not know of.
func (s *Store) withoutKey(ctx context.Context, open []inventory.StockAdjustment) ([]inventory.StockAdjustment, error) {
	ids := make([]string, len(open))
	for i, a := range open {
		ids[i] = a.ID
	}
	cursor, err := s.stock.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: skusOf(open)}}}, {Key: "keys", Value: bson.D{{Key: "$in", Value: ids}}}},
		options.Find().SetProjection(bson.D{{Key: "keys", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find adjusted stock")
	}
	var docs []struct {
		Keys []string `bson:"keys"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongodb.Wrap(err, "find adjusted stock")
	}
	known := map[string]bool{}
	for _, d := range docs {
		for _, k := range d.Keys {
			known[k] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(open), func(a inventory.StockAdjustment) bool { return known[a.ID] }), nil
}

// close marks what is done, and takes back the notes of what was refused.
func (s *Store) close(ctx context.Context, open, refused []inventory.StockAdjustment) error {
	models := make([]mongo.WriteModel, len(open))
	for i, a := range open {
		id := bson.D{{Key: "_id", Value: a.ID}}
		if slices.ContainsFunc(refused, func(r inventory.StockAdjustment) bool { return r.ID == a.ID }) {
			models[i] = mongo.NewDeleteOneModel().SetFilter(id)
		} else {
			models[i] = mongo.NewUpdateOneModel().SetFilter(id).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "done", Value: true}}}})
		}
	}
	_, err := mongodb.Bulk(ctx, s.adjustments, models)
	return mongodb.Wrap(err, "finish adjustments")
}

func skusOf(list []inventory.StockAdjustment) []string {
	skus := make([]string, len(list))
	for i, a := range list {
		skus[i] = a.SKU
	}
	return skus
}
