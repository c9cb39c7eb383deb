package transport

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// burst is how many retries are possible before the share of them counts, so that a quiet router may
// retry at all.
const burst = 10

// budget holds retries to a share of requests: when a subgraph is overloaded, sending everything
// several times would keep it so.
type budget struct {
	share float64

	mu   sync.Mutex
	left float64
}

func newBudget(share float64) *budget { return &budget{share: share, left: burst} }

// request counts a first attempt.
func (b *budget) request() {
	b.mu.Lock()
	b.left = min(b.left+b.share, burst)
	b.mu.Unlock()
}

// retry takes one retry; false when there is none left.
func (b *budget) retry() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// pause is how long to wait before the nth retry (from 0): a random part of an exponentially growing
// time, but no less than the subgraph asked for. False when that is more than MaxPause.
func (r Retry) pause(n int, random func() float64, asked time.Duration) (time.Duration, bool) {
	if asked > r.MaxPause {
		return 0, false
	}
	most := r.MaxPause
	if n < 30 && r.MinPause<<n < most {
		most = r.MinPause << n
	}
	return max(time.Duration(random()*float64(most)), asked), true
}

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date. What is neither is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
