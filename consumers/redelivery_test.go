package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/events"
	"storefront/internal/identity"
	"storefront/internal/outbox"
)

// An event comes at least once, and those of different topics come in any order. That this is all the
// same is shown here for every handler of every group: what happened in a shop once is told again to
// empty ones, with repeats, late repeats and other orders, and each must end as the one did that heard
// everything once and in order.

// act is one entry of a schedule.
type act struct {
	entry int
	again bool // a repeat
}

// once is everything once, in order.
func once(list []entry, _ *rand.Rand) []act {
	acts := make([]act, len(list))
	for i := range list {
		acts[i] = act{entry: i}
	}
	return acts
}

// twice is every event twice in a row.
func twice(list []entry, _ *rand.Rand) []act {
	var acts []act
	for i, e := range list {
		if acts = append(acts, act{entry: i}); e.command == nil {
			acts = append(acts, act{i, true})
		}
	}
	return acts
}

// late is everything in order, with old events among it, and all of them once more at the end.
func late(list []entry, random *rand.Rand) []act {
	var acts []act
	for i := range list {
		acts = append(acts, act{entry: i})
		for random.IntN(3) == 0 {
			if old := random.IntN(i + 1); list[old].command == nil {
				acts = append(acts, act{old, true})
			}
		}
	}
	for _, i := range random.Perm(len(list)) {
		if list[i].command == nil {
			acts = append(acts, act{i, true})
		}
	}
	return acts
}

// mixed has the topics and keys in any order that can be, with old events among them.
func mixed(list []entry, random *rand.Rand) []act {
	var acts []act
	done := make([]bool, len(list))
	var told []int
	for len(told) < len(list) {
		var ready []int
		for i, e := range list {
			if !done[i] && !slices.ContainsFunc(e.needs, func(j int) bool { return !done[j] }) {
				ready = append(ready, i)
			}
		}
		next := ready[random.IntN(len(ready))]
		done[next], told = true, append(told, next)
		acts = append(acts, act{entry: next})
		if old := told[random.IntN(len(told))]; random.IntN(2) == 0 && list[old].command == nil {
			acts = append(acts, act{old, true})
		}
	}
	return acts
}

// ending is what a shop came to.
type ending struct {
	states  map[string]map[string]map[string]any // by part, then by collection and id
	emitted map[string][]outbox.Record           // by part
	mails   map[string]int
	asked   map[string]bool // keys of which something was asked for twice that is answered each time
}

