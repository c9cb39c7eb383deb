package execute_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/router/execute"
	"storefront/router/execute/transport"
)

// meeting is a transport whose requests answer only once all subgraphs of a round have been asked.
type meeting struct {
	wait sync.WaitGroup
}

func (m *meeting) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	m.wait.Done()
	m.wait.Wait()
	return []byte(`{"data":{"me":{"id":"1"},"latestReviews":[],"topProducts":[]}}`), nil
}

// stuck is a transport that answers nothing until the request is over.
type stuck struct{ asked chan struct{} }

func (s *stuck) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	s.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// resting is a transport that leaves its subgraphs alone for a while.
type resting struct{}

func (resting) Do(context.Context, *execute.SubgraphRequest) ([]byte, error) {
	return nil, &transport.Refusal{Subgraph: "accounts", Reason: "breaker", After: 1500 * time.Millisecond}
}

// TestRefusal: a client is told why a subgraph was not asked, and when to come back.
func TestRefusal(t *testing.T) {
	sg := shop(t)
	p := planned(t, sg, `{ me { id } }`)
	e := execute.New(sg, resting{}, execute.Options{})
	r := e.Execute(t.Context(), e.Prepare(p), nil, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "UNAVAILABLE" || r.Errors[0].Extensions["retryAfter"] != 2 ||
		!strings.Contains(r.Errors[0].Message, "left alone for a while") {
		t.Errorf("errors %v", r.Errors)
	}
}

func TestConcurrencyAndCancellation(t *testing.T) {
	sg := shop(t)
	p := planned(t, sg, `{ me { id } latestReviews { id } topProducts { upc } }`)
	together := &meeting{}
	together.wait.Add(3)
	e := execute.New(sg, together, execute.Options{})
	if r := e.Execute(t.Context(), e.Prepare(p), nil, nil); len(r.Errors) > 0 {
		t.Errorf("errors %v", r.Errors)
	}

	ctx, cancel := context.WithCancel(t.Context())
	never := &stuck{asked: make(chan struct{}, 3)}
	done := make(chan *execute.Response)
	e = execute.New(sg, never, execute.Options{})
	go func() { done <- e.Execute(ctx, e.Prepare(p), nil, nil) }()
	for range 3 {
		<-never.asked
	}
	cancel()
	r := <-done
	if string(r.Data) != "null" || len(r.Errors) == 0 {
		t.Errorf("after cancelling: data %s, errors %v", r.Data, r.Errors)
	}
}
