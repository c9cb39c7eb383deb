package mongodb

import (
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// list runs a find and returns its documents as text.
func list(t testing.TB, c *mongo.Collection, filter string, opts *options.FindOptionsBuilder) string {
	t.Helper()
	var all []bson.D
	if err := must[*mongo.Cursor](t)(c.Find(t.Context(), ejson(t, filter), opts)).All(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	parts := make([]string, len(all))
	for i, d := range all {
		parts[i] = text(t, d)
	}
	return strings.Join(parts, " ")
}

func TestSort(t *testing.T) {
	docs := []string{
		`{"_id":1,"a":2,"b":1}`, `{"_id":2,"a":"x","b":1}`, `{"_id":3,"b":2}`, `{"_id":4,"a":null,"b":2}`, `{"_id":5,"a":1.5,"b":3}`,
		`{"_id":6,"a":[0,9],"b":3}`, `{"_id":7,"a":{"z":1},"b":4}`, `{"_id":8,"a":true,"b":4}`, `{"_id":9,"a":{"$date":"2024-01-01T00:00:00Z"},"b":5}`, `{"_id":10,"a":[],"b":5}`,
	}
	cases := []struct {
		sort        string
		skip, limit int64
		want        string
	}{
		{`{"a":1,"_id":1}`, 0, 0, "10 3 4 6 5 1 2 7 8 9"}, {`{"a":-1,"_id":1}`, 0, 0, "9 8 7 2 6 1 5 3 4 10"},
		{`{"b":-1,"_id":1}`, 0, 3, "9 10 7"}, {`{"b":1,"_id":-1}`, 1, 3, "1 4 3"}, {`{"_id":-1}`, 2, 2, "8 7"}, {`{"a.z":1,"_id":1}`, 8, 2, "10 7"},
		{`{"b":1,"a":1,"_id":1}`, 0, 4, "1 2 3 4"}, {`{"_id":1}`, 20, 5, ""},
	}
	for _, keys := range [][]string{nil, {`{"b":1}`, `{"a":1}`}, {`{"b":1,"_id":-1}`, `{"a":-1,"_id":1}`}} {
		c := database(t).Collection("c")
		for _, k := range keys {
			must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: ejson(t, k)}))
		}
		for _, d := range docs {
			must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, d)))
		}
		for _, tc := range cases {
			got := list(t, c, `{}`, options.Find().SetSort(ejson(t, tc.sort)).SetSkip(tc.skip).SetLimit(tc.limit).SetProjection(bson.D{{Key: "_id", Value: 1}}))
			want := ""
			for _, id := range strings.Fields(tc.want) {
				want += ` {"_id":` + id + `}`
			}
			if got != strings.TrimSpace(want) {
				t.Errorf("indexes %v sort %s: got %s, want %s", keys, tc.sort, got, tc.want)
			}
		}
	}
}

func TestProjection(t *testing.T) {
	doc := `{"_id":1,"a":1,"b":{"c":2,"d":3},"l":[{"x":1,"y":2},{"x":3},5],"m":[1,2,3,4]}`
	cases := []struct{ projection, want string }{
		{`{}`, doc},
		{`{"a":1}`, `{"_id":1,"a":1}`}, {`{"b.c":1,"_id":0}`, `{"b":{"c":2}}`}, {`{"b":{"c":1}}`, `{"_id":1,"b":{"c":2}}`},
		{`{"l.x":1}`, `{"_id":1,"l":[{"x":1},{"x":3}]}`}, {`{"a.z":1}`, `{"_id":1}`}, {`{"_id":1}`, `{"_id":1}`},
		{`{"l":0,"m":0}`, `{"_id":1,"a":1,"b":{"c":2,"d":3}}`}, {`{"_id":0,"l":0,"m":0,"b.c":0}`, `{"a":1,"b":{"d":3}}`},
		{`{"l.x":0,"m":0,"b":0}`, `{"_id":1,"a":1,"l":[{"y":2},{},5]}`}, {`{"_id":0}`, `{"a":1,"b":{"c":2,"d":3},"l":[{"x":1,"y":2},{"x":3},5],"m":[1,2,3,4]}`},
		{`{"m":{"$slice":2},"a":1}`, `{"_id":1,"a":1,"m":[1,2]}`}, {`{"m":{"$slice":-1},"b":0,"l":0}`, `{"_id":1,"a":1,"m":[4]}`}, {`{"m":{"$slice":[1,2]},"_id":0,"a":1}`, `{"a":1,"m":[2,3]}`},
		{`{"l":{"$elemMatch":{"x":{"$gt":1}}},"a":1}`, `{"_id":1,"a":1,"l":[{"x":3}]}`}, {`{"l":{"$elemMatch":{"x":9}}}`, `{"_id":1}`},
	}
	c := database(t).Collection("c")
	must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, doc)))
	for _, tc := range cases {
		if got := list(t, c, `{}`, options.Find().SetProjection(ejson(t, tc.projection))); got != text(t, ejson(t, tc.want)) {
			t.Errorf("%s:\n got %s\nwant %s", tc.projection, got, tc.want)
		}
	}
}

