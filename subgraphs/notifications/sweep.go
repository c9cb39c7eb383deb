package notifications

import (
	"context"
	"time"
)

// What is due is found again and again, orders' mails before those in bulk.

// sweep claims what is due: new ones that found no slot, tries after a failure, what a crash left. A round says
// whether there may be more.
func (s *Service) sweep(ctx context.Context, woken <-chan struct{}, round func(context.Context) (more bool)) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-woken:
		}
		for ctx.Err() == nil && round(ctx) {
		}
	}
}

// refill puts what is due and not in bulk into direct, as far as there are slots.
func (s *Service) refill(ctx context.Context) (more bool) {
	free := 0
	for free < sweepBatch && s.slot() {
		free++
	}
	if free == 0 {
		return false
	}
	claimed := s.claim(ctx, false, free)
	for _, n := range claimed {
		s.direct <- job{n: n, slot: true}
	}
	for range free - len(claimed) {
		<-s.slots
	}
	return len(claimed) == free
}

// bulk hands what is due in bulk to senders that have nothing else to do.
func (s *Service) bulk(ctx context.Context, swept chan<- job) (more bool) {
	claimed := s.claim(ctx, true, sweepBatch)
	for _, n := range claimed {
		select {
		case swept <- job{n: n}:
		case <-ctx.Done():
			return false // the lease runs out
		}
	}
	return len(claimed) > 0
}

func (s *Service) claim(ctx context.Context, bulk bool, limit int) []Notification {
	now := s.now().UTC()
	claimed, err := s.store.Claim(ctx, bulk, now, now.Add(lease), limit)
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "find mails to send", "error", err)
	}
	return claimed
}
