package mongodb

import (
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// database gives each test a fresh database: on the server at MONGODB_URI when that is set, so that the
// tables here, written from MongoDB's documentation, can be held against MongoDB itself; otherwise on
// an embedded server.
func database(t testing.TB) *mongo.Database {
	t.Helper()
	uri := os.Getenv("MONGODB_URI")
	if uri == "" {
		uri = start(t, "").URI()
	}
	db := connect(t, uri).Database("t_" + bson.NewObjectID().Hex())
	if os.Getenv("MONGODB_URI") != "" {
		t.Cleanup(func() { db.Drop(t.Context()) })
	}
	return db
}

// TestFilters holds each filter against one collection; want lists the _ids that match.
func TestFilters(t *testing.T) {
	docs := []string{
		`{"_id":1,"a":1,"n":{"x":1,"y":2}}`,
		`{"_id":2,"a":{"$numberLong":"2"},"s":"b","arr":[1,2,3]}`,
		`{"_id":3,"a":3.5,"s":"a","arr":[]}`,
		`{"_id":4,"a":null,"arr":[{"k":"x","v":1},{"k":"y","v":2}]}`,
		`{"_id":5,"s":"c","arr":[{"k":"x","v":2},{"k":"y","v":1}],"n":{"y":2,"x":1}}`,
		`{"_id":6,"a":[1,[2,3]],"b":true,"arr":[{"k":"z"},{}]}`,
		`{"_id":7,"a":{"$date":"2024-01-01T00:00:00Z"},"arr":5}`,
		`{"_id":8,"a":{"$numberDouble":"NaN"},"holds":{"ord_1":3}}`,
		`{"_id":9,"a":"1","arr":[7,8]}`,
	}
	cases := []struct{ filter, want string }{
		{`{}`, "1 2 3 4 5 6 7 8 9"},
		{`{"a":1}`, "1 6"}, {`{"a":1.0}`, "1 6"}, {`{"a":{"$numberLong":"1"}}`, "1 6"}, {`{"a":2}`, "2"},
		{`{"a":"1"}`, "9"}, {`{"a":null}`, "4 5"}, {`{"a":{"$eq":null}}`, "4 5"}, {`{"a":{"$ne":null}}`, "1 2 3 6 7 8 9"},
		{`{"a":{"$ne":1}}`, "2 3 4 5 7 8 9"}, {`{"a":[2,3]}`, "6"}, {`{"a":[1,[2,3]]}`, "6"},
		{`{"a":{"$gt":1}}`, "2 3"}, {`{"a":{"$gte":1}}`, "1 2 3 6"}, {`{"a":{"$lt":3.5}}`, "1 2 6"}, {`{"a":{"$lte":3.5}}`, "1 2 3 6"},
		{`{"a":{"$gte":{"$numberDouble":"NaN"}}}`, "8"}, {`{"a":{"$gte":null}}`, "4 5"}, {`{"a":{"$gt":null}}`, ""},
		{`{"a":{"$gt":{"$date":"2023-01-01T00:00:00Z"}}}`, "7"}, {`{"a":{"$gt":""}}`, "9"},
		{`{"a":{"$gt":{"$minKey":1}}}`, "1 2 3 4 6 7 8 9"},
		{`{"a":{"$in":[2,"1",null]}}`, "2 4 5 9"}, {`{"a":{"$in":[]}}`, ""}, {`{"a":{"$nin":[1,2,null]}}`, "3 7 8 9"},
		{`{"a":{"$exists":true}}`, "1 2 3 4 6 7 8 9"}, {`{"a":{"$exists":false}}`, "5"}, {`{"holds.ord_1":{"$exists":true}}`, "8"},
		{`{"holds.ord_1":{"$exists":false}}`, "1 2 3 4 5 6 7 9"}, {`{"holds.ord_1":3}`, "8"},
		{`{"n":{"x":1,"y":2}}`, "1"}, {`{"n.x":1}`, "1 5"}, {`{"n.x.z":null}`, "1 2 3 4 5 6 7 8 9"},
		{`{"arr":2}`, "2"}, {`{"arr":[]}`, "3"}, {`{"arr":5}`, "7"}, {`{"arr":{"$size":0}}`, "3"}, {`{"arr":{"$size":2}}`, "4 5 6 9"},
		{`{"arr":{"$gt":2,"$lt":3}}`, "2"}, {`{"arr":{"$gt":2,"$lt":2}}`, "2"}, {`{"arr":{"$elemMatch":{"$gt":2,"$lt":3}}}`, ""},
		{`{"arr":{"$elemMatch":{"$gte":7}}}`, "9"}, {`{"arr":{"$elemMatch":{"k":"x","v":1}}}`, "4"}, {`{"arr.k":"x","arr.v":1}`, "4 5"},
		{`{"arr":{"$elemMatch":{"$or":[{"v":2,"k":"x"},{"k":"z"}]}}}`, "5 6"},
		{`{"arr.k":null}`, "1 6 7 8"}, {`{"arr.k":{"$exists":false}}`, "1 2 3 7 8 9"}, {`{"arr.k":{"$ne":"x"}}`, "1 2 3 6 7 8 9"},
		{`{"arr.0.v":1}`, "4"}, {`{"arr.1":8}`, "9"}, {`{"arr.1.v":{"$gt":0}}`, "4 5"},
		{`{"arr":{"$all":[1,3]}}`, "2"}, {`{"arr":{"$all":[5]}}`, "7"}, {`{"arr":{"$all":[]}}`, ""}, {`{"arr.k":{"$all":["x","y"]}}`, "4 5"},
		{`{"arr":{"$all":[{"$elemMatch":{"k":"x"}},{"$elemMatch":{"v":{"$gte":2}}}]}}`, "4 5"},
		{`{"a":{"$type":"number"}}`, "1 2 3 6 8"}, {`{"a":{"$type":"int"}}`, "1 6"}, {`{"a":{"$type":["long","string"]}}`, "2 9"},
		{`{"a":{"$type":"array"}}`, "6"}, {`{"a":{"$type":10}}`, "4"}, {`{"a":{"$type":"date"}}`, "7"},
		{`{"$and":[{"a":{"$gte":1}},{"s":"b"}]}`, "2"}, {`{"$or":[{"a":2},{"s":"c"}]}`, "2 5"}, {`{"$nor":[{"a":{"$exists":true}},{"s":"zz"}]}`, "5"},
		{`{"a":{"$not":{"$gt":1}}}`, "1 4 5 6 7 8 9"}, {`{"a":{"$not":{"$gte":1,"$lte":2}}}`, "3 4 5 7 8 9"},
		{`{"s":{"$gte":"a","$lt":"c"}}`, "2 3"}, {`{"b":true}`, "6"}, {`{"a":{"$mod":[2,1]}}`, "1 3 6"},
		{`{"_id":{"$in":[3,1,99]}}`, "1 3"}, {`{"_id":{"$gt":2,"$lte":4}}`, "3 4"}, {`{"_id":4,"a":null}`, "4"},
	}
	indexes := [][]string{nil, {`{"a":1}`, `{"s":-1}`, `{"arr":1}`, `{"n.x":1}`}, {`{"arr.k":1,"s":1}`, `{"a":-1,"s":1}`, `{"holds.ord_1":1}`, `{"arr.v":1}`}}
	for _, keys := range indexes {
		t.Run(strings.Join(keys, " "), func(t *testing.T) {
			c := database(t).Collection("c")
			for _, k := range keys {
				must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: ejson(t, k)}))
			}
			for _, d := range docs {
				must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, d)))
			}
			for _, tc := range cases {
				cur, err := c.Find(t.Context(), ejson(t, tc.filter))
				if err != nil {
					t.Errorf("%s: %v", tc.filter, err)
					continue
				}
				var found []struct {
					ID int `bson:"_id"`
				}
				if err := cur.All(t.Context(), &found); err != nil {
					t.Fatal(err)
				}
				ids := make([]bool, 10)
				for _, f := range found {
					if ids[f.ID] {
						t.Errorf("%s: %d came twice", tc.filter, f.ID)
					}
					ids[f.ID] = true
				}
				var got []string
				for i, ok := range ids {
					if ok {
						got = append(got, string(rune('0'+i)))
					}
				}
				if g := strings.Join(got, " "); g != tc.want {
					t.Errorf("%s: got %q, want %q", tc.filter, g, tc.want)
				}
				n, err := c.CountDocuments(t.Context(), ejson(t, tc.filter))
				if err != nil || int(n) != len(found) {
					t.Errorf("%s: countDocuments %d, %v", tc.filter, n, err)
				}
			}
		})
	}
}