func TestFindAndModify(t *testing.T) {
	cases := []struct{ command, value, last, left string }{
		{`{"query":{"n":{"$gte":2}},"sort":{"n":-1},"update":{"$inc":{"n":10}}}`, `{"_id":3,"n":3}`, `{"n":1,"updatedExisting":true}`, `1:1 2:2 3:13`},
		{`{"query":{"_id":1},"update":{"$inc":{"n":10}},"new":true,"fields":{"_id":0}}`, `{"n":11}`, `{"n":1,"updatedExisting":true}`, `1:11 2:2 3:3`},
		{`{"query":{"_id":2},"remove":true}`, `{"_id":2,"n":2}`, `{"n":1}`, `1:1 3:3`},
		{`{"query":{"_id":9},"remove":true}`, `null`, `{"n":0}`, `1:1 2:2 3:3`},
		{`{"query":{"_id":9},"update":{"$set":{"n":9}}}`, `null`, `{"n":0,"updatedExisting":false}`, `1:1 2:2 3:3`},
		{`{"query":{"_id":9},"update":{"$set":{"n":9}},"upsert":true}`, `null`, `{"n":1,"updatedExisting":false,"upserted":9}`, `1:1 2:2 3:3 9:9`},
		{`{"query":{"_id":9},"update":{"$setOnInsert":{"n":9}},"upsert":true,"new":true}`, `{"_id":9,"n":9}`, `{"n":1,"updatedExisting":false,"upserted":9}`, `1:1 2:2 3:3 9:9`},
		{`{"query":{"_id":1},"update":{"n":5},"new":true}`, `{"_id":1,"n":5}`, `{"n":1,"updatedExisting":true}`, `1:5 2:2 3:3`},
	}
	c := database(t).Collection("c")
	for _, tc := range cases {
		must[*mongo.DeleteResult](t)(c.DeleteMany(t.Context(), bson.D{}))
		for i := 1; i <= 3; i++ {
			must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "n", Value: i}}))
		}
		var r struct {
			Value any    `bson:"value"`
			Last  bson.D `bson:"lastErrorObject"`
		}
		cmd := append(bson.D{{Key: "findAndModify", Value: "c"}}, ejson(t, tc.command)...)
		if err := c.Database().RunCommand(t.Context(), cmd).Decode(&r); err != nil {
			t.Errorf("%s: %v", tc.command, err)
			continue
		}
		value := "null"
		if r.Value != nil {
			value = text(t, r.Value)
		}
		var left []string
		var all []struct {
			ID int `bson:"_id"`
			N  int
		}
		if err := must[*mongo.Cursor](t)(c.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))).All(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			left = append(left, fmt.Sprintf("%d:%d", d.ID, d.N))
		}
		if value != tc.value || text(t, r.Last) != tc.last || strings.Join(left, " ") != tc.left {
			t.Errorf("%s: value %s last %s left %v", tc.command, value, text(t, r.Last), left)
		}
	}
}

