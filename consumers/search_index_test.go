package consumers

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/kafka/kafkatest"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/search"
)

// An index that starts late is rebuilt from the topics, and follows them afterwards.
func TestSearchIndexIsRebuiltAndFollows(t *testing.T) {
	b := startBroker(t)
	p := b.producer()
	publish := func(list ...events.Event) {
		t.Helper()
		var messages []kafka.Message
		for _, e := range list {
			messages = append(messages, message(t, e))
		}
		if err := p.Publish(t.Context(), messages); err != nil {
			t.Fatal(err)
		}
	}
	product := func(n, version int, title string) events.ProductChanged {
		id := fmt.Sprintf("prd_%d", n)
		return events.ProductChanged{ID: id, Version: version, Title: title, Status: "ACTIVE", Variants: []events.ProductVariant{{SKU: "sku-" + id}}}
	}
	for n := range 20 {
		publish(product(n, 1, "First name"), product(n, 2, "Blue lamp"))
	}
	publish(events.RatingChanged{ProductID: "prd_3", Average: 5, Count: 1, Version: 1}, events.StockReserved{OrderID: "ord_1"},
		events.StockLevelChanged{SKU: "sku-prd_7", Available: 4, Version: 1})
	bad := message(t, product(99, 1, "Broken"))
	bad.Value = []byte("{")
	if err := p.Publish(t.Context(), []kafka.Message{bad}); err != nil {
		t.Fatal(err)
	}

	x, err := search.New(search.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- FeedSearchIndex(ctx, b.kafka, x, slog.New(slog.NewTextHandler(t.Output(), nil)))
	}()
	<-x.Ready()
	find := func(text string, filter products.ProductFilter) (int, string) {
		t.Helper()
		f, err := x.Search(t.Context(), products.SearchQuery{Text: text, Filter: filter, Size: 5, Sort: products.ByTitle})
		if err != nil {
			t.Fatal(err)
		}
		if f.Total == 0 {
			return 0, ""
		}
		return f.Total, f.Hits[0].ID
	}
	yes, five := true, 5.0
	if n, _ := find("blue lamp", products.ProductFilter{}); n != 20 {
		t.Errorf("%d lamps, want 20", n)
	}
	if n, _ := find("first", products.ProductFilter{}); n != 0 {
		t.Errorf("%d products have their old name", n)
	}
	if n, id := find("", products.ProductFilter{InStock: &yes}); n != 1 || id != "prd_7" {
		t.Errorf("in stock: %d, %s", n, id)
	}
	if n, id := find("", products.ProductFilter{RatingMin: &five}); n != 1 || id != "prd_3" {
		t.Errorf("with five stars: %d, %s", n, id)
	}

	publish(product(8, 3, "Green chair"), events.StockLevelChanged{SKU: "sku-prd_8", Available: 1, Version: 1})
	eventually(t, "the new name and stock are found", func() bool {
		n, id := find("chair", products.ProductFilter{InStock: &yes})
		return n == 1 && id == "prd_8"
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What happened to stock may be long. The index waits for it a little, and answers then all but what stock decides.
func TestSearchIndexIsReadyWhileStockIsStillRead(t *testing.T) {
	withoutStock := slices.DeleteFunc(topicsOfTests(), func(t kafka.Topic) bool { return t.Name == events.InventoryTopic })
	b := &broker{t: t, kafka: kafkatest.Config(t, withoutStock...)} // its reader never comes to an end
	lamp := message(t, events.ProductChanged{ID: "prd_1", Version: 1, Title: "Blue lamp", Status: "ACTIVE", Variants: []events.ProductVariant{{SKU: "lamp"}}})
	if err := b.producer().Publish(t.Context(), []kafka.Message{lamp}); err != nil {
		t.Fatal(err)
	}
	x, err := search.New(search.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- feedSearchIndex(ctx, b.kafka, x, slog.New(slog.NewTextHandler(t.Output(), nil)), 100*time.Millisecond)
	}()
	select {
	case <-x.Ready():
	case <-time.After(20 * time.Second):
		t.Fatal("the index waits for all of inventory-events")
	}
	yes := true
	if f, err := x.Search(t.Context(), products.SearchQuery{Text: "lamp", Size: 5}); err != nil || f.Total != 1 {
		t.Errorf("%d lamps, %v; want 1", f.Total, err)
	}
	if _, err := x.Search(t.Context(), products.SearchQuery{Filter: products.ProductFilter{InStock: &yes}, Size: 5}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("what is in stock, before that is known: %v, want Unavailable", err)
	}
	if err := b.kafka.Admin().EnsureTopics(t.Context(), topicsOfTests()); err != nil {
		t.Fatal(err)
	}
	level := message(t, events.StockLevelChanged{SKU: "lamp", Available: 4, Version: 1})
	if err := b.producer().Publish(t.Context(), []kafka.Message{level}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the lamp is found in stock", func() bool {
		f, err := x.Search(t.Context(), products.SearchQuery{Filter: products.ProductFilter{InStock: &yes}, Size: 5})
		return err == nil && f.Total == 1
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