// TestUpdates applies each update to a document alone in its collection.
func TestUpdates(t *testing.T) {
	cases := []struct {
		doc, update, want string
		modified          int64
		filters           string
	}{
		{`{"_id":1,"a":1}`, `{"$set":{"a":2}}`, `{"_id":1,"a":2}`, 1, ""},
		{`{"_id":1,"a":1}`, `{"$set":{"a":1}}`, `{"_id":1,"a":1}`, 0, ""},
		{`{"_id":1,"a":1}`, `{"$set":{"a":{"$numberLong":"1"}}}`, `{"_id":1,"a":1}`, 1, ""},
		{`{"_id":1}`, `{"$set":{"holds.ord_1":3}}`, `{"_id":1,"holds":{"ord_1":3}}`, 1, ""},
		{`{"_id":1,"holds":{"a":1}}`, `{"$set":{"holds.b.c":3}}`, `{"_id":1,"holds":{"a":1,"b":{"c":3}}}`, 1, ""},
		{`{"_id":1}`, `{"$set":{"z":1,"b":2,"a.y":1,"a.x":2}}`, `{"_id":1,"a":{"x":2,"y":1},"b":2,"z":1}`, 1, ""},
		{`{"_id":1,"l":[1,2]}`, `{"$set":{"l.1":9,"l.3":5}}`, `{"_id":1,"l":[1,9,null,5]}`, 1, ""},
		{`{"_id":1,"holds":{"a":1,"b":2}}`, `{"$unset":{"holds.a":""}}`, `{"_id":1,"holds":{"b":2}}`, 1, ""},
		{`{"_id":1,"holds":{"a":1}}`, `{"$unset":{"holds.a":""}}`, `{"_id":1,"holds":{}}`, 1, ""},
		{`{"_id":1,"a":1}`, `{"$unset":{"x.y":"","a.b":""}}`, `{"_id":1,"a":1}`, 0, ""},
		{`{"_id":1,"l":[1,2]}`, `{"$unset":{"l.0":""}}`, `{"_id":1,"l":[null,2]}`, 1, ""},
		{`{"_id":1,"a":1}`, `{"$inc":{"a":2,"b.c":-3}}`, `{"_id":1,"a":3,"b":{"c":-3}}`, 1, ""},
		{`{"_id":1,"a":1}`, `{"$inc":{"a":0}}`, `{"_id":1,"a":1}`, 0, ""},
		{`{"_id":1,"a":2147483647}`, `{"$inc":{"a":1}}`, `{"_id":1,"a":2147483648}`, 1, ""},
		{`{"_id":1,"a":1}`, `{"$inc":{"a":0.5}}`, `{"_id":1,"a":1.5}`, 1, ""},
		{`{"_id":1,"a":{"$numberDecimal":"1.10"}}`, `{"$inc":{"a":2}}`, `{"_id":1,"a":{"$numberDecimal":"3.10"}}`, 1, ""},
		{`{"_id":1,"a":3}`, `{"$mul":{"a":4,"b":2}}`, `{"_id":1,"a":12,"b":0}`, 1, ""},
		{`{"_id":1,"a":3}`, `{"$min":{"a":2,"b":1}}`, `{"_id":1,"a":2,"b":1}`, 1, ""},
		{`{"_id":1,"a":3}`, `{"$max":{"a":2}}`, `{"_id":1,"a":3}`, 0, ""},
		{`{"_id":1,"a":3}`, `{"$max":{"a":"x"}}`, `{"_id":1,"a":"x"}`, 1, ""},
		{`{"_id":1,"a":1,"b":2}`, `{"$rename":{"a":"c.d"}}`, `{"_id":1,"b":2,"c":{"d":1}}`, 1, ""},
		{`{"_id":1,"b":2}`, `{"$rename":{"a":"c"}}`, `{"_id":1,"b":2}`, 0, ""},
		{`{"_id":1}`, `{"$setOnInsert":{"a":1}}`, `{"_id":1}`, 0, ""},
		{`{"_id":1}`, `{"$set":{}}`, `{"_id":1}`, 0, ""},
		{`{"_id":1}`, `{"$push":{"l":1}}`, `{"_id":1,"l":[1]}`, 1, ""},
		{`{"_id":1,"l":[1]}`, `{"$push":{"l":{"$each":[2,3]}}}`, `{"_id":1,"l":[1,2,3]}`, 1, ""},
		{`{"_id":1,"l":[1]}`, `{"$push":{"l":[2,3]}}`, `{"_id":1,"l":[1,[2,3]]}`, 1, ""},
		{`{"_id":1,"l":[1]}`, `{"$push":{"l":{"$each":[]}}}`, `{"_id":1,"l":[1]}`, 0, ""},
		{`{"_id":1,"l":[1,2]}`, `{"$push":{"l":{"$each":[8,9],"$position":0}}}`, `{"_id":1,"l":[8,9,1,2]}`, 1, ""},
		{`{"_id":1,"l":[1,2]}`, `{"$push":{"l":{"$each":[9],"$position":-1}}}`, `{"_id":1,"l":[1,9,2]}`, 1, ""},
		{`{"_id":1,"l":[1,2,3]}`, `{"$push":{"l":{"$each":[4],"$slice":-2}}}`, `{"_id":1,"l":[3,4]}`, 1, ""},
		{`{"_id":1,"l":[1,2,3]}`, `{"$push":{"l":{"$each":[],"$slice":1}}}`, `{"_id":1,"l":[1]}`, 1, ""},
		{`{"_id":1,"l":[3,1]}`, `{"$push":{"l":{"$each":[2],"$sort":-1}}}`, `{"_id":1,"l":[3,2,1]}`, 1, ""},
		{`{"_id":1,"l":[{"p":2,"q":1},{"p":1}]}`, `{"$push":{"l":{"$each":[{"p":0}],"$sort":{"p":1},"$slice":2}}}`, `{"_id":1,"l":[{"p":0},{"p":1}]}`, 1, ""},
		{`{"_id":1,"l":[1,2,3]}`, `{"$pop":{"l":1}}`, `{"_id":1,"l":[1,2]}`, 1, ""},
		{`{"_id":1,"l":[1,2,3]}`, `{"$pop":{"l":-1}}`, `{"_id":1,"l":[2,3]}`, 1, ""},
		{`{"_id":1,"l":[1,2,1]}`, `{"$pull":{"l":1}}`, `{"_id":1,"l":[2]}`, 1, ""},
		{`{"_id":1,"l":[1,5,9]}`, `{"$pull":{"l":{"$gt":4}}}`, `{"_id":1,"l":[1]}`, 1, ""},
		{`{"_id":1,"outbox":[{"id":"a"},{"id":"b","x":1},{"id":"c"}]}`, `{"$pull":{"outbox":{"id":{"$in":["a","c"]}}}}`, `{"_id":1,"outbox":[{"id":"b","x":1}]}`, 1, ""},
		{`{"_id":1,"l":[{"a":1,"b":2},{"a":1}]}`, `{"$pull":{"l":{"a":1,"b":2}}}`, `{"_id":1,"l":[{"a":1}]}`, 1, ""},
		{`{"_id":1,"l":[1]}`, `{"$pull":{"l":7,"m":1}}`, `{"_id":1,"l":[1]}`, 0, ""},
		{`{"_id":1,"l":[1,2,3]}`, `{"$pullAll":{"l":[1,3]}}`, `{"_id":1,"l":[2]}`, 1, ""},
		{`{"_id":1,"l":[1]}`, `{"$addToSet":{"l":1.0}}`, `{"_id":1,"l":[1]}`, 0, ""},
		{`{"_id":1,"l":[1]}`, `{"$addToSet":{"l":{"$each":[1,2,2]},"m":"x"}}`, `{"_id":1,"l":[1,2],"m":["x"]}`, 1, ""},
		{`{"_id":1,"a":5}`, `{"$bit":{"a":{"and":4,"or":2}}}`, `{"_id":1,"a":6}`, 1, ""},
		{`{"_id":1,"l":[{"sku":"a","q":1},{"sku":"b","q":2}]}`, `{"$inc":{"l.$[x].q":5}}`, `{"_id":1,"l":[{"sku":"a","q":1},{"sku":"b","q":7}]}`, 1, `[{"x.sku":"b"}]`},
		{`{"_id":1,"l":[{"sku":"a","q":1},{"sku":"b","q":2}]}`, `{"$set":{"l.$[x].q":0,"l.$[y].z":1}}`, `{"_id":1,"l":[{"sku":"a","q":0},{"sku":"b","q":2,"z":1}]}`, 1, `[{"x.sku":"a"},{"$or":[{"y.q":2},{"y.q":9}]}]`},
		{`{"_id":1,"l":[1,5,9]}`, `{"$set":{"l.$[x]":0}}`, `{"_id":1,"l":[1,0,0]}`, 1, `[{"x":{"$gte":5}}]`},
		{`{"_id":1,"l":[1,5]}`, `{"$inc":{"l.$[]":1}}`, `{"_id":1,"l":[2,6]}`, 1, ""},
		{`{"_id":1,"l":[{"m":[{"k":1}]}]}`, `{"$set":{"l.$[].m.$[x].v":1}}`, `{"_id":1,"l":[{"m":[{"k":1,"v":1}]}]}`, 1, `[{"x.k":1}]`},
		{`{"_id":1,"l":[1]}`, `{"$set":{"l.$[x]":0}}`, `{"_id":1,"l":[1]}`, 0, `[{"x":7}]`},
		{`{"_id":1,"a":1}`, `{"b":2}`, `{"_id":1,"b":2}`, 1, ""},
		{`{"_id":1,"a":1}`, `{"_id":1,"a":1}`, `{"_id":1,"a":1}`, 0, ""},
	}
	c := database(t).Collection("c")
	for _, tc := range cases {
		must[*mongo.DeleteResult](t)(c.DeleteMany(t.Context(), bson.D{}))
		must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, tc.doc)))
		statement := bson.D{{Key: "q", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "u", Value: ejson(t, tc.update)}}
		if tc.filters != "" {
			statement = append(statement, bson.E{Key: "arrayFilters", Value: ejson(t, `{"f":`+tc.filters+`}`)[0].Value})
		}
		var r struct {
			N         int64
			NModified int64 `bson:"nModified"`
		}
		err := c.Database().RunCommand(t.Context(), bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{statement}}}).Decode(&r)
		if err != nil || r.N != 1 || r.NModified != tc.modified {
			t.Errorf("%s %s: n %d nModified %d error %v", tc.doc, tc.update, r.N, r.NModified, err)
			continue
		}
		var got bson.D
		if err := c.FindOne(t.Context(), bson.D{}).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if g, w := text(t, got), text(t, ejson(t, tc.want)); g != w {
			t.Errorf("%s %s:\n got %s\nwant %s", tc.doc, tc.update, g, w)
		}
	}
}

