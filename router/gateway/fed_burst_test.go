package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/execute/transport"
	"storefront/router/gateway"
)

// leisurely is a response to a client that takes a moment for each result.
type leisurely struct {
	*stuck
	t     *testing.T
	taken atomic.Int64
}

func (l *leisurely) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("event: next")) {
		time.Sleep(2 * time.Millisecond)
		if n := l.taken.Add(1); !bytes.Contains(b, fmt.Appendf(nil, `{"plain":%d}`, n)) {
			l.t.Errorf("result %d is %s", n, b)
		}
	}
	return len(b), nil
}

// Results that come faster than they are read cut off nobody who reads them, and one who does not is cut off all the
// same, while the other goes on.
func TestSubgraphFeedWaitsForWhoReads(t *testing.T) {
	for _, others := range []int{0, 1} {
		t.Run(fmt.Sprint(others, " do not read"), func(t *testing.T) {
			t.Parallel()
			f := newFeeder(t)
			at := f.server.URL
			h := newHouse(t, func(c *gateway.Config) { // all feeds share a stream
				c.Headers, c.Queue = nil, 4
				c.Transport = f.over(t, map[string]string{"orders": at, "reviews": at}, transport.WebSocket, at)
			})
			subscribe := func(w http.ResponseWriter) {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, strings.NewReader(`{"query":"subscription { plain }"}`))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "text/event-stream")
				before := h.gw.Live().Feeds
				go h.gw.Handler().ServeHTTP(w, r)
				eventually(t, "it has subscribed", func() bool { return h.gw.Live().Feeds == before+1 })
			}
			reads := &leisurely{stuck: newStuck(t), t: t}
			subscribe(reads)
			for range others {
				subscribe(newStuck(t))
			}
			f.opens(t, 1)
			const results = 100
			for i := range results {
				f.emit(i + 1)
			}
			eventually(t, "all results are read", func() bool { return reads.taken.Load() == results })
			if n := h.observed.count("slow"); n != others {
				t.Errorf("%d were too slow, want %d", n, others)
			}
		})
	}
}
