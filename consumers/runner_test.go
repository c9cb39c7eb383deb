package consumers

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/eventmeta"
	"storefront/internal/kafka"
)

// run starts a runner and returns a function that stops it and waits.
func (b *broker) run(h *Handlers, change func(*RunnerConfig)) (stop func()) {
	b.t.Helper()
	c := RunnerConfig{
		Kafka: b.kafka, Group: Group{ID: "test", Handlers: h}, Producer: b.producer(),
		InPlace: Patience{Backoff: Backoff{Min: time.Millisecond, Max: 10 * time.Millisecond}},
		Parked:  Patience{Backoff: Backoff{Min: 5 * time.Millisecond, Max: 20 * time.Millisecond}},
	}
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- NewRunner(c).Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

// fill publishes the versions from..to of each of n orders, an order's events in order.
func (b *broker) fill(orders, from, to int) {
	b.t.Helper()
	if b.filler == nil {
		b.filler = b.producer()
	}
	for v := from; v <= to; v++ {
		var batch []kafka.Message
		for o := range orders {
			batch = append(batch, message(b.t, statusChanged(order(o), v)))
		}
		if err := b.filler.Publish(b.t.Context(), batch); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestOrderPerKeyWithManyWorkers(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.fill(40, 1, 25)
	var j journal
	var now, peak, calls atomic.Int64
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error {
		peak.Store(max(peak.Load(), now.Add(1)))
		defer now.Add(-1)
		if n := calls.Add(1); n%7 == 0 {
			return errors.New("a failure that goes away")
		} else if n%3 == 0 {
			<-time.After(time.Duration(n%5) * time.Millisecond) // the others overtake, if they can
		}
		j.add(e)
		return nil
	})
	stop := b.run(&h, nil)
	defer stop()
	eventually(t, "all events handled", func() bool { return j.count() == 1000 })
	j.check(t, 40, 25)
	if peak.Load() < 2 || peak.Load() > 16 {
		t.Errorf("%d handlers ran at once, want 2 to 16", peak.Load())
	}
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic) == 0 })
}

func TestFailingRecordIsNotPassedOver(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.fill(20, 1, 10)
	var j journal
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error {
		if e.ID == order(7) && e.Version == 4 {
			return errors.New("not now")
		}
		j.add(e)
		return nil
	})
	stop := b.run(&h, func(c *RunnerConfig) { c.InPlace.Attempts = 1 << 30 })
	eventually(t, "all other orders handled", func() bool { return j.count() == 19*10+3 })
	stop()
	if n := b.lag("test", events.OrderTopic); n < 7 {
		t.Fatalf("%d records uncommitted: the failing one or those behind it were passed over", n)
	}

	var again journal
	var healed Handlers
	On(&healed, func(ctx context.Context, e events.OrderStatusChanged) error { again.add(e); return nil })
	stop = b.run(&healed, nil)
	defer stop()
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	if got := again.seen[order(7)]; len(got) < 7 || got[len(got)-7] != 4 {
		t.Errorf("after the restart %s got %v, want 4 to 10", order(7), got)
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	p := b.producer()
	broken := message(t, statusChanged("ord_broken", 1))
	broken.Value = []byte(`{"version":"one"}`)
	unknown := message(t, statusChanged("ord_unknown", 1))
	unknown.Headers = []kafka.Header{{Key: events.HeaderType, Value: "storefront.order.teleported"}}
	unnamed := message(t, statusChanged("ord_unnamed", 1))
	unnamed.Headers = nil
	messages := []kafka.Message{
		message(t, statusChanged("ord_poison", 1)), message(t, statusChanged("ord_refused", 1)),
		message(t, statusChanged("ord_panics", 1)), broken, unknown, unnamed,
		message(t, statusChanged("ord_poison", 2)), message(t, statusChanged("ord_good", 1)),
	}
	if err := p.Publish(t.Context(), messages); err != nil {
		t.Fatal(err)
	}
	var j journal
	var tries atomic.Int64
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error {
		switch {
		case e.ID == "ord_poison" && e.Version == 1:
			tries.Add(1)
			return errors.New("never works")
		case e.ID == "ord_refused":
			return Permanent(errors.New("refused"))
		case e.ID == "ord_panics":
			panic("no such thing")
		}
		j.add(e)
		return nil
	})
	stop := b.run(&h, func(c *RunnerConfig) { c.InPlace.Attempts, c.Parked.Attempts = 2, 1 })
	defer stop()
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	if tries.Load() != 3 {
		t.Errorf("poison was tried %d times, want 3", tries.Load())
	}
	if got := j.seen["ord_poison"]; len(got) != 1 || got[0] != 2 || len(j.seen["ord_good"]) != 1 {
		t.Errorf("events behind the dead letters: %v", j.seen)
	}
	attempts := map[string]string{"ord_poison": "3", "ord_refused": "1", "ord_panics": "3", "ord_broken": "1", "ord_unnamed": "1"}
	dead := b.read(events.OrderTopic + events.DeadLetterSuffix)
	if len(dead) != len(attempts) {
		t.Errorf("%d dead letters, want %d", len(dead), len(attempts))
	}
	for _, r := range dead {
		if r.Header(DeadLetterAttempts) != attempts[r.Key] || r.Header(DeadLetterError) == "" ||
			r.Header(DeadLetterGroup) != "test" || r.Header(DeadLetterTopic) != events.OrderTopic || r.Header(DeadLetterAt) == "" {
			t.Errorf("dead letter of %s: %+v", r.Key, r.Headers)
		}
		if r.Key == "ord_poison" && (r.Header(events.HeaderID) != messages[0].Headers[1].Value || string(r.Value) != string(messages[0].Value)) {
			t.Errorf("dead letter is not the record as it was: %+v", r)
		}
	}
}

