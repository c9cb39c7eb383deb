package transport_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/execute/transport"
)

// fleet is a subgraph at several addresses, each of which can fail; it notes which were asked.
type fleet struct {
	*transport.Transport
	world *world
	fails [3]atomic.Int32 // status, -1 for a broken connection
	hold  atomic.Pointer[chan struct{}]

	mu    sync.Mutex
	asked string // "abc", in order
}

func newFleet(t *testing.T, attempts int) *fleet {
	f := &fleet{world: newWorld()}
	var urls []string
	for i := range f.fails {
		s := answering(t, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			f.asked += string(rune('a' + i))
			f.mu.Unlock()
			if hold := f.hold.Load(); hold != nil {
				<-*hold
			}
			switch status := f.fails[i].Load(); status {
			case 0:
				w.Write([]byte(ok))
			case -1:
				panic(http.ErrAbortHandler)
			default:
				w.WriteHeader(int(status))
			}
		})
		urls = append(urls, s.URL)
	}
	f.Transport = reach(t, f.world.options(), func(s *transport.Subgraph) {
		s.Retry.Attempts, s.Breaker.Failures = attempts, 0
		s.Addresses = transport.Addresses{Failures: 3, MinPause: time.Second, MaxPause: 3 * time.Second}
	}, urls...)
	f.world.chance = 1
	return f
}

// seen returns which addresses were asked since the last call.
func (f *fleet) seen() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.asked
	f.asked = ""
	return s
}

func (f *fleet) do(t *testing.T, n int) {
	for range n {
		_, _ = f.Do(t.Context(), query())
	}
}

func sorted(s string) string {
	letters := strings.Split(s, "")
	slices.Sort(letters)
	return strings.Join(letters, "")
}

func TestBalance(t *testing.T) {
	t.Run("by turns", func(t *testing.T) {
		f := newFleet(t, 0)
		f.do(t, 9)
		if got := sorted(f.seen()); got != "aaabbbccc" {
			t.Errorf("asked %s", got)
		}
	})
	t.Run("by load", func(t *testing.T) {
		f := newFleet(t, 0)
		hold := make(chan struct{})
		f.hold.Store(&hold)
		var all sync.WaitGroup
		for range 9 {
			all.Go(func() { f.do(t, 1) })
		}
		eventually(t, "all arrive", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.asked) == 9 })
		if got := sorted(f.seen()); got != "aaabbbccc" {
			t.Errorf("asked %s at once", got)
		}
		close(hold)
		all.Wait()
	})
	t.Run("a broken connection leaves an address out at once; the query is answered elsewhere without a pause", func(t *testing.T) {
		f := newFleet(t, 1)
		f.fails[1].Store(-1)
		for range 9 {
			if data, err := f.Do(t.Context(), query()); err != nil || string(data) != ok {
				t.Errorf("%s, %v", data, err)
			}
		}
		if got := f.seen(); strings.Count(got, "b") != 1 {
			t.Errorf("asked %s", got)
		}
		if p := f.world.pauses(); len(p) != 0 {
			t.Errorf("paused %v", p)
		}
	})
	t.Run("statuses leave it out when they follow each other", func(t *testing.T) {
		f := newFleet(t, 0)
		f.fails[1].Store(503)
		f.do(t, 6)
		f.fails[1].Store(0)
		f.do(t, 3)
		f.fails[1].Store(503)
		f.do(t, 30)
		if got := f.seen(); strings.Count(got, "b") != 6 { // two, one that was right, three
			t.Errorf("asked %s", got)
		}
	})
	t.Run("a query is the trial after a pause, which doubles", func(t *testing.T) {
		f := newFleet(t, 0)
		f.fails[1].Store(-1)
		f.do(t, 6)
		f.seen()
		asked := func(after time.Duration) int {
			f.world.pass(after)
			f.do(t, 6)
			return strings.Count(f.seen(), "b")
		}
		for i, step := range []struct {
			after time.Duration
			asked int
		}{
			{900 * time.Millisecond, 0}, {100 * time.Millisecond, 1},
			{1900 * time.Millisecond, 0}, {100 * time.Millisecond, 1},
			{2900 * time.Millisecond, 0}, {100 * time.Millisecond, 1}, // no longer than the longest pause
			{2900 * time.Millisecond, 0},
		} {
			if got := asked(step.after); got != step.asked {
				t.Errorf("step %d: asked %d times, want %d", i, got, step.asked)
			}
		}
		f.fails[1].Store(0)
		f.world.pass(100 * time.Millisecond)
		for range 10 {
			if _, err := f.Do(t.Context(), mutation()); err != nil {
				t.Error(err)
			}
		}
		if got := f.seen(); strings.Contains(got, "b") {
			t.Errorf("a mutation was the trial: %s", got)
		}
		f.do(t, 7)
		if got := strings.Count(f.seen(), "b"); got < 2 {
			t.Errorf("it came back for %d of 7 requests", got)
		}
	})
	t.Run("when all are out the least recently failed is tried", func(t *testing.T) {
		f := newFleet(t, 0)
		for i := range f.fails {
			f.fails[i].Store(-1)
		}
		for range 3 {
			f.do(t, 1)
			f.world.pass(time.Millisecond)
		}
		order := f.seen()
		if sorted(order) != "abc" {
			t.Fatalf("asked %s", order)
		}
		for range 6 {
			f.do(t, 1)
			f.world.pass(time.Millisecond)
		}
		if got := f.seen(); got != order+order {
			t.Errorf("asked %s after %s", got, order)
		}
	})
	t.Run("an address at which nobody listens", func(t *testing.T) {
		s := answering(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, ok) })
		tr := reach(t, newWorld().options(), nil, closedPort(t), s.URL)
		for range 4 {
			if _, err := tr.Do(t.Context(), query()); err != nil {
				t.Error(err)
			}
		}
	})
}
