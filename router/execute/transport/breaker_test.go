package transport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/router/execute/transport"
)

// flaky is a subgraph that works or not, and counts who asked; held requests wait until they are let go.
type flaky struct {
	*transport.Transport
	world *world
	fails atomic.Bool
	asked atomic.Int32
	hold  atomic.Pointer[chan struct{}]
}

func newFlaky(t *testing.T) *flaky {
	f := &flaky{world: newWorld()}
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		if hold := f.hold.Load(); hold != nil {
			<-*hold
		}
		if f.fails.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(ok))
	})
	f.Transport = reach(t, f.world.options(), func(s *transport.Subgraph) {
		s.Retry.Attempts = 0
		s.Breaker = transport.Breaker{Failures: 0.5, MinRequests: 10, Window: 10 * time.Second, Pause: 5 * time.Second}
	}, s.URL)
	return f
}

func (f *flaky) do(t *testing.T, n int, fails bool) {
	f.fails.Store(fails)
	for range n {
		if _, err := f.Do(t.Context(), query()); (err != nil) != fails {
			t.Fatalf("error %v", err)
		}
	}
}

// refused says whether the next request is not even sent, and until when.
func (f *flaky) refused(t *testing.T) (bool, time.Duration) {
	t.Helper()
	before := f.asked.Load()
	_, err := f.Do(t.Context(), query())
	if f.asked.Load() != before {
		return false, 0
	}
	r, ok := errors.AsType[*transport.Refusal](err)
	if !ok || r.Subgraph != "s" || r.Reason != "breaker" || !errs.Is(err, errs.Unavailable) {
		t.Fatalf("refused with %v", err)
	}
	return true, r.RetryAfter()
}

func TestBreaker(t *testing.T) {
	t.Run("opens at the share, and lets one through after the pause", func(t *testing.T) {
		f := newFlaky(t)
		f.do(t, 6, false)
		f.do(t, 5, true) // 5 of 11
		if no, _ := f.refused(t); no {
			t.Fatal("open below the share")
		} // 6 of 12
		no, wait := f.refused(t)
		if !no || wait != 5*time.Second {
			t.Fatalf("refused %v for %s", no, wait)
		}
		f.world.pass(4 * time.Second)
		if no, wait = f.refused(t); !no || wait != time.Second {
			t.Fatalf("refused %v for %s", no, wait)
		}
		f.world.pass(time.Second)
		if no, _ = f.refused(t); no { // the trial, which fails
			t.Fatal("no trial")
		}
		if no, wait = f.refused(t); !no || wait != 5*time.Second {
			t.Fatalf("after a failed trial: refused %v for %s", no, wait)
		}
		f.world.pass(5 * time.Second)
		f.do(t, 1, false) // closes it
		f.do(t, 9, true)  // what was before does not count any more
		if no, _ = f.refused(t); no {
			t.Fatal("open after too few requests")
		}
	})
	t.Run("forgets what is older than the window", func(t *testing.T) {
		f := newFlaky(t)
		f.do(t, 9, true)
		f.world.pass(11 * time.Second)
		f.do(t, 9, true)
		if no, _ := f.refused(t); no {
			t.Fatal("open")
		}
	})
	t.Run("one trial at a time", func(t *testing.T) {
		f := newFlaky(t)
		f.do(t, 10, true)
		f.world.pass(5 * time.Second)
		hold := make(chan struct{})
		f.hold.Store(&hold)
		f.fails.Store(false)
		done := make(chan error)
		before := f.asked.Load()
		go func() { _, err := f.Do(t.Context(), query()); done <- err }()
		eventually(t, "the trial arrives", func() bool { return f.asked.Load() > before })
		if no, _ := f.refused(t); !no {
			t.Fatal("a second trial")
		}
		close(hold)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if no, _ := f.refused(t); no {
			t.Fatal("open after a good trial")
		}
	})
	t.Run("a cancelled trial says nothing", func(t *testing.T) {
		f := newFlaky(t)
		f.do(t, 10, true)
		f.world.pass(5 * time.Second)
		hold := make(chan struct{})
		f.hold.Store(&hold)
		ctx, cancel := context.WithCancel(t.Context())
		before := f.asked.Load()
		go func() {
			eventually(t, "the trial arrives", func() bool { return f.asked.Load() > before })
			cancel()
		}()
		if _, err := f.Do(ctx, query()); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		close(hold)
		if no, _ := f.refused(t); no {
			t.Fatal("no further trial")
		}
	})
}

// TestBreakerCounts: what the subgraph is to blame for opens the breaker; what a request is to blame for
// does not, or one client could take the subgraph from all others.
func TestBreakerCounts(t *testing.T) {
	const page, refusal = "<html>sorry</html>", `{"errors":[{"message":"no"}],"data":null}`
	for _, c := range []struct {
		status int
		body   string
		opens  bool
	}{
		{500, "", true},
		{500, page, true},
		{500, refusal, true},
		{501, refusal, true},
		{502, page, true},
		{503, refusal, true},
		{200, page, true},
		{200, "", true},
		{200, "[]", true},
		{200, `{"data":`, true},
		{200, `{"message":"no such route"}`, true},
		{404, page, true},
		{404, `{"message":"no such route"}`, true},
		{200, ok, false},
		{200, refusal, false},
		{200, `{"extensions":{"errors":[]}, "data" : {}}`, false},
		{400, refusal, false},
		{404, refusal, false},
		{422, refusal, false},
		{401, "who are you?", false},
		{403, page, false},
		{413, page, false},
		{429, page, false},
		{200, `{"data":"` + strings.Repeat("x", 1000) + `"}`, false}, // too large
	} {
		t.Run(fmt.Sprintf("%d %.20s", c.status, c.body), func(t *testing.T) {
			var asked atomic.Int32
			s := answering(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			tr := reach(t, newWorld().options(), func(s *transport.Subgraph) {
				s.Retry.Attempts, s.Breaker.MinRequests, s.MaxResponseBytes = 0, 10, 1000
			}, s.URL)
			for range 20 {
				_, _ = tr.Do(t.Context(), query())
			}
			want := map[bool]int32{true: 10, false: 20}[c.opens]
			if asked.Load() != want {
				t.Errorf("%d of 20 requests arrived, want %d", asked.Load(), want)
			}
		})
	}
}

// TestBreakerTimeouts: requests that all who waited gave up for want of time count as failures.
func TestBreakerTimeouts(t *testing.T) {
	hold := make(chan struct{})
	s := answering(t, func(w http.ResponseWriter, r *http.Request) { <-hold })
	defer close(hold)
	tr := reach(t, newWorld().options(), func(s *transport.Subgraph) { s.Share, s.Breaker.MinRequests = true, 3 }, s.URL)
	refused := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err := tr.Do(ctx, query())
		_, is := errors.AsType[*transport.Refusal](err)
		return is
	}
	eventually(t, "the breaker opens", refused)
}