// TestErrorCodes runs what must be refused; nothing may change by it.
func TestErrorCodes(t *testing.T) {
	cases := []struct {
		command string
		want    int
	}{
		{`{"frobnicate":1}`, 59},
		{`{"find":"c","filter":{"a":{"$foo":1}}}`, 2}, {`{"find":"c","filter":{"$foo":1}}`, 2}, {`{"find":"none","filter":{"a":{"$foo":1}}}`, 2},
		{`{"find":"c","filter":{"$and":[]}}`, 2}, {`{"find":"c","filter":{"a":{"$in":1}}}`, 2}, {`{"find":"c","filter":{"a":{"$size":-1}}}`, 9},
		{`{"find":"c","filter":{"a":{"$type":"nope"}}}`, 2}, {`{"find":"c","nope":1}`, 40415}, {`{"find":"c","filter":3}`, 14},
		{`{"find":"c","projection":{"a":1,"b":0}}`, 31254}, {`{"find":"c","projection":{"a":0,"b":1}}`, 31253},
		{`{"find":"c","sort":{"a":2}}`, 15975}, {`{"find":"c","skip":-1}`, 51024},
		{`{"update":"c","updates":[{"q":{},"u":{"$foo":{"a":1}}}]}`, 9}, {`{"update":"c","updates":[{"q":{},"u":{"a":1,"$set":{"b":1}}}]}`, 52},
		{`{"update":"c","updates":[{"q":{},"u":{"$set":{"a":1},"$inc":{"a":1}}}]}`, 40}, {`{"update":"c","updates":[{"q":{},"u":{"$set":{"a":1,"a.b":1}}}]}`, 40},
		{`{"update":"c","updates":[{"q":{},"u":{"$set":{"s.b":1}}}]}`, 28}, {`{"update":"c","updates":[{"q":{},"u":{"$inc":{"s":1}}}]}`, 14},
		{`{"update":"c","updates":[{"q":{},"u":{"$inc":{"a":"x"}}}]}`, 14}, {`{"update":"c","updates":[{"q":{},"u":{"$push":{"s":1}}}]}`, 2},
		{`{"update":"c","updates":[{"q":{},"u":{"$pull":{"s":1}}}]}`, 2}, {`{"update":"c","updates":[{"q":{},"u":{"$pop":{"s":1}}}]}`, 14},
		{`{"update":"c","updates":[{"q":{},"u":{"$set":{"_id":9}}}]}`, 66}, {`{"update":"c","updates":[{"q":{"_id":1},"u":{"_id":9}}]}`, 66},
		{`{"update":"c","updates":[{"q":{},"u":{"$inc":{"big":1}}}]}`, 2},
		{`{"update":"c","updates":[{"q":{},"u":{"$set":{"l.$[x]":1}}}]}`, 2}, {`{"update":"c","updates":[{"q":{},"u":{"$set":{"a":1}},"arrayFilters":[{"x":1}]}]}`, 9},
		{`{"update":"c","updates":[{"q":{},"u":{"$set":{"":1}}}]}`, 56}, {`{"update":"c","updates":[{"q":{},"u":{"a":1},"multi":true}]}`, 9},
		{`{"delete":"c","deletes":[{"q":{"a":{"$foo":1}},"limit":0}]}`, 2},
		{`{"insert":"c","documents":[{"_id":[1]}]}`, 53}, {`{"insert":"c","documents":[{"_id":1}]}`, 11000},
		{`{"aggregate":"c","pipeline":[{"$frob":1}],"cursor":{}}`, 40324},
		{`{"findAndModify":"c","query":{}}`, 9}, {`{"findAndModify":"c","remove":true,"update":{"a":1}}`, 9},
		{`{"getMore":{"$numberLong":"77"},"collection":"c"}`, 43}, {`{"create":"c"}`, 48}, {`{"listIndexes":"none"}`, 26},
		{`{"dropIndexes":"c","index":"nope"}`, 27}, {`{"dropIndexes":"c","index":"_id_"}`, 72},
		{`{"createIndexes":"c","indexes":[{"key":{"dup":1},"name":"dup","unique":true}]}`, 11000},
		{`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"x","foo":1}]}`, 197}, {`{"createIndexes":"c","indexes":[{"key":{"a":1,"b":1},"name":"x","expireAfterSeconds":1}]}`, 67},
		{`{"find":"c","txnNumber":{"$numberLong":"1"},"startTransaction":true,"autocommit":false}`, 20},
	}
	embeddedOnly := []struct {
		command string
		want    int
	}{
		{`{"find":"c","filter":{"$expr":{"$eq":[1,1]}}}`, 238}, {`{"find":"c","filter":{"a":{"$regex":"x"}}}`, 238},
		{`{"update":"c","updates":[{"q":{},"u":{"$set":{"l.$":1}}}]}`, 238}, {`{"update":"c","updates":[{"q":{},"u":[{"$set":{"a":1}}]}]}`, 238},
		{`{"aggregate":"c","pipeline":[{"$project":{"a":1}}],"cursor":{}}`, 238}, {`{"find":"c","collation":{"locale":"de"}}`, 238},
	}
	db := database(t)
	c := db.Collection("c")
	for _, d := range []string{`{"_id":1,"s":"x","l":[1],"dup":1,"big":{"$numberLong":"9223372036854775807"}}`, `{"_id":2,"s":"y","dup":1}`} {
		must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), ejson(t, d)))
	}
	dump := func() string {
		var all []bson.D
		if err := must[*mongo.Cursor](t)(c.Find(t.Context(), bson.D{})).All(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		return text(t, bson.D{{Key: "all", Value: all}})
	}
	before := dump()
	if os.Getenv("MONGODB_URI") == "" {
		cases = append(cases, embeddedOnly...)
	}
	for _, tc := range cases {
		raw, err := db.RunCommand(t.Context(), ejson(t, tc.command)).Raw()
		got := code(err)
		if v, e := raw.LookupErr("writeErrors", "0", "code"); e == nil {
			got = int(v.AsInt64())
		}
		if got != tc.want {
			t.Errorf("%s: code %d (%v), want %d", tc.command, got, err, tc.want)
		}
	}
	if after := dump(); after != before {
		t.Errorf("a refused command changed\n%s\nto\n%s", before, after)
	}
}

