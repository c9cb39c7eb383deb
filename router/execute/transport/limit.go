package transport

import (
	"context"
	"sync/atomic"
	"time"
)

// limiter holds the number of requests to a subgraph at once; a few more wait for a while. A nil one
// does not limit.
type limiter struct {
	slots    chan struct{}
	waiting  atomic.Int64
	maxQueue int64
	timeout  time.Duration
}

func newLimiter(s Subgraph) *limiter {
	if s.MaxConcurrent == 0 {
		return nil
	}
	return &limiter{slots: make(chan struct{}, s.MaxConcurrent), maxQueue: int64(s.MaxQueue), timeout: s.QueueTimeout}
}

// enter waits for a place; false when there is none in time. The caller calls leave. An error is ctx's.
func (l *limiter) enter(ctx context.Context) (bool, error) {
	if l == nil {
		return true, nil
	}
	select {
	case l.slots <- struct{}{}:
		return true, nil
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > l.maxQueue {
		return false, nil
	}
	timer := time.NewTimer(l.timeout)
	defer timer.Stop()
	select {
	case l.slots <- struct{}{}:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (l *limiter) leave() {
	if l != nil {
		<-l.slots
	}
}
