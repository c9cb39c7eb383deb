// Package cache keeps what subgraphs answer, and answers with it: each entity of a batch by itself, so that
// only those that are missing are asked for, and the root fields of a request together.
//
// What is kept stands in memory (local.go), and beyond that in a Store that all routers share (shared.go).
// Its key is everything the answer depends on: subgraph, selection, types, representation, variables and the
// caller's scope. It is used until its hint's maxAge is over, or an event says that it is no longer true: every
// router reads the topics that the supergraph's rules name (follow.go) and ends the life of what they concern
// (clock.go). An answer that was asked for before an event and came after it is not used for what is asked
// after it. Answers with errors, and answers to mutations, are never kept. Enter at New and Cache.Answer.
package cache

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/live"
	"storefront/router/execute"
)

// Config is what a cache is made of. Nothing is needed; without Events, what events can end is kept for Blind
// only.
type Config struct {
	Bytes  int         // kept in memory; default 64 MiB
	Store  Store       // shared with other routers; default: none
	Events live.Source // of the topics that rules name
	// Alive says whether events can be read at the moment; nil: as long as their streams go on. It is asked
	// every second.
	Alive func(context.Context) error
	// Blind is how long what events can end is kept while none can be read: without Events, before a topic is
	// followed, after a gap, and while Alive fails. Default 1 s.
	Blind time.Duration
	// Settle is how long after an event what it concerns is kept for a moment only, as long as Blind: a
	// subgraph that answers from a copy may learn of the change later than the router. Default 1 s.
	Settle time.Duration
	Logger *slog.Logger     // default: discarded
	Now    func() time.Time // default: time.Now
}

// Cache is safe for concurrent use.
type Cache struct {
	Config
	log    *slog.Logger
	clock  *clock
	local  *local
	shared *shared // nil without a Store
	stats  stats

	mu      sync.Mutex
	flights map[key]*flight

	following following
}

// key names an answer.
type key [sha256.Size]byte

// flight is an answer that is being asked for.
type flight struct {
	at    uint64 // the clock when it was begun
	done  chan struct{}
	entry *entry // nil when there is none that may be kept
	left  bool   // who asked for it left, or ran out of time
}

// New returns a cache, which Close ends.
func New(cfg Config) *Cache {
	if cfg.Bytes <= 0 {
		cfg.Bytes = 64 << 20
	}
	if cfg.Blind <= 0 {
		cfg.Blind = time.Second
	}
	if cfg.Settle <= 0 {
		cfg.Settle = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Cache{Config: cfg, log: cfg.Logger, clock: newClock(cfg.Now), local: newLocal(cfg.Bytes), flights: map[key]*flight{}}
	if cfg.Store != nil {
		c.shared = newShared(cfg.Store, c.log, &c.stats)
	}
	c.following.start(c) // which uses all of it
	return c
}

// Close ends what runs in the background.
func (c *Cache) Close() {
	c.following.stop()
	if c.shared != nil {
		c.shared.stop()
	}
}

// Moment changes whenever an event ends something. What was asked before it may not be used for what is asked
// after it.
func (c *Cache) Moment() uint64 { return c.clock.now() }

// stats count parts of answers: entities, or the root fields of a request.
type stats struct {
	hits, shared, misses, ended, lost atomic.Int64
}

// Stats are a cache's figures since its start.
type Stats struct {
	Hits    int64 // answered from memory
	Shared  int64 // from the store
	Misses  int64 // by a subgraph
	Ended   int64 // events that ended something
	Lost    int64 // calls of the store that failed
	Bytes   int64 // in memory now
	Trusted bool  // events are being read
}

// Stats gives the figures.
func (c *Cache) Stats() Stats {
	return Stats{
		Hits: c.stats.hits.Load(), Shared: c.stats.shared.Load(), Misses: c.stats.misses.Load(), Ended: c.stats.ended.Load(), Lost: c.stats.lost.Load(),
		Bytes: c.local.size(), Trusted: c.following.trusted.Load(),
	}
}

// Answer implements execute.Cache.
func (c *Cache) Answer(ctx context.Context, call *execute.Call, t execute.Transport) ([]byte, time.Duration, error) {
	a := &asked{Cache: c, Call: call, transport: t, began: c.Now(), at: c.clock.now(), epoch: c.clock.epoch.Load()}
	n := max(len(call.Representations), 1)
	a.keys, a.parts = make([]key, n), make([]*entry, n)
	a.name()
	var missing []int
	for i := range a.keys {
		if !a.inMemory(i) {
			missing = append(missing, i)
		}
	}
	c.stats.hits.Add(int64(n - len(missing)))
	if len(missing) > 0 {
		if body, err := a.find(ctx, missing); body != nil || err != nil {
			return body, 0, err
		}
	}
	body, left := a.body()
	return body, left, nil
}

// usable reports whether an answer is still true, as far as is known here.
func (c *Cache) usable(e *entry, now time.Time) bool {
	if now.UnixNano() >= e.expires {
		return false
	}
	if len(e.slots) == 0 {
		return true
	}
	if e.epoch != c.clock.epoch.Load() || !c.following.trusted.Load() && now.UnixNano()-e.filled >= int64(c.Blind) {
		return false
	}
	return c.clock.since(e.slots, e.at)
}
