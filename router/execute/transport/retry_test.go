package transport_test

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/execute/transport"
)

// TestRetry: which answers are asked for again, how often and after which pauses.
func TestRetry(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name       string
		status     int // of the first answers; 0 breaks the connection
		failures   int // how many of them
		retryAfter string
		mutation   bool
		asked      int32
		pauses     []time.Duration
		fails      bool
	}{
		{name: "unavailable once", status: 503, failures: 1, asked: 2, pauses: []time.Duration{50 * ms}},
		{name: "bad gateway twice", status: 502, failures: 2, asked: 3, pauses: []time.Duration{50 * ms, 100 * ms}},
		{name: "timeout of a gateway", status: 504, failures: 3, asked: 3, pauses: []time.Duration{50 * ms, 100 * ms}, fails: true},
		{name: "connection", failures: 1, asked: 2, pauses: []time.Duration{50 * ms}},
		{name: "too many requests", status: 429, failures: 1, asked: 2, pauses: []time.Duration{50 * ms}},
		{name: "a time to wait", status: 429, failures: 1, retryAfter: "1", asked: 2, pauses: []time.Duration{time.Second}},
		{name: "a date to wait for", status: 503, failures: 1, retryAfter: time.Unix(1_700_000_002, 0).UTC().Format(http.TimeFormat), asked: 2, pauses: []time.Duration{2 * time.Second}},
		{name: "too long to wait", status: 503, failures: 1, retryAfter: "3", asked: 1, fails: true},
		{name: "a time nobody understands", status: 503, failures: 1, retryAfter: "soon", asked: 2, pauses: []time.Duration{50 * ms}},
		{name: "server error", status: 500, failures: 1, asked: 1, fails: true},
		{name: "bad request", status: 400, failures: 1, asked: 1, fails: true},
		{name: "mutation unavailable", status: 503, failures: 1, mutation: true, asked: 1, fails: true},
		{name: "mutation, connection", failures: 1, mutation: true, asked: 1, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			s := answering(t, func(w http.ResponseWriter, r *http.Request) {
				if int(asked.Add(1)) > c.failures {
					w.Write([]byte(ok))
					return
				}
				if c.status == 0 {
					panic(http.ErrAbortHandler)
				}
				if c.retryAfter != "" {
					w.Header().Set("Retry-After", c.retryAfter)
				}
				w.WriteHeader(c.status)
			})
			world := newWorld()
			world.chance = 1
			tr := reach(t, world.options(), nil, s.URL)
			r := query()
			r.IsMutation = c.mutation
			data, err := tr.Do(t.Context(), r)
			if (err != nil) != c.fails || err == nil && string(data) != ok {
				t.Errorf("answer %s, error %v", data, err)
			}
			if asked.Load() != c.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), c.asked)
			}
			if got := world.pauses(); !slices.Equal(got, c.pauses) {
				t.Errorf("pauses %v, want %v", got, c.pauses)
			}
		})
	}
}

// TestRetryAnswers: when retries are used up, the last answer counts if it is a GraphQL response.
func TestRetryAnswers(t *testing.T) {
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte(`{"errors":[{"message":"closed"}]}`))
	})
	data, err := reach(t, newWorld().options(), nil, s.URL).Do(t.Context(), query())
	if err != nil || !strings.Contains(string(data), "closed") {
		t.Errorf("%s, %v", data, err)
	}
}

// TestRetryBudget: retries stay a share of requests, however many fail.
func TestRetryBudget(t *testing.T) {
	var asked atomic.Int32
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	tr := reach(t, newWorld().options(), func(s *transport.Subgraph) { s.Breaker.Failures = 0 }, s.URL)
	for range 1000 {
		if _, err := tr.Do(t.Context(), query()); err == nil {
			t.Fatal("no error")
		}
	}
	if n := asked.Load(); n < 1090 || n > 1110 { // a tenth, and the ten at the start
		t.Errorf("1000 requests came as %d", n)
	}
}

// TestTimeout bounds a request with its retries.
func TestTimeout(t *testing.T) {
	var asked atomic.Int32
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	world := newWorld()
	world.chance = 1
	tr := reach(t, world.options(), func(s *transport.Subgraph) {
		s.Timeout, s.Retry.MinPause, s.Retry.MaxPause = time.Minute, time.Hour, time.Hour
	}, s.URL)
	if _, err := tr.Do(t.Context(), query()); err == nil || !strings.Contains(err.Error(), "503") || asked.Load() != 1 {
		t.Errorf("a pause beyond the deadline: asked %d times, %v", asked.Load(), err)
	}
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}