func TestUpsert(t *testing.T) {
	cases := []struct{ filter, update, want string }{
		{`{"_id":1,"a":{"$gt":5}}`, `{"$set":{"b":1}}`, `{"_id":1,"b":1}`},
		{`{"_id":1,"a.b":2,"$and":[{"c":{"$eq":3}}]}`, `{"$inc":{"n":1}}`, `{"_id":1,"a":{"b":2},"c":3,"n":1}`},
		{`{"a":7,"_id":{"$in":[1]}}`, `{"$setOnInsert":{"x":1}}`, `{"_id":1,"a":7,"x":1}`},
		{`{"_id":1,"a":7}`, `{"x":1}`, `{"_id":1,"x":1}`},
		{`{"$or":[{"_id":1}]}`, `{"$push":{"l":1}}`, `{"_id":1,"l":[1]}`},
	}
	c := database(t).Collection("c")
	for _, tc := range cases {
		must[*mongo.DeleteResult](t)(c.DeleteMany(t.Context(), bson.D{}))
		var r struct {
			N        int
			Modified int `bson:"nModified"`
			Upserted []bson.D
		}
		err := c.Database().RunCommand(t.Context(), bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: ejson(t, tc.filter)}, {Key: "u", Value: ejson(t, tc.update)}, {Key: "upsert", Value: true}}}}}).Decode(&r)
		if err != nil || r.N != 1 || r.Modified != 0 || len(r.Upserted) != 1 || text(t, r.Upserted[0]) != `{"index":0,"_id":1}` {
			t.Errorf("%s %s: %+v %v", tc.filter, tc.update, r, err)
		}
		var got, want map[string]any
		if err := c.FindOne(t.Context(), bson.D{}).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if err := bson.UnmarshalExtJSON([]byte(tc.want), false, &want); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s %s: got %v, want %v", tc.filter, tc.update, got, want)
		}
	}
}

func TestBulk(t *testing.T) {
	c := database(t).Collection("c")
	docs := []any{bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 1}}, bson.D{{Key: "_id", Value: 2}}, bson.D{{Key: "_id", Value: 2}}, bson.D{{Key: "_id", Value: 3}}}
	for _, tc := range []struct {
		ordered bool
		errors  string
		left    int64
	}{{true, "[1]", 1}, {false, "[1 3]", 3}} {
		must[*mongo.DeleteResult](t)(c.DeleteMany(t.Context(), bson.D{}))
		_, err := c.InsertMany(t.Context(), docs, options.InsertMany().SetOrdered(tc.ordered))
		e, ok := err.(mongo.BulkWriteException)
		var at []int
		for _, w := range e.WriteErrors {
			at = append(at, w.Index)
		}
		n, _ := c.EstimatedDocumentCount(t.Context())
		if !ok || fmt.Sprint(at) != tc.errors || n != tc.left {
			t.Errorf("ordered %v: failed %v, %d left, %v", tc.ordered, at, n, err)
		}
	}
	r, err := c.BulkWrite(t.Context(), []mongo.WriteModel{
		mongo.NewUpdateManyModel().SetFilter(bson.D{}).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}),
		mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: 2}}).SetUpdate(bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}),
		mongo.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: 9}}).SetReplacement(bson.D{{Key: "a", Value: 9}}).SetUpsert(true),
		mongo.NewDeleteManyModel().SetFilter(bson.D{{Key: "_id", Value: bson.D{{Key: "$lte", Value: 2}}}}),
		mongo.NewInsertOneModel().SetDocument(bson.D{{Key: "_id", Value: 10}}),
	})
	if err != nil || r.MatchedCount != 4 || r.ModifiedCount != 3 || r.UpsertedCount != 1 || r.DeletedCount != 2 || r.InsertedCount != 1 || fmt.Sprint(r.UpsertedIDs) != "map[2:9]" {
		t.Errorf("%+v %v", r, err)
	}
}

