package consumers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/kafka"
)

// failing is a handler that fails for some orders while told to.
type failing struct {
	journal
	broken atomic.Bool
	poison string
	tries  atomic.Int64
}

func (f *failing) handlers() *Handlers {
	var h Handlers
	On(&h, func(_ context.Context, e events.OrderStatusChanged) error {
		if e.ID == f.poison && f.broken.Load() {
			f.tries.Add(1)
			return errors.New("not now")
		}
		f.add(e)
		return nil
	})
	return &h
}

func (f *failing) of(order string) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen[order])
}

func versions(from, to int) (list []int) {
	for v := from; v <= to; v++ {
		list = append(list, v)
	}
	return list
}

// patient parks soon and tries parked events for as long as a test takes.
func patient(c *RunnerConfig) { c.InPlace.Attempts, c.Parked.Attempts = 2, 1<<30 }

// What fails is parked with all that follows it by its key; its partition is committed and other keys go
// on; once it works, the key's events come in their order.
func TestParkedKeyHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	f := &failing{poison: order(7)}
	f.broken.Store(true)
	b.fill(20, 1, 6)
	stop := b.run(f.handlers(), patient)
	defer stop()
	eventually(t, "the partitions are done", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	b.fill(20, 7, 10)
	eventually(t, "other orders handled", func() bool { return f.count() == 19*10 })
	eventually(t, "the partitions are done again", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	eventually(t, "it is tried again and again", func() bool { return f.tries.Load() > 10 })
	if got := f.of(order(7)); len(got) != 0 {
		t.Fatalf("events of the parked order overtook it: %v", got)
	}
	f.broken.Store(false)
	eventually(t, "all handled", func() bool { return f.count() == 200 })
	f.check(t, 20, 10)
	if got := f.of(order(7)); !slices.Equal(got, versions(1, 10)) {
		t.Errorf("the parked order got %v", got)
	}
	eventually(t, "the retry topic is done", func() bool { return b.lag("test", "test.retry") == 0 })
	b.fill(20, 11, 12)
	eventually(t, "all handled", func() bool { return f.count() == 240 })
	parked := len(b.read("test.retry"))
	b.fill(20, 13, 13)
	eventually(t, "all handled", func() bool { return f.count() == 260 })
	if after := len(b.read("test.retry")); after != parked {
		t.Errorf("a key with nothing parked still goes by the retry topic: %d records, then %d", parked, after)
	}
	if dead := b.read(events.OrderTopic + events.DeadLetterSuffix); len(dead) != 0 {
		t.Errorf("%d dead letters", len(dead))
	}
}

// Members come and go; what is parked stays before what comes later.
func TestParkedKeyOutlivesItsMember(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	f := &failing{poison: order(3)}
	f.broken.Store(true)
	b.fill(8, 1, 4)
	stop := b.run(f.handlers(), patient)
	eventually(t, "the partitions are done", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	stop()

	second, third := b.run(f.handlers(), patient), b.run(f.handlers(), patient)
	b.fill(8, 5, 8)
	eventually(t, "the partitions are done", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	second()
	f.broken.Store(false)
	b.fill(8, 9, 12)
	eventually(t, "all handled", func() bool { return f.distinct() == 8*12 })
	third()
	f.check(t, 8, 12)
}

// A poisonous event among many is with the dead letters after its tries, and its key goes on.
func TestPoisonIsBuried(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.fill(100, 1, 5)
	var j journal
	var tries atomic.Int64
	var h Handlers
	On(&h, func(_ context.Context, e events.OrderStatusChanged) error {
		if e.ID == order(42) && e.Version == 2 {
			tries.Add(1)
			return errors.New("never works")
		}
		j.add(e)
		return nil
	})
	stop := b.run(&h, func(c *RunnerConfig) { c.InPlace.Attempts, c.Parked.Attempts = 2, 3 })
	defer stop()
	eventually(t, "all others handled", func() bool { return j.count() == 499 })
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic)+b.lag("test", "test.retry") == 0 })
	if got := j.seen[order(42)]; !slices.Equal(got, []int{1, 3, 4, 5}) {
		t.Errorf("its key got %v", got)
	}
	dead := b.read(events.OrderTopic + events.DeadLetterSuffix)
	if len(dead) != 1 || dead[0].Header(DeadLetterAttempts) != "5" || tries.Load() != 5 {
		t.Fatalf("%d dead letters %+v after %d tries, want 1 after 5", len(dead), dead, tries.Load())
	}
	for _, h := range dead[0].Headers {
		if len(h.Key) > 6 && h.Key[:6] == "retry_" {
			t.Errorf("the dead letter is not the record as it was: header %s", h.Key)
		}
	}
	if dead[0].Header(DeadLetterTopic) != events.OrderTopic || dead[0].Key != order(42) {
		t.Errorf("dead letter %+v", dead[0])
	}
}

// A handler that never returns costs its partition a new session, not the group its work.
func TestStuckSessionIsBegunAnew(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.fill(8, 1, 1)
	var j journal
	var once sync.Once
	release := make(chan struct{})
	var h Handlers
	On(&h, func(_ context.Context, e events.OrderStatusChanged) error {
		if e.ID == order(5) {
			once.Do(func() { <-release }) // listens to no context
		}
		j.add(e)
		return nil
	})
	restarts := make(chan error, 10)
	stop := b.run(&h, func(c *RunnerConfig) {
		c.Timeout, c.Drain, c.StuckAfter = 50*time.Millisecond, 50*time.Millisecond, 200*time.Millisecond
		c.Observer = restarted{silent{}, restarts}
	})
	defer stop()
	if err := <-restarts; err == nil {
		t.Error("the session began anew without a reason")
	}
	close(release)
	eventually(t, "all handled", func() bool { return j.distinct() == 8 })
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic) == 0 })
}

type restarted struct {
	silent
	errs chan error
}

func (r restarted) Restarted(_ string, err error) { r.errs <- err }

func TestStuck(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := newPartition(t.Context(), newPool(), startsAt(10), nil, func(int64) {})
	cases := []struct {
		what  string
		after time.Duration
		there kafka.Offsets
		want  bool
	}{
		{"nothing to read", time.Hour, kafka.Offsets{Oldest: 0, Newest: 10}, false},
		{"something came just now", time.Second, kafka.Offsets{Oldest: 0, Newest: 11}, false},
		{"something came long ago", time.Hour, kafka.Offsets{Oldest: 0, Newest: 11}, true},
		{"what came was deleted", time.Hour, kafka.Offsets{Oldest: 20, Newest: 20}, false},
	}
	for _, c := range cases {
		if got := p.stuck(now.Add(c.after), time.Minute, c.there); (got != "") != c.want {
			t.Errorf("%s: %q", c.what, got)
		}
	}
	p.add(arrival{offset: 10, record: &kafka.Record{}, wanted: true})
	if got := p.stuck(now.Add(time.Hour), time.Minute, kafka.Offsets{Newest: 12}); got != "" {
		t.Errorf("a record that waits for a worker: %q", got)
	}
}

// startsAt is a claim of nothing.
type startsAt int64

func (s startsAt) Start() int64 { return int64(s) }
func (startsAt) Mark(int64)     {}
func (startsAt) Pause()         {}
func (startsAt) Resume()        {}
