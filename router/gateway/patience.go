package gateway

import (
	"context"
	"time"
)

const (
	mostPatience = 5 * time.Second        // for which a subgraph's stream waits for its clients altogether
	fairPatience = 10                     // and what part of the time that goes by it gets back
	onePatience  = 500 * time.Millisecond // for which it waits for one that takes nothing at all
)

// patience holds a subgraph's stream back while it sends faster than clients take it: results that come together
// are no reason to cut off who reads as fast as it can. It is bounded for all clients of a stream together, so
// that those that are slow, or mean to be, hold up the others for a tenth of the time at most.
type patience struct {
	spent time.Duration
	at    time.Time // when that was so
}

// await returns when a feed has room for a message, is over, or has been waited for long enough.
func (p *patience) await(ctx context.Context, f *feed, m *message) {
	if f.has(m) {
		return
	}
	began := time.Now()
	p.spent = max(0, p.spent-began.Sub(p.at)/fairPatience)
	enough := time.NewTimer(min(onePatience, mostPatience-p.spent))
	defer enough.Stop()
	for waits := true; waits && !f.has(m); {
		select {
		case <-f.room:
		case <-enough.C:
			waits = false
		case <-ctx.Done():
			waits = false
		}
	}
	p.at = time.Now()
	p.spent += p.at.Sub(began)
}

// beAwaited lets others wait for room in the queue.
func (f *feed) beAwaited() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room == nil {
		f.room = make(chan struct{}, 1)
	}
}

// has says that there is room for a message, or that the feed is over.
func (f *feed) has(m *message) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended || !f.full(m)
}

// tellRoom says that there may be room. f.mu is held.
func (f *feed) tellRoom() {
	select {
	case f.room <- struct{}{}:
	default:
	}
}
