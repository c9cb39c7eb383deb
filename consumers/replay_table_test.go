package consumers

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/search"
)

// handledByProcesses are events that move a process on which something was done in the world: goods held,
// money taken, a parcel booked. What a service keeps of them is its own record of what it did; reading
// them again would be doing it again. By service.
var handledByProcesses = map[string][]string{
	"products": {"storefront.product.changed"}, // what is cached is dropped
	"orders": {"storefront.inventory.stock_reserved", "storefront.inventory.stock_rejected", "storefront.payment.action_required", "storefront.payment.processed",
		"storefront.payment.failed", "storefront.payment.voided", "storefront.shipment.created", "storefront.shipment.in_transit",
		"storefront.shipment.delivered", "storefront.shipment.cancelled", "storefront.shipment.cancellation_refused"},
	"inventory": {"storefront.order.placed", "storefront.order.lines_returned", "storefront.order.cancelled", "storefront.order.stalled",
		"storefront.payment.authorized", "storefront.payment.processed", "storefront.payment.failed"},
}

func TestEveryHandlerFeedsAModelOrAProcess(t *testing.T) {
	t.Parallel()
	db, scratch := mongotest.Database(t), mongotest.Database(t)
	fed := map[string]map[string]bool{}
	for _, m := range inDatabases() {
		h, _, err := m.build(t.Context(), ReplayConfig{Shadow: mongodb.Shadow{Live: db, Scratch: scratch}, MailFrom: "Shop <shop@shop.test>"})
		if err != nil {
			t.Fatal(m.Name, err)
		}
		if fed[m.Service] == nil {
			fed[m.Service] = map[string]bool{}
		}
		for eventType := range h.byType {
			fed[m.Service][eventType] = true
		}
		if m.About == "" || len(m.Views) == 0 {
			t.Errorf("%s says nothing of itself", m.Name)
		}
	}
	for _, s := range services() {
		if s.group.Handlers == nil || s.name == "payments" || s.name == "shipping" { // all of theirs are processes
			continue
		}
		for eventType := range s.group.Handlers.byType {
			if !fed[s.name][eventType] && !slices.Contains(handledByProcesses[s.name], eventType) {
				t.Errorf("%s handles %s, and no read model is rebuilt of it", s.name, eventType)
			}
		}
	}
}

func TestOneReplayAtATime(t *testing.T) {
	t.Parallel()
	db := mongotest.Database(t)
	first, err := mongodb.TakeScratch(t.Context(), db, "first", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Collection("prices").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "left behind"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := mongodb.TakeScratch(t.Context(), db, "second", time.Minute); !errs.Is(err, errs.Conflict) {
		t.Fatalf("a scratch database that is in use was taken: %v", err)
	}
	past := bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: time.Now().Add(-time.Second)}}}}
	if _, err := db.Collection("scratch_lease").UpdateOne(t.Context(), bson.D{}, past); err != nil {
		t.Fatal(err)
	}
	second, err := mongodb.TakeScratch(t.Context(), db, "second", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := db.Collection("prices").CountDocuments(t.Context(), bson.D{}); err != nil || n != 0 {
		t.Errorf("%d documents of the other are still there (%v)", n, err)
	}
	if err := first.Renew(t.Context()); !errs.Is(err, errs.Conflict) {
		t.Errorf("a lease that was lost is renewed: %v", err)
	}
	if err := first.Drop(t.Context()); !errs.Is(err, errs.Conflict) {
		t.Errorf("somebody else's scratch database is dropped: %v", err)
	}
	if err := second.Drop(t.Context()); err != nil {
		t.Error(err)
	}
	if names, err := db.ListCollectionNames(t.Context(), bson.D{}); err != nil || len(names) > 0 {
		t.Errorf("left: %v (%v)", names, err)
	}
}

func TestReplayOfTheSearchIndex(t *testing.T) {
	t.Parallel()
	r := openReplayed(t)
	model := ReadModels()[slices.IndexFunc(ReadModels(), func(m ReadModel) bool { return m.Name == "search" })]
	live, err := search.New(search.Config{})
	if err != nil {
		t.Fatal(err)
	}
	feeding, stop := context.WithCancel(t.Context())
	fed := make(chan error, 1)
	go func() { fed <- FeedSearchIndex(feeding, r.kafka, live, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-fed; err != nil {
			t.Error(err)
		}
		live.Close()
	})
	ask := func(ctx context.Context, q products.SearchQuery, after string) ([]string, int, string, error) {
		if q.Cursor = nil; after != "" {
			t.Error("there is no second page")
		}
		found, err := live.Search(ctx, q)
		ids := make([]string, len(found.Hits))
		for i, h := range found.Hits {
			ids[i] = h.ID
		}
		return ids, found.Total, "", err
	}
	compare := func() SearchComparison {
		t.Helper()
		again, err := NewSearchRebuild(t.Context(), ReplayConfig{Model: model, Kafka: r.kafka})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		found, err := again.Compare(t.Context(), ask, "EUR", 0)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	<-live.Ready()
	found := compare()
	t.Log(found)
	if len(found.Differences) > 0 || found.Products != 3 || found.Results < 10 {
		t.Errorf("%s: %q", found, found.Differences)
	}
	// The live index has heard of something that no topic tells.
	live.Stock(events.StockLevelChanged{SKU: "CUP", Available: 0, Version: 1000})
	live.Put(events.ProductChanged{ID: "prd_ghost", Title: "Ghost", Status: "ACTIVE", Version: 1})
	if err := live.Flush(); err != nil {
		t.Fatal(err)
	}
	found = compare()
	text := strings.Join(found.Differences, "\n")
	if !strings.Contains(text, "everything by title finds 4, anew 3") || !strings.Contains(text, "in stock: true by title finds 2, anew 3") {
		t.Errorf("found\n%s", text)
	}
}