// replay plays a story to an empty shop by a schedule.
func (s story) replay(t *testing.T, schedule func([]entry, *rand.Rand) []act, seed uint64) ending {
	t.Helper()
	shop, ctx := openShop(t), t.Context()
	end := ending{states: map[string]map[string]map[string]any{}, emitted: map[string][]outbox.Record{}, asked: map[string]bool{}}
	if err := shop.setUp(ctx); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.catalogue {
		if _, err := shop.db.Collection("products").InsertOne(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	mailing, stop := context.WithCancel(ctx)
	mailed := make(chan error, 1)
	go func() { mailed <- shop.notifications.Run(mailing) }()
	defer func() { stop(); <-mailed }()
	for _, p := range shop.parts {
		if p.name == "users" {
			continue
		}
		random := rand.New(rand.NewPCG(seed, uint64(len(p.name))))
		shop.play(ctx, p, s.acts[p.name], schedule(s.acts[p.name], random), &end)
	}
	shop.mailAll(ctx)
	end.mails = shop.mails.list()
	for _, p := range shop.parts {
		records, err := shop.collect(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		end.emitted[p.name] = append(end.emitted[p.name], records...)
		end.states[p.name] = shop.state(ctx, p)
	}
	shop.checkCatalogue(ctx, s)
	return end
}

func (s *shop) play(ctx context.Context, p *shopPart, list []entry, acts []act, end *ending) {
	s.t.Helper()
	for n, a := range acts {
		e := list[a.entry]
		var err error
		if e.command == nil {
			if a.again && (strings.HasSuffix(e.record.Type, ".stalled") || strings.HasSuffix(e.record.Type, ".cancellation_requested")) {
				end.asked[p.name+e.key] = true
			}
			err = s.deliver(ctx, p, e.record)
		} else {
			var records []outbox.Record // the relay has been there before
			if records, err = s.collect(ctx, p); err == nil {
				end.emitted[p.name] = append(end.emitted[p.name], records...)
				err = e.command(ctx, s)
			}
		}
		if err != nil {
			s.t.Errorf("%s: %v\nafter: %s", e.name, err, names(list, acts[:n], e.key))
			return
		}
	}
}

// names lists what a key has seen.
func names(list []entry, acts []act, key string) string {
	var b strings.Builder
	for _, a := range acts {
		if e := list[a.entry]; e.key == key {
			fmt.Fprintf(&b, "\n  %s", e.name)
			if a.again {
				b.WriteString(" (again)")
			}
		}
	}
	return b.String()
}

// mailAll waits until no mail is pending.
func (s *shop) mailAll(ctx context.Context) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
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
	volatile = []string{"version", "outbox", "outboxSince", "chargeId", "gatewayId", "tries", "sort", "keys",
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

func TestRedelivery(t *testing.T) {
	s := tell(t)
	s.checkCoverage(t)
	want := s.replay(t, once, 0)
	for _, way := range []struct {
		name     string
		schedule func([]entry, *rand.Rand) []act
		seeds    uint64
		anyOrder bool
	}{
		{"every event twice", twice, 1, false},
		{"late repeats", late, 3, false},
		{"topics mixed", mixed, 8, true},
	} {
		for seed := range way.seeds {
			t.Run(fmt.Sprintf("%s %d", way.name, seed+1), func(t *testing.T) {
				t.Parallel()
				got := s.replay(t, way.schedule, seed+1)
				for part, state := range want.states {
					compare(t, state, got.states[part], way.anyOrder)
					if !way.anyOrder {
						compareTold(t, part, want, got)
					}
				}
				if !reflect.DeepEqual(got.mails, want.mails) {
					t.Errorf("mails: %v\nwant %v", got.mails, want.mails)
				}
				checkVersions(t, got.emitted["orders"])
			})
		}
	}
	for mail, n := range want.mails {
		if n != 1 {
			t.Errorf("%s was mailed %d times", mail, n)
		}
	}
	if len(want.mails) < 30 {
		t.Errorf("%d mails in the whole story", len(want.mails))
	}
}

// checkCoverage finds handlers of events that the story does not tell.
func (s story) checkCoverage(t *testing.T) {
	t.Helper()
	total := 0
	for _, p := range openShop(t).parts {
		total += len(s.acts[p.name])
		for eventType := range p.group.Handlers.byType {
			if !slices.ContainsFunc(s.acts[p.name], func(e entry) bool { return e.record.Type == eventType }) {
				t.Errorf("%s has a handler of %s, and the story has none for it", p.name, eventType)
			}
		}
	}
	t.Logf("%d entries", total)
}

func compare(t *testing.T, want, got map[string]map[string]any, anyOrder bool) {
	t.Helper()
	text := func(name string, doc map[string]any) string {
		if doc != nil && anyOrder {
			doc = essence(name, doc)
		}
		b, _ := json.MarshalIndent(doc, "  ", " ")
		return string(b)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if g, w := text(name, got[name]), text(name, want[name]); g != w {
			t.Errorf("%s is\n  %s\nwant\n  %s", name, g, w)
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("there is also %s: %s", name, text(name, got[name]))
		}
	}
}

// compareTold holds what a part said to what it says when it hears everything once. It may say a thing
// again only where it was asked again.
func compareTold(t *testing.T, part string, want, got ending) {
	t.Helper()
	count := func(list []string) map[string]int {
		n := map[string]int{}
		for _, text := range list {
			n[text]++
		}
		return n
	}
	w, g := count(want.told(part)), count(got.told(part))
	for text, n := range g {
		key := strings.Fields(text)[1]
		if w[text] == 0 || n > w[text] && !got.asked[part+key] {
			t.Errorf("%s says %d times, want %d: %s", part, n, w[text], text)
		}
	}
	for text, n := range w {
		if g[text] < n {
			t.Errorf("%s says %d times, want %d: %s", part, g[text], n, text)
		}
	}
}

// checkVersions: what live screens are told of an order has a version that grows.
func checkVersions(t *testing.T, records []outbox.Record) {
	t.Helper()
	last := map[string]int{}
	for _, r := range records {
		e, err := events.Decode(r.Type, r.Data)
		if err != nil {
			t.Fatal(err)
		}
		changed, ok := e.(events.OrderStatusChanged)
		if !ok {
			continue
		}
		if changed.Version <= last[changed.ID] || changed.Status == changed.Previous {
			t.Errorf("%s was told version %d after %d, %s after %s", changed.ID, changed.Version, last[changed.ID], changed.Status, changed.Previous)
		}
		last[changed.ID] = changed.Version
	}
}
