package consumers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"storefront/internal/outbox"
	"storefront/internal/poll"
)

// RelayConfig says whose outboxes a relay publishes. Stores and Producer are needed.
type RelayConfig struct {
	Stores   []outbox.Store
	Producer Publisher
	Logger   *slog.Logger
	Observer RelayObserver
	Tracer   trace.Tracer // nil: no spans
	Clock    func() time.Time

	// Leases share the documents among several instances, each of which is called by a Holder of its own;
	// nil: there is no other. Hints are heard by the instance that a document falls to; nil: it waits for
	// the sweep.
	Leases outbox.Leases
	Holder string
	Lease  time.Duration // how long an instance that is not heard of keeps its documents; 0: 15 s
	Hints  outbox.Hints

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
	// Depth says how many documents have entries, up to a limit, and how long the oldest entry waits.
	Depth(store string, documents int, oldest time.Duration)
}

// Relay publishes the entries of outboxes and takes them out when Kafka has acknowledged them.
//
//	write -> Written -> worker of the document -> Load -> Publish -> acknowledgement -> Remove
//	                          ^
//	sweep (Pending) ----------+
//
// All entries of one document go through one worker, in the order they were written. What a crash or
// an outage leaves is found by the sweep, and published again if it had been: at least once. Documents
// are in shards, and of several instances one holds a shard's lease and publishes it. Should a lease run
// out under an instance that still writes, an entry is all the same published only together with, or
// after, those before it in its document: first occurrences are in order, and it only repeats.
type Relay struct {
	RelayConfig
	workers []*relayWorker
	shares  *shares
	backlog atomic.Int64
	failing rate.Sometimes // bounds log lines about failures
}

const (
	sweepPage  = 1000
	maxDepth   = 10_000 // documents that are counted
	depthEvery = 5 * time.Second
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
	c.Lease = or(c.Lease, 15*time.Second)
	r := &Relay{RelayConfig: c, shares: newShares(c.Leases, c.Holder, c.Lease, c.Clock), failing: rate.Sometimes{Interval: 10 * time.Second}}
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
	case r.Leases != nil && r.Holder == "":
		return errors.New("run relay: it has leases and no name to hold them by")
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.Drain, cancel) })()

	r.renew(ctx)
	var running sync.WaitGroup
	if r.Leases != nil {
		running.Go(func() {
			for poll.Sleep(ctx, r.Lease/3) {
				r.renew(ctx)
			}
		})
	}
	if r.Hints != nil {
		running.Go(func() { r.Hints.Receive(ctx, r.hear) })
	}
	for _, w := range r.workers {
		running.Go(func() { w.run(ctx, work) })
	}
	for _, s := range r.Stores {
		running.Go(func() { r.listen(ctx, s) })
		running.Go(func() { r.sweep(ctx, s) })
		running.Go(func() { r.measure(ctx, s) })
	}
	running.Wait()
	if err := r.shares.leave(work); err != nil {
		r.Logger.Info("shards of the outboxes are not given back; others take them when the lease runs out", "error", err)
	}
	return nil
}

func (r *Relay) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.Lease/3)
	defer cancel()
	if err := r.shares.renew(ctx); err != nil && ctx.Err() == nil {
		r.failed(r.Stores[0], err)
	}
}

// hear puts a document in line that another instance has written.
func (r *Relay) hear(store, docID string) {
	for _, s := range r.Stores {
		if s.Name() == store && r.shares.holds(shardOf(docID)) {
			r.offer(document{s, docID})
		}
	}
}

// measure tells how much waits.
func (r *Relay) measure(ctx context.Context, s outbox.Store) {
	for poll.Sleep(ctx, depthEvery) {
		documents, oldest, err := s.Depth(ctx, maxDepth)
		if err != nil {
			continue // the sweep says so
		}
		age := time.Duration(0)
		if !oldest.IsZero() {
			age = max(r.Clock().Sub(oldest), 0)
		}
		r.Observer.Depth(s.Name(), documents, age)
	}
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
			switch {
			case r.shares.holds(shardOf(id)):
				r.offer(document{s, id})
			case r.Hints != nil:
				r.Hints.Send(ctx, s.Name(), id)
			}
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
		more := r.shares.more()
		ids, err := s.Pending(ctx, r.Clock().Add(-age), sweepPage)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.failed(s, err)
		default:
			age = r.SweepAge
			for _, id := range ids {
				if r.shares.holds(shardOf(id)) {
					r.offer(document{s, id})
				}
			}
		}
		pause := r.SweepEvery
		if err == nil && len(ids) == sweepPage {
			pause = r.SweepEvery / 20 // there is more; come back when these are mostly done
		}
		select {
		case <-time.After(pause):
		case <-more:
			age = 0
		case <-ctx.Done():
			return
		}
		for r.backlog.Load() > sweepPage/2 {
			if !poll.Sleep(ctx, r.SweepEvery/20) {
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
	r.workers[shardOf(d.id)%len(r.workers)].offer(d)
}
