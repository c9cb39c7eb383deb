package consumers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
)

func TestShareOut(t *testing.T) {
	t.Parallel()
	now := time.Now()
	soon, before := now.Add(time.Minute), now.Add(-time.Second)
	shards := func(letters string) (s [outbox.Shards]string) {
		for i, l := range strings.Split(letters, "") {
			if l != "-" {
				s[i] = l
			}
		}
		return s
	}
	cases := []struct {
		what    string
		holders map[string]time.Time
		shards  string
		keep    string // of a's shards, those that cannot be given back yet: x
		want    string
	}{
		{"alone", nil, "----------------", "", "aaaaaaaaaaaaaaaa"},
		{"what is held by another stays", map[string]time.Time{"b": soon}, "bbbbbbbbbbbbbbbb", "", "bbbbbbbbbbbbbbbb"},
		{"what is given back is taken, up to a fair share", map[string]time.Time{"b": soon}, "bbbbbbb---------", "", "bbbbbbbaaaaaaaa-"},
		{"the dead lose all", map[string]time.Time{"b": before}, "bbbbbbbbbbbbbbbb", "", "aaaaaaaaaaaaaaaa"},
		{"too many are given back", map[string]time.Time{"a": soon, "b": soon}, "aaaaaaaaaaaaaaaa", "", "aaaaaaaa--------"},
		{"but not what is under way", map[string]time.Time{"a": soon, "b": soon}, "aaaaaaaaaaaaaaaa", "------------xxxx", "aaaa--------aaaa"},
		{"of three, one has four", map[string]time.Time{"b": soon, "c": soon}, "bbbbbbcccccc----", "", "bbbbbbccccccaaaa"},
	}
	for _, c := range cases {
		a := outbox.Assignment{Holders: c.holders, Shards: shards(c.shards)}
		if a.Holders == nil {
			a.Holders = map[string]time.Time{}
		}
		keep := make([]bool, outbox.Shards)
		for i, k := range c.keep {
			keep[i] = k == 'x'
		}
		shareOut(&a, "a", now, soon, keep)
		if want := shards(c.want); a.Shards != want || !a.Holders["a"].Equal(soon) {
			t.Errorf("%s: %q, want %q; holders %v", c.what, a.Shards, want, a.Holders)
		}
	}
}

// Instances come and go while aggregates change; nothing is out of order, nothing is left, and as long as
// nobody dies nothing is written twice.
func TestRelaysShareTheirWork(t *testing.T) {
	t.Parallel()
	const orders, changes = 60, 40
	b := startBroker(t)
	s := newMemoryStore()
	leases := mongodb.NewLeases(mongotest.Database(t))
	var instances atomic.Int64
	hints := &passed{to: make(chan [2]string, 10_000)}
	start := func() (stop func()) {
		return b.relay(s, func(c *RelayConfig) {
			c.Leases, c.Holder, c.Lease = leases, fmt.Sprint("instance-", instances.Add(1)), 6*time.Second
			c.Hints = hints
		})
	}
	var stops []func()
	for v := 1; v <= changes; v++ {
		switch v {
		case 1, 10, 20:
			stops = append(stops, start())
		case 15, 30:
			stops[0]()
			stops = stops[1:]
		}
		for o := range orders {
			s.write(order(o), record(t, t.Context(), statusChanged(order(o), v)))
		}
		<-time.After(120 * time.Millisecond) // so that leases change hands in between
	}
	eventually(t, "all published", func() bool { return s.left() == 0 })
	for _, stop := range stops {
		stop()
	}
	j := b.journal(events.OrderTopic)
	j.check(t, orders, changes)
	if j.count() != orders*changes {
		t.Errorf("%d records, want %d: something was written twice", j.count(), orders*changes)
	}
	for key, versions := range j.seen {
		if !slices.IsSorted(versions) {
			t.Errorf("%s: %v", key, versions)
		}
	}
	if hints.sent.Load() == 0 {
		t.Error("no instance told another of what it wrote")
	}
}

// passed are hints over a channel.
type passed struct {
	to   chan [2]string
	sent atomic.Int64
}

func (p *passed) Send(_ context.Context, store, docID string) {
	p.sent.Add(1)
	select {
	case p.to <- [2]string{store, docID}:
	default:
	}
}

func (p *passed) Receive(ctx context.Context, hear func(store, docID string)) {
	for {
		select {
		case h := <-p.to:
			hear(h[0], h[1])
		case <-ctx.Done():
			return
		}
	}
}
