package graph_test

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/events"
	"storefront/internal/identity"
)

// Anybody is a guest by any token: what guests leave behind goes by itself, unless they have ordered.
func TestWhatGuestsLeaveBehindGoes(t *testing.T) {
	t.Parallel()
	s, ctx := open(t, 1), t.Context()
	guest, user, buyer := identity.Identity{Guest: "gst_1"}, identity.Identity{User: "usr_1"}, identity.Identity{Guest: "gst_2"}
	if err := s.ConfirmOrder(ctx, placed("ord_1", buyer.Guest, "buyer@example.com", "en", 1)); err != nil {
		t.Fatal(err)
	}
	for _, who := range []identity.Identity{guest, user, buyer} {
		for range 2 {
			same(t, at(s.ask(t, who, `mutation{backInStockSubscribe(sku:"TEE-M"){sku}}`), "data", "backInStockSubscribe", "sku"), `"TEE-M"`)
			same(t, at(s.ask(t, who, `mutation{backInStockSubscribe(sku:"TEE-L"){sku}}`), "data", "backInStockSubscribe", "sku"), `"TEE-L"`)
		}
		s.ask(t, who, `mutation{notificationPreferencesUpdate(preferences:[{kind:WELCOME,channel:EMAIL,enabled:false}]){userErrors{code}}}`)
	}
	if err := s.Restocked(ctx, events.StockLevelChanged{Stamp: events.Stamp{At: time.Now().Add(time.Second)}, SKU: "TEE-L", Available: 3}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		collection string
		filter     bson.D
		goes       bool
	}{
		{"watches", bson.D{{Key: "owner", Value: guest.Guest}}, true},
		{"watches", bson.D{{Key: "owner", Value: buyer.Guest}}, true},
		{"watches", bson.D{{Key: "owner", Value: user.User}}, false},
		{"people", bson.D{{Key: "_id", Value: guest.Guest}}, true},
		{"people", bson.D{{Key: "_id", Value: buyer.Guest}}, false},
		{"people", bson.D{{Key: "_id", Value: user.User}}, false},
		{"notifications", bson.D{{Key: "owner", Value: guest.Guest}}, true},
		{"notifications", bson.D{{Key: "owner", Value: user.User}}, false},
		{"notifications", bson.D{{Key: "orderId", Value: "ord_1"}}, false},
	} {
		cursor, err := s.db.Collection(c.collection).Find(ctx, c.filter)
		if err != nil {
			t.Fatal(err)
		}
		var found []struct{ ExpiresAt *time.Time }
		if err := cursor.All(ctx, &found); err != nil || len(found) != 1 {
			t.Fatalf("%s %v: %d documents, %v; want 1", c.collection, c.filter, len(found), err)
		}
		switch at := found[0].ExpiresAt; {
		case (at != nil) != c.goes:
			t.Errorf("%s %v goes at %v", c.collection, c.filter, at)
		case c.goes && (at.Before(time.Now().AddDate(0, 0, 89)) || at.After(time.Now().AddDate(0, 0, 91))):
			t.Errorf("%s %v goes at %v, which is not in 90 days", c.collection, c.filter, at)
		}
		indexes, err := s.db.Collection(c.collection).Indexes().ListSpecifications(ctx)
		if err != nil {
			t.Fatal(err)
		}
		expires := false
		for _, ix := range indexes {
			expires = expires || ix.ExpireAfterSeconds != nil && ix.Name == "expiry"
		}
		if !expires {
			t.Errorf("no index of %s lets documents go", c.collection)
		}
	}
}
