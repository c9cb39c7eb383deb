package mongodb

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const benchDocuments = 100_000

// fill inserts n orders of about 600 bytes and makes the indexes a store would.
func fill(b testing.TB, c *mongo.Collection, n int) {
	b.Helper()
	_, err := c.Indexes().CreateMany(b.Context(), []mongo.IndexModel{
		{Keys: bson.D{{Key: "number", Value: 1}}, Options: options.Index().SetUnique(true)},
		{Keys: bson.D{{Key: "userId", Value: 1}, {Key: "createdAt", Value: -1}, {Key: "_id", Value: -1}}},
		{Keys: bson.D{{Key: "outboxSince", Value: 1}}, Options: options.Index().SetPartialFilterExpression(bson.D{{Key: "outboxSince", Value: bson.D{{Key: "$exists", Value: true}}}})},
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; i += 5000 {
		batch := make([]any, 0, 5000)
		for j := i; j < min(i+5000, n); j++ {
			batch = append(batch, order100k(j))
		}
		if _, err := c.InsertMany(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

func order100k(i int) bson.D {
	lines := bson.A{}
	for l := range 4 {
		lines = append(lines, bson.D{{Key: "sku", Value: fmt.Sprintf("SKU-%05d", (i*7+l)%3000)}, {Key: "qty", Value: l + 1}, {Key: "price", Value: bson.D{{Key: "amount", Value: int64(1999)}, {Key: "currency", Value: "EUR"}}}})
	}
	return bson.D{
		{Key: "_id", Value: id100k(i)}, {Key: "number", Value: int64(i)}, {Key: "version", Value: 1}, {Key: "status", Value: "PLACED"},
		{Key: "userId", Value: fmt.Sprintf("usr_%05d", i%5000)}, {Key: "createdAt", Value: time.UnixMilli(1_700_000_000_000 + int64(i)*1000)},
		{Key: "lines", Value: lines}, {Key: "available", Value: 1_000_000},
	}
}

func id100k(i int) string { return fmt.Sprintf("ord_%026d", i) }

// BenchmarkRoundTrip reports the round trip of the stores' hot commands at 100,000 documents:
//
//	go test -run '^$' -bench RoundTrip ./internal/embedded/mongodb
func BenchmarkRoundTrip(b *testing.B) {
	s := start(b, b.TempDir())
	c := connect(b, s.URI()).Database("bench").Collection("orders")
	fill(b, c, benchDocuments)
	ctx := b.Context()
	measure := func(name string, op func(i int) error) {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, 0, b.N)
			for i := range b.N {
				began := time.Now()
				if err := op(i * 7919 % benchDocuments); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
	measure("FindByID", func(i int) error {
		return c.FindOne(ctx, bson.D{{Key: "_id", Value: id100k(i)}}).Err()
	})
	measure("FindByUniqueField", func(i int) error {
		return c.FindOne(ctx, bson.D{{Key: "number", Value: int64(i)}}).Err()
	})
	measure("ConditionalUpdateByID", func(i int) error {
		r, err := c.UpdateOne(ctx,
			bson.D{{Key: "_id", Value: id100k(i)}, {Key: "available", Value: bson.D{{Key: "$gte", Value: 1}}}},
			bson.D{{Key: "$inc", Value: bson.D{{Key: "available", Value: -1}, {Key: "version", Value: 1}}}, {Key: "$set", Value: bson.D{{Key: "holds.x", Value: 1}}}})
		if err == nil && r.ModifiedCount != 1 {
			err = fmt.Errorf("modified %d", r.ModifiedCount)
		}
		return err
	})
	measure("ListOfUserSorted", func(i int) error {
		cur, err := c.Find(ctx, bson.D{{Key: "userId", Value: fmt.Sprintf("usr_%05d", i%5000)}},
			options.Find().SetSort(bson.D{{Key: "createdAt", Value: -1}, {Key: "_id", Value: -1}}).SetLimit(10))
		if err != nil {
			return err
		}
		var all []bson.Raw
		return cur.All(ctx, &all)
	})
	lines := bson.A{}
	for i := range 1000 {
		lines = append(lines, bson.D{{Key: "sku", Value: fmt.Sprint("SKU-", i)}, {Key: "qty", Value: 1}, {Key: "title", Value: fmt.Sprintf("%0150d", i)}})
	}
	if _, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: "large"}, {Key: "number", Value: -1}, {Key: "n", Value: 0}, {Key: "lines", Value: lines}}); err != nil {
		b.Fatal(err)
	}
	measure("UpdateOrderOf1000Lines", func(i int) error {
		_, err := c.UpdateOne(ctx, bson.D{{Key: "_id", Value: "large"}, {Key: "n", Value: bson.D{{Key: "$gte", Value: 0}}}}, bson.D{
			{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}, {Key: "$set", Value: bson.D{{Key: "status", Value: "PAID"}}},
			{Key: "$push", Value: bson.D{{Key: "outbox", Value: bson.D{{Key: "$each", Value: bson.A{bson.D{{Key: "id", Value: i}}}}, {Key: "$slice", Value: -3}}}}}})
		return err
	})
	measure("FindOrderOf1000Lines", func(int) error {
		return c.FindOne(ctx, bson.D{{Key: "_id", Value: "large"}}).Err()
	})
	measure("OutboxEmpty", func(int) error {
		cur, err := c.Find(ctx, bson.D{{Key: "outboxSince", Value: bson.D{{Key: "$exists", Value: true}}}}, options.Find().SetSort(bson.D{{Key: "outboxSince", Value: 1}}).SetLimit(10))
		if err != nil {
			return err
		}
		var all []bson.Raw
		return cur.All(ctx, &all)
	})
}

// BenchmarkConditionalUpdates8Clients is the throughput of 8 clients on 100 records.
func BenchmarkConditionalUpdates8Clients(b *testing.B) {
	s := start(b, b.TempDir())
	c := connect(b, s.URI()).Database("bench").Collection("stock")
	fill(b, c, 2000)
	b.SetParallelism(4) // of GOMAXPROCS
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, err := c.UpdateOne(b.Context(), bson.D{{Key: "_id", Value: id100k(i % 100)}, {Key: "available", Value: bson.D{{Key: "$gte", Value: 1}}}},
				bson.D{{Key: "$inc", Value: bson.D{{Key: "available", Value: -1}}}})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOpen is the time to load 100,000 documents from the journal.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, err := Start(b.Context(), Config{Addr: "127.0.0.1:0", Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, connect(b, s.URI()).Database("bench").Collection("orders"), benchDocuments)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Start(b.Context(), Config{Addr: "127.0.0.1:0", Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
