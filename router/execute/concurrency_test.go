package execute_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
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

func TestConcurrencyAndCancellation(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "shop.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	sg, err := supergraph.Parse(string(archive.Files[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	op, errs := operation.Prepare(sg, `{ me { id } latestReviews { id } topProducts { upc } }`, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
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
