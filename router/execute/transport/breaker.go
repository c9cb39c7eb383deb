package transport

import (
	"sync"
	"time"
)

// slices of a breaker's window; the oldest is forgotten as a new one begins.
const windowParts = 10

// breaker leaves a subgraph alone that fails too often. Open, it lets nothing through; after a pause it
// is half open and lets one request through as a trial, whose outcome closes or opens it.
type breaker struct {
	cfg     Breaker
	now     func() time.Time
	changed func(State)

	mu     sync.Mutex
	state  State
	until  time.Time // while open
	trial  bool      // one is under way
	counts [windowParts]struct {
		part        int64 // number of the part of time that is counted here
		all, failed int
	}
}

func newBreaker(cfg Breaker, now func() time.Time, changed func(State)) *breaker {
	return &breaker{cfg: cfg, now: now, changed: changed, state: Closed}
}

// enter asks whether a request may be sent; if not, wait is how long it makes no sense to ask again.
// The caller tells leave what came of it.
func (b *breaker) enter() (trial bool, wait time.Duration, ok bool) {
	if b.cfg.Failures == 0 {
		return false, 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case Closed:
		return false, 0, true
	case Open:
		if wait := b.until.Sub(b.now()); wait > 0 {
			return false, wait, false
		}
		b.become(HalfOpen)
	case HalfOpen:
		if b.trial {
			return false, b.cfg.Pause, false
		}
	}
	b.trial = true
	return true, 0, true
}

// leave counts how a request ended.
func (b *breaker) leave(trial bool, o Outcome) {
	if b.cfg.Failures == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if trial {
		b.trial = false
		switch {
		case o == Cancelled: // says nothing; the next request is the trial
		case o.failed():
			b.open()
		default:
			clear(b.counts[:])
			b.become(Closed)
		}
		return
	}
	if b.state != Closed || o == Cancelled {
		return
	}
	part := b.now().UnixNano() / max(1, int64(b.cfg.Window/windowParts))
	c := &b.counts[part%windowParts]
	if c.part != part {
		c.part, c.all, c.failed = part, 0, 0
	}
	c.all++
	if !o.failed() {
		return
	}
	c.failed++
	var all, failed int
	for _, c := range b.counts {
		if part-c.part < windowParts {
			all, failed = all+c.all, failed+c.failed
		}
	}
	if all >= b.cfg.MinRequests && float64(failed) >= b.cfg.Failures*float64(all) {
		b.open()
	}
}

func (b *breaker) open() {
	b.until = b.now().Add(b.cfg.Pause)
	b.become(Open)
}

func (b *breaker) become(s State) {
	if b.state != s {
		b.state = s
		b.changed(s)
	}
}