func TestEventWaitsForAPartThatIsAway(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	b.fill(1, 1, 1)
	var tries atomic.Int64
	var h Handlers
	On(&h, func(context.Context, events.OrderStatusChanged) error {
		if tries.Add(1) < 6 {
			return errs.New(errs.Unavailable, "the database is away")
		}
		return nil
	})
	stop := b.run(&h, func(c *RunnerConfig) { c.InPlace.Attempts = 2 })
	defer stop()
	eventually(t, "the part is back", func() bool { return tries.Load() == 6 })
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	if tries.Load() != 6 || len(b.read(events.OrderTopic+events.DeadLetterSuffix)) != 0 {
		t.Errorf("%d tries and %d dead letters, want 6 and none", tries.Load(), len(b.read(events.OrderTopic+events.DeadLetterSuffix)))
	}
}

func TestTwoMembersLoseNothing(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	const orders = 30
	var j journal
	var byMember [2]atomic.Int64
	handlers := func(member int) *Handlers {
		var h Handlers
		On(&h, func(ctx context.Context, e events.OrderStatusChanged) error {
			byMember[member].Add(1)
			j.add(e)
			return nil
		})
		return &h
	}
	stopFirst := b.run(handlers(0), nil)
	defer stopFirst()
	b.fill(orders, 1, 5)
	eventually(t, "the first member works", func() bool { return byMember[0].Load() > 0 })
	stopSecond := b.run(handlers(1), nil)
	defer stopSecond()
	version := 5
	eventually(t, "the second member has its share", func() bool {
		version++
		b.fill(orders, version, version)
		return byMember[1].Load() > 0
	})
	version++
	stopFirst()
	b.fill(orders, version, version+4)
	eventually(t, "all committed", func() bool { return b.lag("test", events.OrderTopic) == 0 })
	j.check(t, orders, version+4)
}

