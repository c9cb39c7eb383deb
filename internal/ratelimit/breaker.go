package ratelimit

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// breaker keeps requests from waiting for a Redis that does not answer. The first failure opens it; from then
// on one goroutine asks, ever less often, and closes it with the first answer.
type breaker struct {
	redis    redis.UniversalClient
	observer Observer
	open     atomic.Bool
	ending   context.Context
	end      context.CancelFunc
	probing  sync.WaitGroup
}

func newBreaker(client redis.UniversalClient, observer Observer) *breaker {
	b := &breaker{redis: client, observer: observer}
	b.ending, b.end = context.WithCancel(context.Background())
	b.open.Store(client == nil)
	return b
}

func (b *breaker) closed() bool { return !b.open.Load() }

func (b *breaker) trip() {
	if !b.open.CompareAndSwap(false, true) {
		return
	}
	b.observer.RateStoreAway(true)
	b.probing.Go(b.probe)
}

func (b *breaker) probe() {
	for pause := probeFirst; ; pause = min(2*pause, probeMost) {
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-b.ending.Done():
			return
		}
		ctx, cancel := context.WithTimeout(b.ending, probeMost)
		err := b.redis.Ping(ctx).Err()
		cancel()
		if err == nil {
			b.observer.RateStoreAway(false)
			b.open.Store(false)
			return
		}
	}
}

func (b *breaker) close() {
	b.end()
	b.probing.Wait()
}
