package consumers

import (
	"context"
	"errors"
	"sync"
	"time"

	"storefront/internal/kafka"
	"storefront/internal/poll"
)

// session is one membership of a runner in its group.
type session struct {
	*Runner
	parking *parking
	pool    *pool

	mu     sync.Mutex
	claims map[claimed]*partition
}

type claimed struct {
	topic     string
	partition int32
}

// handle feeds one partition to the pool until it is taken away.
func (s *session) handle(ctx context.Context, c *kafka.Claim) {
	attempt, arrive := s.attempt, s.arrive
	if c.Topic() == s.parking.topic {
		attempt, arrive = s.attemptParked, s.arriveParked
	} else if !s.knowParked(ctx, c) {
		return
	}
	// Handlers go on when ctx ends: they have the drain time to finish.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p := newPartition(work, s.pool, c, attempt, func(next int64) {
		s.Observer.Behind(s.Group.ID, c.Topic(), c.Partition(), c.HighWater()-next)
	})
	s.mu.Lock()
	s.claims[claimed{c.Topic(), c.Partition()}] = p
	s.mu.Unlock()
	for {
		record, ok := c.Next()
		if !ok {
			break
		}
		p.add(arrive(record))
	}
	s.mu.Lock()
	delete(s.claims, claimed{c.Topic(), c.Partition()})
	s.mu.Unlock()
	idle := p.stop()
	for range 2 {
		select {
		case <-idle:
			return
		case <-time.After(s.Drain):
			cancel()
		}
	}
	// What still runs does not listen to its context. Its event is not marked and comes again.
	s.Logger.Error("handler does not return; its partition is given up without it", "topic", c.Topic(), "partition", c.Partition())
}

// knowParked waits until it is known what the partition's last member has parked; false when the
// partition is gone before that.
func (s *session) knowParked(ctx context.Context, c *kafka.Claim) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-c.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	for failures := 1; ; failures++ {
		err := s.parking.caughtUp(ctx)
		if err == nil {
			return true
		}
		if failures == 1 && ctx.Err() == nil {
			s.Logger.Warn("cannot see what is parked; its partition waits", "topic", c.Topic(), "partition", c.Partition(), "error", err)
		}
		if !poll.Sleep(ctx, s.InPlace.Backoff.pause(failures)) {
			return false
		}
	}
}

func (s *session) arrive(r *kafka.Record) arrival {
	_, wanted := s.Group.Handlers.of(r)
	return arrival{offset: r.Offset, record: r, key: keyOf(r), wanted: wanted}
}

// arriveParked keeps the record as it is, so that its marks and attempts can be told; see attemptParked.
func (s *session) arriveParked(r *kafka.Record) arrival {
	p, is := unpark(r)
	return arrival{offset: r.Offset, record: r, key: keyOfParked(r), due: p.due, wanted: is}
}

// watch ends the session when it is stuck.
func (s *session) watch(ctx context.Context, end func(error)) {
	for poll.Sleep(ctx, s.StuckAfter/2) {
		s.mu.Lock()
		claims := make(map[claimed]*partition, len(s.claims))
		for c, p := range s.claims {
			claims[c] = p
		}
		s.mu.Unlock()
		topics := map[string]map[int32]kafka.Offsets{}
		for c, p := range claims {
			if topics[c.topic] == nil {
				offsets, err := s.parking.ends.Of(ctx, c.topic)
				if err != nil {
					continue // without brokers nothing can move
				}
				topics[c.topic] = offsets
			}
			if why := p.stuck(time.Now(), s.StuckAfter, topics[c.topic][c.partition]); why != "" {
				s.Logger.Error("consumer group is stuck; its session is begun anew", "topic", c.topic, "partition", c.partition, "why", why)
				end(errors.New(why))
				return
			}
		}
	}
}
