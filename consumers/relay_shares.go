package consumers

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"storefront/internal/outbox"
)

// shardOf is the shard of a document.
func shardOf(docID string) int {
	h := fnv.New32a()
	h.Write([]byte(docID))
	return int(h.Sum32() % outbox.Shards)
}

// shares are the shards that this relay publishes. Without leases it is alone, and publishes all.
type shares struct {
	leases outbox.Leases
	holder string
	clock  func() time.Time
	lease  time.Duration

	mu     sync.Mutex
	until  time.Time
	held   [outbox.Shards]share
	gained chan struct{} // closed, and made anew, when a shard was taken over
}

type share struct {
	mine, leaving bool
	busy          int // documents being published
}

func newShares(leases outbox.Leases, holder string, lease time.Duration, clock func() time.Time) *shares {
	s := &shares{leases: leases, holder: holder, clock: clock, lease: lease, gained: make(chan struct{})}
	if leases == nil {
		s.until = clock().Add(100 * 365 * 24 * time.Hour)
		for i := range s.held {
			s.held[i].mine = true
		}
	}
	return s
}

// holds reports whether a shard is this relay's to publish.
func (s *shares) holds(shard int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[shard].mine && s.clock().Before(s.last())
}

// last is when publishing ends, a moment before the lease does.
func (s *shares) last() time.Time { return s.until.Add(-s.lease / 10) }

// begin says that a document of a shard is being published, and until when that may last; false when the
// shard is not ours, or not any more.
func (s *shares) begin(shard int) (until time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &s.held[shard]
	until = s.last()
	if !h.mine || h.leaving || !s.clock().Before(until) {
		return until, false
	}
	h.busy++
	return until, true
}

func (s *shares) end(shard int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[shard].busy--
}

// renew makes itself heard of, takes what is free up to a fair share, and gives back what is more.
func (s *shares) renew(ctx context.Context) error {
	if s.leases == nil {
		return nil
	}
	now := s.clock()
	until := now.Add(s.lease)
	var seen outbox.Assignment
	err := s.leases.Update(ctx, func(a *outbox.Assignment) {
		s.mu.Lock()
		keep := make([]bool, outbox.Shards) // what cannot be given back yet
		for i := range s.held {
			keep[i] = s.held[i].busy > 0 || !s.held[i].leaving
		}
		s.mu.Unlock()
		shareOut(a, s.holder, now, until, keep)
		seen = *a
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = until
	limit := fair(len(seen.Holders))
	count, more := 0, false
	for i := range s.held {
		h := &s.held[i]
		mine := seen.Shards[i] == s.holder
		more = more || mine && !h.mine
		h.mine = mine
		if mine {
			count++
		}
		h.leaving = mine && count > limit // given back once nothing of it is under way
	}
	if more {
		close(s.gained)
		s.gained = make(chan struct{})
	}
	return nil
}

// more is closed when another shard is taken over: its last holder may have left something.
func (s *shares) more() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gained
}

// leave gives everything back, so that others need not wait for the lease to run out.
func (s *shares) leave(ctx context.Context) error {
	if s.leases == nil {
		return nil
	}
	s.mu.Lock()
	s.held = [outbox.Shards]share{}
	s.mu.Unlock()
	return s.leases.Update(ctx, func(a *outbox.Assignment) {
		delete(a.Holders, s.holder)
		for i, holder := range a.Shards {
			if holder == s.holder {
				a.Shards[i] = ""
			}
		}
	})
}

// fair is the most that one of n instances should hold.
func fair(n int) int { return (outbox.Shards + n - 1) / n }

// shareOut forgets instances that are gone, notes that holder lives until then, gives back its shards that
// need not be kept while it has too many, and takes free ones while it has too few.
func shareOut(a *outbox.Assignment, holder string, now, until time.Time, keep []bool) {
	for name, lives := range a.Holders {
		if lives.Before(now) {
			delete(a.Holders, name)
		}
	}
	a.Holders[holder] = until
	mine := 0
	for i, h := range a.Shards {
		if _, lives := a.Holders[h]; !lives {
			a.Shards[i] = ""
		}
		if h == holder {
			mine++
		}
	}
	limit := fair(len(a.Holders))
	for i, h := range slices.Backward(a.Shards[:]) {
		if h == holder && mine > limit && !keep[i] {
			a.Shards[i] = ""
			mine--
		}
	}
	for i, h := range a.Shards {
		if h == "" && mine < limit {
			a.Shards[i] = holder
			mine++
		}
	}
}
