package transport_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"storefront/router/execute"
	"storefront/router/execute/transport"
)

// world is the clock, the chance and the pauses of a transport under test.
type world struct {
	mu     sync.Mutex
	now    time.Time
	chance float64
	slept  []time.Duration
}

func newWorld() *world { return &world{now: time.Unix(1_700_000_000, 0)} }

func (w *world) options() transport.Options {
	return transport.Options{
		Now:    func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now },
		Random: func() float64 { w.mu.Lock(); defer w.mu.Unlock(); return w.chance },
		Sleep: func(ctx context.Context, d time.Duration) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.slept = append(w.slept, d)
			w.now = w.now.Add(d)
			return ctx.Err()
		},
	}
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// pauses returns the pauses since the last call.
func (w *world) pauses() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.slept
	w.slept = nil
	return list
}

const ok = `{"data":{}}`

// answering starts a server that a function answers for; empty bodies and no status are ok's.
func answering(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s
}

// reach makes a transport to one subgraph "s" at some addresses.
func reach(t *testing.T, opts transport.Options, change func(*transport.Subgraph), urls ...string) *transport.Transport {
	t.Helper()
	s := transport.Defaults()
	s.URLs = urls
	s.Share = false
	if change != nil {
		change(&s)
	}
	tr, err := transport.New(transport.Config{Subgraphs: map[string]transport.Subgraph{"s": s}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

func query() *execute.SubgraphRequest {
	return &execute.SubgraphRequest{Subgraph: "s", Query: "{ a }", Header: http.Header{}}
}

func mutation() *execute.SubgraphRequest {
	r := query()
	r.IsMutation = true
	return r
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatalf("never: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}
