package consumers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/kafka"
	"storefront/internal/outbox"
)

// memoryStore is an outbox.Store over a map.
type memoryStore struct {
	mu      sync.Mutex
	outbox  map[string][]outbox.Record
	written chan string
	removed atomic.Int64

	failRemove atomic.Bool // what a process that dies after the publish does
	deaf       atomic.Bool // drops wakeups
}

func newMemoryStore() *memoryStore {
	return &memoryStore{outbox: make(map[string][]outbox.Record), written: make(chan string, 1024)}
}

func (s *memoryStore) write(id string, r ...outbox.Record) {
	s.mu.Lock()
	s.outbox[id] = append(s.outbox[id], r...)
	s.mu.Unlock()
	if s.deaf.Load() {
		return
	}
	select {
	case s.written <- id:
	default:
	}
}

func (s *memoryStore) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.outbox {
		n += len(r)
	}
	return n
}

func (s *memoryStore) Name() string { return "orders.orders" }

func (s *memoryStore) Pending(ctx context.Context, before time.Time, limit int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id, r := range s.outbox {
		if len(r) > 0 && r[0].Time.Before(before) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return s.outbox[a][0].Time.Compare(s.outbox[b][0].Time) })
	return ids[:min(limit, len(ids))], nil
}

func (s *memoryStore) Depth(ctx context.Context, limit int) (int, time.Time, error) {
	ids, err := s.Pending(ctx, time.Now().Add(time.Hour), limit)
	if err != nil || len(ids) == 0 {
		return 0, time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(ids), s.outbox[ids[0]][0].Time, nil
}

func (s *memoryStore) Load(ctx context.Context, ids []string) (map[string][]outbox.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make(map[string][]outbox.Record, len(ids))
	for _, id := range ids {
		entries[id] = slices.Clone(s.outbox[id])
	}
	return entries, nil
}

func (s *memoryStore) Remove(ctx context.Context, records map[string][]string) error {
	if s.failRemove.Load() {
		return errors.New("process died")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, ids := range records {
		s.outbox[id] = slices.DeleteFunc(s.outbox[id], func(r outbox.Record) bool { return slices.Contains(ids, r.ID) })
		s.removed.Add(int64(len(ids)))
	}
	return nil
}

func (s *memoryStore) Written() <-chan string { return s.written }

// relay starts a relay and returns a function that stops it and waits.
func (b *broker) relay(s *memoryStore, change func(*RelayConfig)) (stop func()) {
	b.t.Helper()
	c := RelayConfig{
		Stores: []outbox.Store{s}, Producer: b.producer(),
		SweepEvery: 20 * time.Millisecond, SweepAge: 10 * time.Millisecond,
		Backoff: Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond},
	}
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- NewRelay(c).Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

func TestRelayKeepsOrderPerAggregate(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := newMemoryStore()
	defer b.relay(s, nil)()
	var writers sync.WaitGroup
	for o := range 30 {
		writers.Go(func() {
			for v := 1; v <= 30; v += 2 {
				s.write(order(o), record(t, t.Context(), statusChanged(order(o), v)), record(t, t.Context(), statusChanged(order(o), v+1)))
			}
		})
	}
	writers.Wait()
	eventually(t, "the outboxes are empty", func() bool { return s.left() == 0 })
	j := b.journal(events.OrderTopic)
	j.check(t, 30, 30)
	if j.count() != 900 {
		t.Errorf("%d records for 900 entries", j.count())
	}
}

func TestRelayFindsWhatNoWakeupCameFor(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := newMemoryStore()
	s.deaf.Store(true)
	for o := range 2500 { // more than a sweep's page
		s.write(order(o), record(t, t.Context(), statusChanged(order(o), 1)))
	}
	defer b.relay(s, nil)()
	eventually(t, "what was there is published", func() bool { return s.left() == 0 })
	s.write(order(0), record(t, t.Context(), statusChanged(order(0), 2)))
	eventually(t, "what came later is published", func() bool { return s.left() == 0 })
	if n := len(b.read(events.OrderTopic)); n != 2501 {
		t.Errorf("%d records, want 2501", n)
	}
}

func TestRelayOutlivesBroker(t *testing.T) {
	t.Parallel()
	b := startOwnBroker(t)
	s := newMemoryStore()
	impatient := func(c *RelayConfig) { c.Timeout = 200 * time.Millisecond }
	defer b.relay(s, impatient)()
	defer b.relay(s, impatient)() // a second instance, on the same outboxes
	write := func(from, to int) {
		for v := from; v <= to; v++ {
			for o := range 20 {
				s.write(order(o), record(t, t.Context(), statusChanged(order(o), v)))
			}
		}
	}
	write(1, 5)
	eventually(t, "publishing works", func() bool { return s.removed.Load() > 0 })
	b.stop()
	write(6, 10) // accepted while the broker is away
	eventually(t, "entries wait", func() bool { return s.left() >= 100 })
	b.start()
	write(11, 12)
	eventually(t, "the outboxes are empty", func() bool { return s.left() == 0 })
	b.journal(events.OrderTopic).check(t, 20, 12)
}

func TestRelayPublishesAgainAfterCrash(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := newMemoryStore()
	first := record(t, t.Context(), statusChanged(order(1), 1))
	s.write(order(1), first)
	s.failRemove.Store(true)
	stop := b.relay(s, func(c *RelayConfig) { c.Backoff = Backoff{Min: time.Hour, Max: time.Hour} })
	eventually(t, "the entry is published", func() bool { return len(b.read(events.OrderTopic)) == 1 })
	stop() // between publish and remove

	s.failRemove.Store(false)
	s.write(order(1), record(t, t.Context(), statusChanged(order(1), 2)))
	defer b.relay(s, nil)()
	eventually(t, "the outbox is empty", func() bool { return s.left() == 0 })
	records := b.read(events.OrderTopic)
	if len(records) != 3 || records[0].Header(events.HeaderID) != first.ID || records[1].Header(events.HeaderID) != first.ID {
		t.Fatalf("want the first entry twice with the same id, then the second: %d records", len(records))
	}
	r := records[2]
	for name, want := range map[string]string{
		events.HeaderSpecVersion: "1.0", events.HeaderType: statusChanged("", 0).EventType(),
		events.HeaderSource: "/storefront/orders", events.HeaderSubject: order(1), events.HeaderContentType: "application/json",
	} {
		if got := r.Header(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
}

func TestRelayGoesOnBesideAnEntryThatCannotBePublished(t *testing.T) {
	t.Parallel()
	b := startBroker(t)
	s := newMemoryStore()
	large := statusChanged(order(0), 1)
	large.Reason = string(make([]byte, kafka.MaxMessageBytes))
	s.write(order(0), record(t, t.Context(), large), record(t, t.Context(), statusChanged(order(0), 2)))
	for o := 1; o < 200; o++ {
		s.write(order(o), record(t, t.Context(), statusChanged(order(o), 1)))
	}
	defer b.relay(s, nil)()
	eventually(t, "all others are published", func() bool { return s.left() == 2 })
	for _, r := range b.read(events.OrderTopic) {
		if r.Key == order(0) {
			t.Errorf("an entry was published although the one before it was not")
		}
	}
}

// BenchmarkRelay writes one entry to each of many documents, from 16 writers at once, and waits until
// all are published and taken out.
func BenchmarkRelay(b *testing.B) {
	br := startBroker(b)
	s := newMemoryStore()
	records := make([]outbox.Record, b.N)
	for i := range records {
		records[i] = record(b, context.Background(), statusChanged(fmt.Sprintf("ord_%d", i%2000), i))
	}
	defer br.relay(s, nil)()
	b.ResetTimer()
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := w; i < b.N; i += 16 {
				s.write(records[i].Key, records[i])
			}
		})
	}
	writers.Wait()
	eventually(b, "the outboxes are empty", func() bool { return s.left() == 0 })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkRelayLatency writes one entry at a time and waits until it is taken out: the way at rest.
func BenchmarkRelayLatency(b *testing.B) {
	br := startBroker(b)
	s := newMemoryStore()
	r, err := br.kafka.OpenReader(context.Background(), events.OrderTopic, kafka.Start{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	defer br.relay(s, nil)()
	var took []time.Duration
	for i := range b.N {
		e := record(b, context.Background(), statusChanged(order(i%50), i))
		began := time.Now()
		s.write(e.Key, e)
		<-r.Records()
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs-write-to-reader")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs-write-to-reader")
}
