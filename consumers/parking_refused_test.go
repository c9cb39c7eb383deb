package consumers

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"storefront/events"
	"storefront/internal/kafka"
)

// narrow is a publisher that cannot write into the retry topic for a few times, but for marks: as when a
// partition has no leader for a while.
type narrow struct {
	Publisher
	refuse, refused atomic.Int64
}

func (p *narrow) Publish(ctx context.Context, messages []kafka.Message) error {
	for _, m := range messages {
		r := kafka.Record{Headers: m.Headers}
		if m.Topic == "test.retry" && r.Header(retryDone) == "" && p.refuse.Add(-1) >= 0 {
			p.refused.Add(1)
			return errors.New("no leader")
		}
	}
	return p.Publisher.Publish(ctx, messages)
}

// waits remembers how many events wait in the retry topic.
type waits struct {
	silent
	most, now atomic.Int64
}

func (w *waits) Waiting(_ string, events int) {
	w.now.Store(int64(events))
	w.most.Store(max(w.most.Load(), int64(events)))
}

// An event whose key is parked waits until it can be parked too; it does not overtake, and its key is free
// again afterwards.
func TestWhatCannotBeParkedDoesNotOvertake(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	var j journal
	var broken atomic.Bool
	broken.Store(true)
	var h Handlers
	On(&h, func(_ context.Context, e events.OrderStatusChanged) error {
		if e.ID == order(2) && e.Version == 1 && broken.Load() {
			return errors.New("not now")
		}
		j.add(e)
		return nil
	})
	p, w := &narrow{Publisher: b.producer()}, &waits{}
	b.fill(4, 1, 1)
	stop := b.run(&h, func(c *RunnerConfig) {
		patient(c)
		c.Producer, c.Observer = p, w
	})
	defer stop()
	eventually(t, "the first is parked", func() bool { return j.count() == 3 && b.lag("test", events.OrderTopic) == 0 })
	p.refuse.Store(5)
	b.fill(4, 2, 3)
	eventually(t, "parking was refused", func() bool { return p.refused.Load() == 5 })
	eventually(t, "the partitions are done", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	broken.Store(false)
	eventually(t, "all handled", func() bool { return j.distinct() == 4*3 })
	j.check(t, 4, 3)
	eventually(t, "no key is held any more", func() bool { return w.now.Load() == 0 })
}

// An event that could not be parked and is given up then does not hold its key for ever.
func TestGivenUpInsteadOfParkedFreesItsKey(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	var j journal
	p, w := &narrow{Publisher: b.producer()}, &waits{}
	p.refuse.Store(1)
	var h Handlers
	On(&h, func(_ context.Context, e events.OrderStatusChanged) error {
		switch {
		case e.Version > 1:
			j.add(e)
			return nil
		case p.refused.Load() == 0:
			return errors.New("not now")
		}
		return Permanent(errors.New("never"))
	})
	b.fill(1, 1, 1)
	stop := b.run(&h, func(c *RunnerConfig) {
		patient(c)
		c.Producer, c.Observer = p, w
	})
	defer stop()
	eventually(t, "it is with the dead letters", func() bool { return len(b.read(events.OrderTopic+events.DeadLetterSuffix)) == 1 })
	eventually(t, "its key is free", func() bool { return w.most.Load() == 1 && w.now.Load() == 0 })
	b.fill(1, 2, 3)
	eventually(t, "its key goes on", func() bool { return j.count() == 2 })
	if parked := slices.DeleteFunc(b.read("test.retry"), func(r *kafka.Record) bool { return r.Header(retryDone) != "" }); len(parked) != 0 {
		t.Errorf("%d events of a key with nothing parked were parked", len(parked))
	}
}
