package mongodb

import (
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestLookups counts the records a command looks at among 2,000: what is indexed must not be scanned.
func TestLookups(t *testing.T) {
	s := start(t, "")
	c := connect(t, s.URI()).Database("shop").Collection("c")
	exists := func(f string) *options.IndexOptionsBuilder {
		return options.Index().SetPartialFilterExpression(bson.D{{Key: f, Value: bson.D{{Key: "$exists", Value: true}}}})
	}
	must[[]string](t)(c.Indexes().CreateMany(t.Context(), []mongo.IndexModel{
		{Keys: bson.D{{Key: "user", Value: 1}, {Key: "at", Value: -1}}},
		{Keys: bson.D{{Key: "status", Value: 1}, {Key: "at", Value: 1}, {Key: "_id", Value: 1}}},
		{Keys: bson.D{{Key: "tags", Value: 1}}},
		{Keys: bson.D{{Key: "lines.sku", Value: 1}}},
		{Keys: bson.D{{Key: "outboxSince", Value: 1}}, Options: exists("outboxSince")},
		{Keys: bson.D{{Key: "expires", Value: 1}}},
		{Keys: bson.D{{Key: "cart", Value: 1}}, Options: options.Index().SetUnique(true).SetPartialFilterExpression(bson.D{{Key: "open", Value: true}})},
		{Keys: bson.D{{Key: "ref", Value: 1}}, Options: options.Index().SetSparse(true)},
	}))
	var docs []any
	for i := range 2000 {
		d := bson.D{{Key: "_id", Value: i}, {Key: "user", Value: i % 100}, {Key: "at", Value: i / 200}, {Key: "status", Value: []string{"A", "B"}[i%2]},
			{Key: "tags", Value: bson.A{i % 50, "t"}}, {Key: "lines", Value: bson.A{bson.D{{Key: "sku", Value: i}}, bson.D{{Key: "sku", Value: i + 1}}}}, {Key: "cart", Value: i}, {Key: "open", Value: i%10 == 0}}
		if i%400 == 0 {
			d = append(d, bson.E{Key: "outboxSince", Value: i}, bson.E{Key: "expires", Value: i}, bson.E{Key: "ref", Value: i})
		}
		docs = append(docs, d)
	}
	must[*mongo.InsertManyResult](t)(c.InsertMany(t.Context(), docs))
	stored := s.store.lookup("shop.c")
	cases := []struct {
		filter, sort string
		limit        int64
		found, most  int64
	}{
		{`{"_id":7}`, ``, 0, 1, 1}, {`{"_id":{"$in":[1,2,5000]}}`, ``, 0, 2, 2}, {`{"_id":{"$gte":10,"$lt":20}}`, ``, 0, 10, 10},
		{`{"user":5}`, ``, 0, 20, 20}, {`{"user":{"$in":[1,2]}}`, ``, 0, 40, 40}, {`{"user":5,"at":3}`, ``, 0, 2, 2}, {`{"user":5,"at":{"$gt":7}}`, ``, 0, 4, 4},
		{`{"user":5}`, `{"at":-1}`, 3, 3, 3}, {`{"user":5}`, `{"at":1}`, 3, 3, 3}, {`{"user":5}`, `{"at":-1,"_id":-1}`, 3, 3, 5},
		{`{"status":"A"}`, `{"at":-1,"_id":-1}`, 5, 5, 5}, {`{}`, `{"_id":-1}`, 4, 4, 4}, {`{"status":"A","at":{"$gte":9}}`, `{"at":1,"_id":1}`, 7, 7, 7},
		{`{"tags":7}`, ``, 0, 40, 40}, {`{"lines.sku":9}`, ``, 0, 2, 2}, {`{"lines":{"$elemMatch":{"sku":9}},"_id":9}`, ``, 0, 1, 1},
		{`{"outboxSince":{"$exists":true}}`, `{"outboxSince":1}`, 2, 2, 2}, {`{"outboxSince":{"$gt":500}}`, ``, 0, 3, 3}, {`{"outboxSince":{"$exists":true}}`, ``, 0, 5, 5},
		{`{"expires":{"$lt":900}}`, `{"expires":1}`, 0, 3, 3}, {`{"expires":{"$lt":900}}`, `{"expires":-1}`, 1, 1, 1},
		{`{"cart":40,"open":true}`, ``, 0, 1, 1}, {`{"ref":400}`, ``, 0, 1, 1}, {`{"ref":{"$gt":0}}`, ``, 0, 4, 4},
		{`{"$or":[{"_id":3},{"user":4,"at":0}]}`, ``, 0, 3, 3}, {`{"$and":[{"user":5},{"at":3}]}`, ``, 0, 2, 2},
		{`{"cart":41}`, ``, 0, 1, 2000}, {`{"ref":null}`, ``, 0, 1995, 2000}, {`{"outboxSince":{"$exists":false}}`, ``, 0, 1995, 2000},
	}
	for _, tc := range cases {
		opts := options.Find().SetLimit(tc.limit)
		if tc.sort != "" {
			opts.SetSort(ejson(t, tc.sort))
		}
		before := stored.scanned.Load()
		var all []bson.D
		if err := must[*mongo.Cursor](t)(c.Find(t.Context(), ejson(t, tc.filter), opts)).All(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		looked := stored.scanned.Load() - before
		if int64(len(all)) != tc.found || looked > tc.most {
			t.Errorf("%s sort %s: found %d of %d, looked at %d, at most %d", tc.filter, tc.sort, len(all), tc.found, looked, tc.most)
		}
	}
	before := stored.scanned.Load()
	must[*mongo.UpdateResult](t)(c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 5}, {Key: "status", Value: "B"}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "outboxSince", Value: ""}}}}))
	must[*mongo.UpdateResult](t)(c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: -5}}, bson.D{{Key: "$set", Value: bson.D{{Key: "cart", Value: -5}}}}, options.UpdateOne().SetUpsert(true)))
	must[*mongo.DeleteResult](t)(c.DeleteMany(t.Context(), bson.D{{Key: "user", Value: 99}, {Key: "at", Value: 9}}))
	if looked := stored.scanned.Load() - before; looked > 3 {
		t.Errorf("writes looked at %d records", looked)
	}
}

