package consumers

import (
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
	"storefront/internal/mongodb"
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
