package mongodb

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const concurrentClients = 8

// together runs fn in as many clients as there are, each with a connection pool of its own.
func together(t testing.TB, uri, db string, fn func(i int, c *mongo.Collection) error) {
	t.Helper()
	var group sync.WaitGroup
	for i := range concurrentClients {
		c := connect(t, uri).Database(db).Collection("c")
		group.Go(func() {
			if err := fn(i, c); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestReservations sells 500 units to 8 clients that ask for more: none is sold twice, none is lost.
func TestReservations(t *testing.T) {
	s := start(t, t.TempDir())
	c := connect(t, s.URI()).Database("shop").Collection("c")
	must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "sku"}, {Key: "available", Value: 500}, {Key: "held", Value: 0}}))
	var won atomic.Int64
	together(t, s.URI(), "shop", func(i int, c *mongo.Collection) error {
		for n := range 120 {
			r, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "sku"}, {Key: "available", Value: bson.D{{Key: "$gte", Value: 1}}}},
				bson.D{{Key: "$inc", Value: bson.D{{Key: "available", Value: -1}, {Key: "held", Value: 1}}}, {Key: "$set", Value: bson.D{{Key: fmt.Sprintf("holds.ord_%d_%d", i, n), Value: 1}}}})
			if err != nil {
				return err
			}
			won.Add(r.ModifiedCount)
			var d struct{ Available, Held int }
			if err := c.FindOne(t.Context(), bson.D{{Key: "_id", Value: "sku"}}).Decode(&d); err != nil {
				return err
			}
			if d.Available+d.Held != 500 {
				return fmt.Errorf("a reader saw half a write: %+v", d)
			}
		}
		return nil
	})
	var d struct {
		Available, Held int
		Holds           map[string]int
	}
	if err := c.FindOne(t.Context(), bson.D{}).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if won.Load() != 500 || d.Available != 0 || d.Held != 500 || len(d.Holds) != 500 {
		t.Errorf("won %d, left %d, held %d, holds %d", won.Load(), d.Available, d.Held, len(d.Holds))
	}
}

// TestOneWinner lets 8 clients race for each state transition, unique key, upsert and queue entry.
func TestOneWinner(t *testing.T) {
	s := start(t, "")
	c := connect(t, s.URI()).Database("shop").Collection("c")
	must[string](t)(c.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "key", Value: 1}},
		Options: options.Index().SetUnique(true).SetPartialFilterExpression(bson.D{{Key: "key", Value: bson.D{{Key: "$exists", Value: true}}}})}))
	const rounds = 60
	for i := range rounds {
		must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: fmt.Sprintf("o%d", i)}, {Key: "state", Value: "NEW"}, {Key: "queue", Value: true}}))
	}
	var moved, inserted, upserted, taken [rounds]atomic.Int64
	together(t, s.URI(), "shop", func(i int, c *mongo.Collection) error {
		for n := range rounds {
			r, err := c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: fmt.Sprintf("o%d", n)}, {Key: "state", Value: "NEW"}}, bson.D{{Key: "$set", Value: bson.D{{Key: "state", Value: "PAID"}, {Key: "by", Value: i}}}})
			if err != nil {
				return err
			}
			moved[n].Add(r.ModifiedCount)
			_, err = c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: fmt.Sprintf("k%d-%d", n, i)}, {Key: "key", Value: n}})
			switch {
			case err == nil:
				inserted[n].Add(1)
			case !mongo.IsDuplicateKeyError(err):
				return err
			}
			r, err = c.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: fmt.Sprintf("u%d", n)}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}, options.UpdateOne().SetUpsert(true))
			if err != nil {
				return err
			}
			upserted[n].Add(r.UpsertedCount)
			var d struct {
				ID string `bson:"_id"`
			}
			err = c.FindOneAndUpdate(t.Context(), bson.D{{Key: "queue", Value: true}}, bson.D{{Key: "$unset", Value: bson.D{{Key: "queue", Value: ""}}}}).Decode(&d)
			switch {
			case err == nil:
				var k int
				if _, err := fmt.Sscanf(d.ID, "o%d", &k); err != nil {
					return err
				}
				taken[k].Add(1)
			case err != mongo.ErrNoDocuments:
				return err
			}
		}
		return nil
	})
	for n := range rounds {
		if moved[n].Load() != 1 || inserted[n].Load() != 1 || upserted[n].Load() != 1 || taken[n].Load() != 1 {
			t.Errorf("round %d: moved %d inserted %d upserted %d taken %d", n, moved[n].Load(), inserted[n].Load(), upserted[n].Load(), taken[n].Load())
		}
	}
	if n, err := c.CountDocuments(t.Context(), bson.D{{Key: "n", Value: concurrentClients}}); err != nil || n != rounds {
		t.Errorf("%d upserted records counted all clients, %v", n, err)
	}
}

// TestMultiUpdateIsAtomic lets readers look on while all records change together.
func TestMultiUpdateIsAtomic(t *testing.T) {
	s := start(t, "")
	c := connect(t, s.URI()).Database("shop").Collection("c")
	for i := range 200 {
		must[*mongo.InsertOneResult](t)(c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}, {Key: "n", Value: 0}}))
	}
	together(t, s.URI(), "shop", func(i int, c *mongo.Collection) error {
		for range 30 {
			if i%2 == 0 {
				if _, err := c.UpdateMany(t.Context(), bson.D{}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}); err != nil {
					return err
				}
				continue
			}
			cur, err := c.Find(t.Context(), bson.D{})
			if err != nil {
				return err
			}
			var all []struct{ N int }
			if err := cur.All(t.Context(), &all); err != nil {
				return err
			}
			for _, d := range all {
				if d.N != all[0].N {
					return fmt.Errorf("half a command shows: %d and %d", d.N, all[0].N)
				}
			}
		}
		return nil
	})
}
