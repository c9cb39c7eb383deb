package transport_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/execute/transport"
)

// TestLimit: so many at once, so many that wait, and no more.
func TestLimit(t *testing.T) {
	var now, most atomic.Int32
	hold := make(chan struct{})
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-hold
		now.Add(-1)
		w.Write([]byte(ok))
	})
	seen := &counts{}
	opts := newWorld().options()
	opts.Observer = seen
	tr := reach(t, opts, func(s *transport.Subgraph) { s.MaxConcurrent, s.MaxQueue, s.QueueTimeout = 2, 3, time.Minute }, s.URL)
	done := make(chan error, 10)
	for range 10 {
		go func() { _, err := tr.Do(t.Context(), query()); done <- err }()
	}
	for range 5 {
		if r, is := errors.AsType[*transport.Refusal](<-done); !is || r.Reason != "queue" || r.RetryAfter() != time.Minute {
			t.Errorf("refused with %v", r)
		}
	}
	eventually(t, "two are under way", func() bool { return now.Load() == 2 })
	close(hold)
	for range 5 {
		if err := <-done; err != nil {
			t.Errorf("one that waited: %v", err)
		}
	}
	if most.Load() != 2 || seen.refused.Load() != 5 {
		t.Errorf("%d at once, %d refused", most.Load(), seen.refused.Load())
	}
}

// TestLimitWait: who waits gives up after the time set, or when it leaves.
func TestLimitWait(t *testing.T) {
	hold, arrived := make(chan struct{}), make(chan struct{}, 1)
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-hold
		w.Write([]byte(ok))
	})
	done := make(chan error)
	tr := reach(t, newWorld().options(), func(s *transport.Subgraph) { s.MaxConcurrent, s.QueueTimeout = 1, 20*time.Millisecond }, s.URL)
	go func() { _, err := tr.Do(t.Context(), query()); done <- err }()
	<-arrived
	if _, err := tr.Do(t.Context(), query()); !is[*transport.Refusal](err) {
		t.Errorf("after the time: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Do(ctx, query()); !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v", err)
	}
	close(hold)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := tr.Do(t.Context(), query()); err != nil {
		t.Errorf("when the place is free again: %v", err)
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