func TestRunnerOutlivesBroker(t *testing.T) {
	t.Parallel()
	b := startOwnBroker(t)
	var j journal
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error { j.add(e); return nil })
	stop := b.run(&h, nil)
	defer stop()
	b.fill(10, 1, 5)
	eventually(t, "events before the outage", func() bool { return j.distinct() == 50 })
	b.stop()
	b.start()
	b.fill(10, 6, 10)
	eventually(t, "events after the outage", func() bool { return j.distinct() == 100 })
	j.check(t, 10, 10)
}

func TestHandlerSeesWhereItsEventCameFrom(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	r := record(t, trace.ContextWithSpanContext(t.Context(), span), statusChanged("ord_1", 1))
	if err := b.producer().Publish(t.Context(), []kafka.Message{messageOf(r)}); err != nil {
		t.Fatal(err)
	}
	type seen struct {
		meta  eventmeta.Meta
		trace trace.TraceID
	}
	got := make(chan seen, 1)
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error {
		m, _ := eventmeta.From(ctx)
		got <- seen{m, trace.SpanContextFromContext(ctx).TraceID()}
		return nil
	})
	stop := b.run(&h, nil)
	defer stop()
	s := <-got
	if s.meta.EventID != r.ID || s.meta.Key != "ord_1" || !s.meta.Time.Equal(r.Time) || s.meta.Topic != events.OrderTopic || s.meta.Attempt != 1 {
		t.Errorf("meta: %+v", s.meta)
	}
	if s.trace != span.TraceID() {
		t.Errorf("trace %v, want %v", s.trace, span.TraceID())
	}
}

// BenchmarkRunner handles events of 1,000 orders with a handler that does nothing.
func BenchmarkRunner(b *testing.B) {
	br := startBroker(b)
	p := br.producer()
	var batch []kafka.Message
	for i := range b.N {
		batch = append(batch, message(b, statusChanged("ord_"+strconv.Itoa(i%1000), i)))
		if len(batch) == 5000 || i == b.N-1 {
			if err := p.Publish(context.Background(), batch); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	var n atomic.Int64
	done := make(chan struct{})
	var began sync.Once
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error {
		began.Do(b.ResetTimer)
		if n.Add(1) == int64(b.N) {
			close(done)
		}
		return nil
	})
	stop := br.run(&h, nil)
	defer stop()
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRunnerLatency measures from before Publish to the handler, one event at a time.
func BenchmarkRunnerLatency(b *testing.B) {
	br := startBroker(b)
	p := br.producer()
	handled := make(chan struct{}, 1)
	var h Handlers
	On(&h, func(ctx context.Context, e events.OrderStatusChanged) error { handled <- struct{}{}; return nil })
	stop := br.run(&h, nil)
	defer stop()
	var took []time.Duration
	for i := range b.N {
		m := message(b, statusChanged(order(i%50), i))
		began := time.Now()
		if err := p.Publish(context.Background(), []kafka.Message{m}); err != nil {
			b.Fatal(err)
		}
		<-handled
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs-publish-to-handler")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs-publish-to-handler")
}

// TestPoolServesTopicsInTurn: what comes of one topic does not wait for all that another has, and of one
// topic's records the oldest comes first, though its key has been served before.
func TestPoolServesTopicsInTurn(t *testing.T) {
	p := newPool()
	for i := range 100 {
		p.push(&keyQueue{key: eventKey{"busy", order(i)}, head: int64(i + 10)})
	}
	for i := range 2 {
		p.push(&keyQueue{key: eventKey{"quiet", order(i)}, head: int64(i + 1000)})
	}
	served := p.next()
	served.head = 5 // its next record came before all others
	p.push(served)
	var topics, keys []string
	for range 102 {
		q := p.next()
		topics, keys = append(topics, q.key.topic), append(keys, q.key.key)
	}
	if want := []string{"quiet", "busy", "quiet", "busy", "busy"}; !slices.Equal(topics[:5], want) || keys[1] != order(0) || keys[3] != order(1) || len(p.lines) != 0 {
		t.Errorf("served %v of %v, %d lines left", keys[:5], topics[:5], len(p.lines))
	}
}
