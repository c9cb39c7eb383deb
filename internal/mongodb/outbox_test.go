package mongodb_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
)

// thing is an aggregate.
type thing struct {
	ID      string `bson:"_id"`
	Version int    `bson:"version"`
	Note    string `bson:"note"`
}

func (t *thing) Identity() (string, *int) { return t.ID, &t.Version }

// happened is an event of a thing.
type happened struct {
	ID string `json:"id"`
	N  int    `json:"n"`
}

func (happened) EventTopic() string { return "thing-events" }
func (happened) EventType() string  { return "thing.happened" }
func (e happened) EventKey() string { return e.ID }

func TestOutbox(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	things := mongodb.NewAggregates[thing](mongotest.Database(t).Collection("things"), "/test", func() time.Time { return now })
	if err := things.EnsureIndexes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, oldest, err := things.Depth(t.Context(), 10); n != 0 || !oldest.IsZero() || err != nil {
		t.Errorf("depth of nothing: %d %v %v", n, oldest, err)
	}
	for i := range 3 {
		if err := things.Insert(t.Context(), &thing{ID: fmt.Sprint("t", i)}, happened{fmt.Sprint("t", i), 1}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	if _, err := things.Update(t.Context(), "t1", func(x *thing) ([]outbox.Event, error) {
		x.Note = "changed"
		return []outbox.Event{happened{"t1", 2}, happened{"t1", 3}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	first := now.Add(-3 * time.Second)
	pending := func(before time.Time, want ...string) {
		t.Helper()
		if ids, err := things.Pending(t.Context(), before, 10); err != nil || !slices.Equal(ids, want) {
			t.Errorf("pending before %v: %v %v, want %v", before, ids, err, want)
		}
	}
	pending(first)
	pending(first.Add(time.Millisecond), "t0")
	pending(now.Add(time.Second), "t0", "t1", "t2")
	if n, oldest, err := things.Depth(t.Context(), 2); n != 2 || !oldest.Equal(first) || err != nil {
		t.Errorf("depth: %d %v %v, want 2, counted up to the limit, since %v", n, oldest, err, first)
	}
	entries, err := things.Load(t.Context(), []string{"t0", "t1", "gone"})
	if err != nil || len(entries["t0"]) != 1 || len(entries["t1"]) != 3 || string(entries["t1"][2].Data) != `{"id":"t1","n":3}` {
		t.Fatalf("entries: %v %v", entries, err)
	}
	remove := map[string][]string{"t0": {entries["t0"][0].ID}, "t1": {entries["t1"][0].ID}}
	for range 2 { // safe to repeat
		if err := things.Remove(t.Context(), remove); err != nil {
			t.Fatal(err)
		}
	}
	pending(now.Add(time.Second), "t1", "t2")
	if entries, err = things.Load(t.Context(), []string{"t1"}); err != nil || len(entries["t1"]) != 2 {
		t.Errorf("left of t1: %v %v", entries, err)
	}
	if x, err := things.Get(t.Context(), "t1"); err != nil || x.Note != "changed" || x.Version != 2 {
		t.Errorf("t1: %+v %v", x, err)
	}
}

// Many instances change the assignment at once; no change is lost.
func TestLeases(t *testing.T) {
	t.Parallel()
	leases := mongodb.NewLeases(mongotest.Database(t))
	until := time.Now().Add(time.Minute).UTC().Truncate(time.Millisecond)
	var wait sync.WaitGroup
	for i := range outbox.Shards {
		wait.Go(func() {
			err := leases.Update(t.Context(), func(a *outbox.Assignment) {
				name := fmt.Sprint("instance", i)
				a.Holders[name], a.Shards[i] = until, name
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	err := leases.Update(t.Context(), func(a *outbox.Assignment) {
		if len(a.Holders) != outbox.Shards || a.Version != outbox.Shards {
			t.Errorf("%d holders at version %d, want %d", len(a.Holders), a.Version, outbox.Shards)
		}
		for i, holder := range a.Shards {
			if name := fmt.Sprint("instance", i); holder != name || !a.Holders[name].Equal(until) {
				t.Errorf("shard %d: %q until %v", i, holder, a.Holders[holder])
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
