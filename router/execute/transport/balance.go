package transport

import (
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// address is one of a subgraph's addresses, with the connections to it.
type address struct {
	name string // scheme and host, for logs and metrics
	url  *url.URL
	sender
	inFlight atomic.Int64

	// guarded by balancer.mu
	failures int // in a row
	out      bool
	failed   time.Time     // the last time
	pause    time.Duration // how long it is left out
	until    time.Time     // when it is
	trial    bool          // one is under way
}

// balancer chooses among a subgraph's addresses: the one with the fewest requests in flight, ties by
// turns. One that fails is left out; after a pause one query is sent to it as a trial, and when that
// fails too, the pause doubles. When all are out, the one that failed longest ago is tried.
type balancer struct {
	cfg     Addresses
	now     func() time.Time
	random  func() float64
	changed func(a *address, out bool)
	all     []*address

	mu   sync.Mutex
	turn int
}

// pick chooses an address, if possible not the one that has just failed. trial says that the address is
// out and this request finds out whether it works again; only queries do that. The caller tells done.
func (b *balancer) pick(mutation bool, not *address) (chosen *address, trial bool) {
	if len(b.all) == 1 {
		b.all[0].inFlight.Add(1)
		return b.all[0], false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { chosen.inFlight.Add(1) }()
	now := b.now()
	b.turn = (b.turn + 1) % len(b.all)
	for i := range b.all {
		a := b.all[(b.turn+i)%len(b.all)]
		switch {
		case a == not:
		case a.out:
			if !mutation && !a.trial && !now.Before(a.until) {
				a.trial = true
				return a, true
			}
		case chosen == nil || a.inFlight.Load() < chosen.inFlight.Load():
			chosen = a
		}
	}
	if chosen != nil {
		return chosen, false
	}
	for _, a := range b.all {
		if a != not && (chosen == nil || a.failed.Before(chosen.failed)) {
			chosen = a
		}
	}
	return chosen, false
}

// healthy reports whether an address other than this one is not left out.
func (b *balancer) healthy(not *address) bool {
	if len(b.all) == 1 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.all {
		if a != not && !a.out {
			return true
		}
	}
	return false
}

// done takes in how a request to an address ended.
func (b *balancer) done(a *address, trial bool, o Outcome) {
	a.inFlight.Add(-1)
	if len(b.all) == 1 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if trial {
		a.trial = false
	}
	switch {
	case o == Cancelled:
	case !o.failed():
		a.failures, a.pause = 0, 0
		if a.out {
			a.out = false
			b.changed(a, false)
		}
	default:
		now := b.now()
		a.failures++
		a.failed = now
		switch {
		case a.out && !trial: // its pause is running
			return
		case a.out:
			a.pause = min(2*a.pause, b.cfg.MaxPause)
		case o == Unreachable || a.failures >= b.cfg.Failures:
			a.out, a.pause = true, b.cfg.MinPause
			b.changed(a, true)
		default:
			return
		}
		// Between half of it and all of it, so that routers do not try at the same moment.
		a.until = now.Add(a.pause/2 + time.Duration(b.random()*float64(a.pause/2)))
	}
}
