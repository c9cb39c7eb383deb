package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"storefront/events"
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