func TestDuplicateKey(t *testing.T) {
	c := database(t).Collection("c")
	must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "user", Value: 1}, {Key: "key", Value: 1}}, Options: options.Index().SetUnique(true).SetName("once")}))
	partial := options.Index().SetUnique(true).SetPartialFilterExpression(bson.D{{Key: "mail", Value: bson.D{{Key: "$exists", Value: true}}}})
	must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "mail", Value: 1}}, Options: partial}))
	must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "sparse", Value: 1}}, Options: options.Index().SetUnique(true).SetSparse(true)}))
	ok := []string{`{"_id":1,"user":"u","key":"a"}`, `{"_id":2,"user":"u","key":"b","mail":"m"}`, `{"_id":3,"user":"v","key":"a","sparse":[1,1,2]}`}
	for _, d := range ok {
		must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, d)))
	}
	for _, d := range []string{`{"_id":1.0,"key":"x"}`, `{"_id":4,"user":"u","key":"a"}`, `{"_id":5,"key":"k","mail":"m"}`, `{"_id":6,"key":"l","sparse":2}`} {
		if _, err := c.InsertOne(t.Context(), ejson(t, d)); !mongo.IsDuplicateKeyError(err) {
			t.Errorf("%s: %v", d, err)
		}
	}
	_, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 2}}, bson.D{{Key: "$set", Value: bson.D{{Key: "key", Value: "a"}}}})
	want := "E11000 duplicate key error collection: " + c.Database().Name() + `.c index: once dup key: { user: "u", key: "a" }`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("update: %v, want %s", err, want)
	}
	if e, ok := err.(mongo.WriteException); !ok || e.WriteErrors[0].Raw.Lookup("keyValue", "key").StringValue() != "a" || e.WriteErrors[0].Raw.Lookup("keyPattern", "user").AsInt64() != 1 {
		t.Errorf("key details missing: %v", err)
	}
	if got := list(t, c, `{}`, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}})); got != strings.Join(ok, " ") {
		t.Errorf("left %s", got)
	}
	// A freed key can be taken again.
	must[*mongo.UpdateResult](t)(c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: 2}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "mail", Value: ""}}}}))
	must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, `{"_id":5,"key":"k","mail":"m"}`)))
}

// TestCursorIsASnapshot reads a result in small batches while all of it is changed and removed.
func TestCursorIsASnapshot(t *testing.T) {
	c := database(t).Collection("c")
	for i := range 300 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "n", Value: 1}}))
	}
	cur := must[*mongo.Cursor](t)(c.Find(t.Context(), bson.D{}, options.Find().SetBatchSize(7)))
	if !cur.TryNext(t.Context()) {
		t.Fatal(cur.Err())
	}
	must[*mongo.UpdateResult](t)(c.UpdateMany(t.Context(), bson.D{}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}))
	must[*mongo.DeleteResult](t)(c.DeleteMany(t.Context(), bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: 150}}}}))
	var rest []struct{ N int }
	if err := cur.All(t.Context(), &rest); err != nil || len(rest) != 300 {
		t.Fatalf("%d left, %v", len(rest), err)
	}
	for _, d := range rest {
		if d.N != 1 {
			t.Fatalf("a later write shows: %+v", d)
		}
	}
}

func TestCatalog(t *testing.T) {
	db := database(t)
	ctx := t.Context()
	must[*mongo.UpdateResult](t)(db.Collection("none").UpdateOne(ctx, bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}))
	must[string](t)(db.Collection("a").Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "x", Value: -1}, {Key: "y.z", Value: 1}}}))
	must[string](t)(db.Collection("a").Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "x", Value: -1}, {Key: "y.z", Value: 1}}}))
	if err := db.CreateCollection(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if names := must[[]string](t)(db.ListCollectionNames(ctx, bson.D{})); strings.Join(names, " ") != "a b" && strings.Join(names, " ") != "b a" {
		t.Errorf("collections %v", names)
	}
	specs := must[[]mongo.IndexSpecification](t)(db.Collection("a").Indexes().ListSpecifications(ctx))
	if len(specs) != 2 || specs[1].Name != "x_-1_y.z_1" {
		t.Errorf("indexes %+v", specs)
	}
	if _, err := db.Collection("a").Indexes().CreateOne(ctx, mongo.IndexModel{Keys: bson.D{{Key: "x", Value: -1}, {Key: "y.z", Value: 1}}, Options: options.Index().SetUnique(true)}); code(err) != 86 && code(err) != 85 {
		t.Errorf("same index, other options: %v", err)
	}
	if names := must[[]string](t)(db.Client().ListDatabaseNames(ctx, bson.D{{Key: "name", Value: db.Name()}})); len(names) != 1 {
		t.Errorf("databases %v", names)
	}
	if err := db.Drop(ctx); err != nil {
		t.Fatal(err)
	}
	if names := must[[]string](t)(db.ListCollectionNames(ctx, bson.D{})); len(names) != 0 {
		t.Errorf("collections after drop %v", names)
	}
}
