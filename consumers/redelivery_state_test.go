package consumers

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/internal/identity"
)

// What a shop came to, so that it can be compared.

// mailAll waits until no mail is pending.
func (s *shop) mailAll(ctx context.Context) {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		n, err := s.db.Collection("notifications").CountDocuments(ctx, bson.D{{Key: "mail", Value: "PENDING"}})
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d mails are still pending", n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// checkCatalogue reads every product by every key: what is cached must be what is stored.
func (s *shop) checkCatalogue(ctx context.Context, told story) {
	s.t.Helper()
	ctx = identity.With(ctx, staff)
	for _, p := range told.catalogue {
		found, err := s.products.ProductsByID(ctx, []string{p.ID})
		if err != nil || found[p.ID].Version != p.Version {
			s.t.Errorf("product %s has version %d (%v), want %d", p.Handle, found[p.ID].Version, err, p.Version)
		}
		for _, v := range p.Variants {
			variants, err := s.products.VariantsBySKU(ctx, []string{v.SKU})
			if err != nil || variants[v.SKU].ID != v.ID {
				s.t.Errorf("%s is variant %s (%v), want %s", v.SKU, variants[v.SKU].ID, err, v.ID)
			}
		}
	}
}

// state reads a part's documents, without what differs from shop to shop: times, versions, the outbox,
// and ids that the gateway makes.
func (s *shop) state(ctx context.Context, p *shopPart) map[string]map[string]any {
	s.t.Helper()
	state := map[string]map[string]any{}
	for _, name := range p.collections {
		cursor, err := s.db.Collection(name).Find(ctx, bson.D{})
		if err != nil {
			s.t.Fatal(err)
		}
		var docs []bson.M
		if err := cursor.All(ctx, &docs); err != nil {
			s.t.Fatal(err)
		}
		for _, doc := range docs {
			state[name+" "+doc["_id"].(string)] = plain(doc).(map[string]any)
		}
	}
	return state
}

var (
	volatile = []string{"version", "outbox", "outboxSince", "chargeId", "gatewayId", "tries", "waits", "sort", "keys",
		"at", "expiresAt", "estimatedAt", "since", "attempt"}
	moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
)

// plain is a value without what differs from shop to shop.
func plain(v any) any {
	switch v := v.(type) {
	case bson.M:
		return plain(map[string]any(v))
	case map[string]any:
		kept := map[string]any{}
		for key, value := range v {
			if slices.Contains(volatile, key) {
				continue
			}
			if value = plain(value); value != nil {
				kept[key] = value
			}
		}
		return kept
	case bson.D:
		m := map[string]any{}
		for _, e := range v {
			m[e.Key] = e.Value
		}
		return plain(m)
	case bson.A:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case []any:
		return plain(bson.A(v))
	case bson.DateTime, time.Time:
		return nil
	case string:
		return moment.ReplaceAllString(v, "TIME")
	case int32:
		return int64(v)
	}
	return v
}

// essence is what has to be the same however the topics were mixed. On its way an order may skip a step
// that it heard of too late, and money that is not taken is as good as money that went back.
func essence(name string, doc map[string]any) map[string]any {
	pick := func(keys ...string) map[string]any {
		kept := map[string]any{}
		for _, key := range keys {
			kept[key] = doc[key]
		}
		return kept
	}
	switch collection, _, _ := strings.Cut(name, " "); collection {
	case "orders":
		return pick("status", "reason", "returns", "lines", "resumed")
	case "reservations":
		if doc["status"] != "COMMITTED" { // before or after it was sold, or the others were: what stock says is the same
			return pick("status", "step")
		}
	case "payments":
		taken := int64(0)
		if amount, ok := doc["amount"].(map[string]any); ok && doc["status"] == "CAPTURED" {
			taken = amount["amount"].(int64)
		}
		refunds, _ := doc["refunds"].([]any)
		for _, r := range refunds {
			if r := r.(map[string]any); r["status"] == "SUCCEEDED" {
				taken -= r["amount"].(map[string]any)["amount"].(int64)
			}
		}
		return map[string]any{"kept": taken, "intent": doc["intent"], "ended": doc["status"] != "PENDING" && doc["status"] != "AUTHORIZED"}
	case "shipments":
		return pick("status", "placed", "address", "grams", "method")
	case "notifications":
		kept := pick("kind", "owner", "orderId", "mail", "listed")
		facts := maps.Clone(doc["facts"].(map[string]any))
		delete(facts, "name") // of the profile, as it was known then
		kept["facts"] = facts
		return kept
	}
	return doc
}

// told is what a part said, as text, sorted; what is answered each time it is asked counts once.
func (e ending) told(part string) []string {
	var list []string
	for _, r := range e.emitted[part] {
		var data map[string]any
		if json.Unmarshal(r.Data, &data) != nil {
			continue
		}
		if strings.HasSuffix(r.Type, ".cancellation_refused") {
			delete(data, "status") // how far the parcel is by the time of the answer
		}
		text, _ := json.Marshal(plain(data))
		list = append(list, r.Type+" "+r.Key+" "+string(text))
	}
	slices.Sort(list)
	return list
}
