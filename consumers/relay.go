package consumers

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"storefront/internal/outbox"
)

// RelayConfig says whose outboxes a relay publishes. Stores and Producer are needed.
type RelayConfig struct {
	Stores   []outbox.Store
	Producer Publisher
	Logger   *slog.Logger
	Observer RelayObserver
	Clock    func() time.Time

	Workers    int           // 0: 8
	SweepEvery time.Duration // how often entries are looked for that no wakeup came for; 0: 1 s
	SweepAge   time.Duration // entries younger than this are left to their wakeup; 0: 2 s
	Backoff    Backoff       // between two attempts to publish a document's entries
	Timeout    time.Duration // of one attempt to publish; 0: 15 s
	Drain      time.Duration // what has begun may take this long at the end; 0: 5 s
}

// RelayObserver is told what a relay does, for metrics. Its methods must not block.
type RelayObserver interface {
	// Published is called when entries were acknowledged, with the time since they were loaded.
	Published(store string, entries int, took time.Duration)
	// Failed is called when a document's entries could not be loaded, published or taken out.
	Failed(store string, err error)
	// Left says how many documents a sweep found with entries older than SweepAge, up to its limit.
	Left(store string, documents int)
}

// Relay publishes the entries of outboxes and takes them out when Kafka has acknowledged them.
//
//	write -> Written -> worker of the document -> Load -> Publish -> acknowledgement -> Remove
//	                          ^
//	sweep (Pending) ----------+
//
// All entries of one document go through one worker, in the order they were written. What a crash or
// an outage leaves is found by the sweep, and published again if it had been: at least once. Several
// relays may serve one store: an entry is only ever published together with, or after, those before it
// in its document, so the first occurrences of a document's events are in order, and a relay that comes
// late only repeats.
type Relay struct {
	RelayConfig
	workers []*relayWorker
	backlog atomic.Int64
	failing rate.Sometimes // bounds log lines about failures
}

const (
	sweepPage  = 1000
	maxBacklog = 50_000 // documents in line; what is beyond is left to the sweep
)

// NewRelay returns a relay with defaults filled in.
func NewRelay(c RelayConfig) *Relay {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = silent{}
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	c.Workers = or(c.Workers, 8)
	c.SweepEvery = or(c.SweepEvery, time.Second)
	c.SweepAge = or(c.SweepAge, 2*time.Second)
	c.Backoff.Min = or(c.Backoff.Min, 50*time.Millisecond)
	c.Backoff.Max = max(or(c.Backoff.Max, 2*time.Second), c.Backoff.Min)
	c.Timeout = or(c.Timeout, 15*time.Second)
	c.Drain = or(c.Drain, 5*time.Second)
	r := &Relay{RelayConfig: c, failing: rate.Sometimes{Interval: 10 * time.Second}}
	for range c.Workers {
		r.workers = append(r.workers, newRelayWorker(r))
	}
	return r
}

// Run publishes until ctx ends, finishes what has begun and returns nil. What is left stays in the
// outboxes. A relay is run once.
func (r *Relay) Run(ctx context.Context) error {
	switch {
	case len(r.Stores) == 0:
		return errors.New("run relay: it has no stores")
	case r.Producer == nil:
		return errors.New("run relay: it has no producer")
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.Drain, cancel) })()

	var running sync.WaitGroup
	for _, w := range r.workers {
		running.Go(func() { w.run(ctx, work) })
	}
	for _, s := range r.Stores {
		running.Go(func() { r.listen(ctx, s) })
		running.Go(func() { r.sweep(ctx, s) })
	}
	running.Wait()
	return nil
}

// listen puts documents in line as they are written.
func (r *Relay) listen(ctx context.Context, s outbox.Store) {
	written := s.Written()
	for {
		select {
		case id, ok := <-written:
			if !ok {
				return
			}
			r.offer(document{s, id})
		case <-ctx.Done():
			return
		}
	}
}

// sweep puts documents in line that no wakeup came for. The first one takes everything: whoever wrote
// it may be gone.
func (r *Relay) sweep(ctx context.Context, s outbox.Store) {
	age := time.Duration(0)
	for {
		ids, err := s.Pending(ctx, r.Clock().Add(-age), sweepPage)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.failed(s, err)
		default:
			age = r.SweepAge
			r.Observer.Left(s.Name(), len(ids))
			for _, id := range ids {
				r.offer(document{s, id})
			}
		}
		pause := r.SweepEvery
		if err == nil && len(ids) == sweepPage {
			pause = r.SweepEvery / 20 // there is more; come back when these are mostly done
		}
		if !sleep(ctx, pause) {
			return
		}
		for r.backlog.Load() > sweepPage/2 {
			if !sleep(ctx, r.SweepEvery/20) {
				return
			}
		}
	}
}

// failed reports a failure. An outage fails thousands of documents again and again: one line in ten
// seconds says enough.
func (r *Relay) failed(s outbox.Store, err error) {
	r.Observer.Failed(s.Name(), err)
	r.failing.Do(func() {
		r.Logger.Warn("outbox is not published; trying again until it is", "store", s.Name(), "error", err)
	})
}

// document is one aggregate's document with entries to publish.
type document struct {
	store outbox.Store
	id    string
}

func (r *Relay) offer(d document) {
	h := fnv.New32a()
	h.Write([]byte(d.id))
	r.workers[h.Sum32()%uint32(len(r.workers))].offer(d)
}
