package consumers

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"storefront/events"
)

// One event among ten thousand is poison: it lies with the dead letters after its tries, holds up no other,
// and is done once it is given back and what was wrong is mended.
func TestDeadLetterIsGivenBack(t *testing.T) {
	t.Parallel()
	const orders, changes = 500, 20
	b := startBroker(t)
	b.fill(orders, 1, changes)
	var j journal
	var mended atomic.Bool
	var h Handlers
	On(&h, func(_ context.Context, e events.OrderStatusChanged) error {
		if e.ID == order(77) && e.Version == 9 && !mended.Load() {
			return errors.New("no such column: total")
		}
		j.add(e)
		return nil
	})
	stop := b.run(&h, func(c *RunnerConfig) { c.InPlace.Attempts, c.Parked.Attempts = 2, 2 })
	defer stop()
	eventually(t, "all others handled", func() bool { return j.count() == orders*changes-1 })
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic)+b.lag("test", "test.retry") == 0 })

	letters := func() []DeadLetter {
		t.Helper()
		list, err := DeadLetters(t.Context(), b.kafka, events.Topics())
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	dead := letters()
	if len(dead) != 1 {
		t.Fatalf("%d dead letters, want 1", len(dead))
	}
	d := dead[0]
	if d.Key != order(77) || d.Group != "test" || d.Attempts != 4 || d.Type != (events.OrderStatusChanged{}).EventType() || d.Event == "" ||
		d.Error != "handle "+d.Type+": no such column: total" {
		t.Errorf("dead letter %+v", d)
	}
	p := b.producer()
	if err := d.Retry(t.Context(), p); err != nil { // too early
		t.Fatal(err)
	}
	eventually(t, "it is a dead letter again", func() bool { list := letters(); return len(list) == 1 && list[0].ID != d.ID })
	mended.Store(true)
	if err := letters()[0].Retry(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is handled", func() bool { return j.count() == orders*changes })
	if list := letters(); len(list) != 0 {
		t.Errorf("it is still a dead letter: %+v", list)
	}
	j.mu.Lock()
	got := slices.Clone(j.seen[order(77)])
	j.mu.Unlock()
	if want := append(append(versions(1, 8), versions(10, 20)...), 9); !slices.Equal(got, want) {
		t.Errorf("its order got %v, want %v", got, want)
	}
	b.fill(1, 21, 21)
	eventually(t, "the key goes on where it comes from", func() bool { return j.count() == orders*changes+1 })
}

func TestDeadLetterIsDropped(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.fill(2, 1, 1)
	var h Handlers
	On(&h, func(context.Context, events.OrderStatusChanged) error { return Permanent(errors.New("refused")) })
	stop := b.run(&h, nil)
	defer stop()
	eventually(t, "both are dead letters", func() bool {
		list, err := DeadLetters(t.Context(), b.kafka, []string{events.OrderTopic})
		return err == nil && len(list) == 2
	})
	list, err := DeadLetters(t.Context(), b.kafka, []string{events.OrderTopic})
	if err != nil {
		t.Fatal(err)
	}
	if err := list[0].Drop(t.Context(), b.producer()); err != nil {
		t.Fatal(err)
	}
	left, err := DeadLetters(t.Context(), b.kafka, []string{events.OrderTopic})
	if err != nil || len(left) != 1 || left[0].ID != list[1].ID {
		t.Errorf("left: %+v %v", left, err)
	}
}