// TestFoundBesideAnotherServer has what package compare found.
func TestFoundBesideAnotherServer(t *testing.T) {
	db := database(t)
	c := db.Collection("c")
	index := func(name, key string, unique bool) bson.D {
		return bson.D{{Key: "key", Value: ejson(t, key)}, {Key: "name", Value: name}, {Key: "unique", Value: unique}}
	}
	create := func(indexes ...any) int {
		return code(db.RunCommand(t.Context(), bson.D{{Key: "createIndexes", Value: "c"}, {Key: "indexes", Value: indexes}}).Err())
	}
	must[*mongo.InsertManyResult](t)(c.InsertMany(t.Context(), []any{ejson(t, `{"_id":1,"a":[1,[5]],"l":[],"n":"x"}`), ejson(t, `{"_id":2,"a":9,"l":[],"n":1}`)}))

	// An array inside of an array is what it sorts by.
	if got := list(t, c, `{}`, options.Find().SetSort(bson.D{{Key: "a", Value: -1}}).SetProjection(bson.D{{Key: "_id", Value: 1}})); got != `{"_id":1} {"_id":2}` {
		t.Errorf("sorted: %s", got)
	}
	// All indexes of a command are made, or none.
	if got := create(index("a", `{"a":1}`, false), index("l", `{"l":1}`, true)); got != 11000 {
		t.Errorf("an index that documents are in the way of: %d", got)
	}
	if specs := must[[]mongo.IndexSpecification](t)(c.Indexes().ListSpecifications(t.Context())); len(specs) != 1 {
		t.Errorf("indexes that were not made: %+v", specs)
	}
	for _, step := range []struct {
		index any
		want  int
	}{{index("a", `{"a":1}`, false), 0}, {index("a", `{"a":1}`, true), 86}, {index("b", `{"a":1}`, true), 0}, {index("d", `{"a":1}`, true), 85}} {
		if got := create(step.index); got != step.want {
			t.Errorf("%v: %d, want %d", step.index, got, step.want)
		}
	}
	if got := create(index("n", `{"n":1}`, false), index("n", `{"n":1}`, false)); got != 68 {
		t.Errorf("one index twice: %d", got)
	}
	update := func(filter, update string, multi bool, filters ...any) (int, bson.Raw) {
		raw, err := db.RunCommand(t.Context(), bson.D{{Key: "update", Value: "c"}, {Key: "updates", Value: bson.A{bson.D{
			{Key: "q", Value: ejson(t, filter)}, {Key: "u", Value: ejson(t, update)}, {Key: "multi", Value: multi}, {Key: "arrayFilters", Value: filters}}}}}).Raw()
		return code(err), raw
	}
	// Elements are taken by filters or by position, even when no document matches.
	if got, _ := update(`{"_id":7}`, `{"$set":{"l.0.q":1,"l.$[i].q":2}}`, false, bson.D{{Key: "i.q", Value: 1}}); got != 40 {
		t.Errorf("both: %d", got)
	}
	// What was done before an update of many failed is not counted.
	if got, raw := update(`{}`, `{"$inc":{"n":1}}`, true, []any{}...); got != 14 || raw.Lookup("n").AsInt64() != 0 {
		t.Errorf("%d %s", got, raw)
	}
	// Whatever $push adds is a change, though $slice leaves the array as it was.
	if _, raw := update(`{"_id":2}`, `{"$push":{"l":{"$each":[1],"$slice":0}}}`, false, []any{}...); raw.Lookup("nModified").AsInt64() != 1 {
		t.Errorf("%s", raw)
	}
}
