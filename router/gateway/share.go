package gateway

import (
	"context"
	"net/http"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/execute"
)

// Sharer is a HeaderSource that knows all that its headers depend on. A query that is asked while the
// same one is under way for the same key is answered together with it.
type Sharer interface {
	// ShareKey is equal for two callers only when every subgraph may answer both the same, also when one of the keys
	// is of a source that has taken the place of another.
	ShareKey(id *Identity, client http.Header) string
}

// flightKey is what makes two queries the same.
type flightKey struct {
	operation *prepared // of one supergraph, one document and one set of labels
	variables string
	caller    string
	moment    uint64
}

// flight is a query under way. Whoever asks first runs it; the others wait.
type flight struct {
	waiting   int           // callers who still want it, or are writing it; guarded by sharing.mu
	done      chan struct{} // closed when what follows is there
	response  *execute.Response
	abandoned bool // the one who ran it left before it was answered, or failed
}

// sharing holds the queries under way.
type sharing struct {
	mu      sync.Mutex
	flights map[flightKey]*flight
}

func newSharing() *sharing { return &sharing{flights: map[flightKey]*flight{}} }

// do runs a query, or waits for the same one that is under way; when the one who runs it leaves, the next
// runs it anew. nil means that ctx ended first. Once the response is written, release is called.
func (s *sharing) do(ctx context.Context, key flightKey, run func(context.Context) *execute.Response) (r *execute.Response, release func()) {
	for {
		s.mu.Lock()
		f, ok := s.flights[key]
		if !ok {
			f = &flight{waiting: 1, done: make(chan struct{}), abandoned: true}
			s.flights[key] = f
			s.mu.Unlock()
			s.lead(ctx, key, f, run)
			return f.response, func() { s.release(f) }
		}
		f.waiting++
		s.mu.Unlock()
		select {
		case <-f.done:
			if !f.abandoned {
				return f.response, func() { s.release(f) }
			}
			s.release(f)
		case <-ctx.Done():
			s.release(f)
			return nil, nil
		}
	}
}

// lead runs the query for all who wait for it. A panic is the leader's own.
func (s *sharing) lead(ctx context.Context, key flightKey, f *flight, run func(context.Context) *execute.Response) {
	defer func() {
		s.mu.Lock()
		if s.flights[key] == f {
			delete(s.flights, key)
		}
		s.mu.Unlock()
		close(f.done)
	}()
	f.response = run(ctx)
	f.abandoned = ctx.Err() != nil
}

// release is called once by each caller, when it has written the response or left. The last one gives
// the response's memory back.
func (s *sharing) release(f *flight) {
	s.mu.Lock()
	f.waiting--
	last := f.waiting == 0
	s.mu.Unlock()
	if last && f.response != nil {
		f.response.Release()
	}
}

// wrote makes queries that a caller sends from now on start anew, so that each shows what a mutation
// of the same caller has just changed.
func (s *sharing) wrote(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.flights {
		if key.caller == caller {
			delete(s.flights, key)
		}
	}
}

// run executes a query or a mutation, a query together with those that are the same. Once the response
// is written, release is called.
func (g *Gateway) run(ctx context.Context, c *caller, j *job) (r *execute.Response, release func()) {
	alone := func() (*execute.Response, func()) {
		r := g.execute(ctx, c, j)
		return r, r.Release
	}
	sharer, ok := j.edition.headers.(Sharer)
	if !ok && j.edition.headers != nil {
		return alone()
	}
	if j.op.Kind == ast.Mutation {
		return alone()
	}
	key := flightKey{operation: j.prepared, variables: string(j.sent), moment: g.moment()}
	if ok {
		key.caller = sharer.ShareKey(c.id, c.header)
	}
	if r, release := g.sharing.do(ctx, key, func(ctx context.Context) *execute.Response { return g.execute(ctx, c, j) }); r != nil {
		return r, release
	}
	return alone() // its ctx has ended, which the executor says as it always does
}