// TestLargeDocuments keeps one order of 1,000 lines and changes it in every way orders do.
func TestLargeDocuments(t *testing.T) {
	s := start(t, "")
	c := connect(t, s.URI()).Database("shop").Collection("c")
	lines := bson.A{}
	for i := range 1000 {
		lines = append(lines, bson.D{{Key: "sku", Value: fmt.Sprint("SKU-", i)}, {Key: "qty", Value: 1}, {Key: "title", Value: fmt.Sprintf("%0150d", i)}})
	}
	must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "o"}, {Key: "version", Value: 0}, {Key: "lines", Value: lines}}))
	for i := range 50 {
		r, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "o"}, {Key: "version", Value: i}}, bson.D{
			{Key: "$inc", Value: bson.D{{Key: "version", Value: 1}}},
			{Key: "$set", Value: bson.D{{Key: "lines.$[l].qty", Value: 2}}},
			{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "id", Value: i}}}}},
		}, options.UpdateOne().SetArrayFilters([]any{bson.D{{Key: "l.sku", Value: fmt.Sprint("SKU-", i)}}}))
		if err != nil || r.ModifiedCount != 1 {
			t.Fatalf("%d: %+v %v", i, r, err)
		}
	}
	var d struct {
		Version int
		Outbox  []bson.D
		Lines   []struct{ Qty int }
	}
	if err := c.FindOne(t.Context(), bson.D{{Key: "lines.sku", Value: "SKU-999"}}).Decode(&d); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, l := range d.Lines {
		sum += l.Qty
	}
	if d.Version != 50 || len(d.Outbox) != 50 || len(d.Lines) != 1000 || sum != 1050 {
		t.Errorf("version %d, outbox %d, lines %d, quantity %d", d.Version, len(d.Outbox), len(d.Lines), sum)
	}
}
