package transport

import (
	"bytes"
	"context"
	"hash/maphash"
	"net/http"
	"slices"
	"sync"

	"storefront/router/execute"
)

// sharing lets equal queries that are under way at the same time be one request. Equal are those whose
// body and headers are; the headers that only say which request this is do not count.
type sharing struct {
	seed maphash.Seed

	mu      sync.Mutex
	flights map[uint64]*flight // by hash; of two unequal requests with one hash the second goes alone
}

// flight is a request that somebody waits for. It ends early when nobody does any more.
type flight struct {
	req     *execute.SubgraphRequest
	waiters int // guarded by sharing.mu
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when data and err are there
	data    []byte
	err     error
}

func newSharing() *sharing {
	return &sharing{seed: maphash.MakeSeed(), flights: map[uint64]*flight{}}
}

// do answers r by a request of its own, made by send, or by an equal one that is under way.
func (g *sharing) do(ctx context.Context, r *execute.SubgraphRequest, send func(context.Context, *execute.SubgraphRequest) ([]byte, error)) (data []byte, shared bool, err error) {
	key := g.hash(r)
	g.mu.Lock()
	f, taken := g.flights[key]
	if taken && !equal(f.req, r) {
		g.mu.Unlock()
		data, err = send(ctx, r)
		return data, false, err
	}
	if !taken {
		own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
		f = &flight{req: r, cancel: cancel, done: make(chan struct{})}
		g.flights[key] = f
		go func() {
			f.data, f.err = send(own, r)
			g.mu.Lock()
			g.forget(key, f)
			g.mu.Unlock()
			cancel(nil)
			close(f.done)
		}()
	}
	f.waiters++
	g.mu.Unlock()
	select {
	case <-f.done:
		return f.data, taken, f.err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		g.forget(key, f) // a request that is being given up is nobody's to join
		f.cancel(ctx.Err())
	}
	return nil, taken, ctx.Err()
}

func (g *sharing) forget(key uint64, f *flight) {
	if g.flights[key] == f {
		delete(g.flights, key)
	}
}

// hash is the same for equal requests. The order of headers, which a map has none of, does not count.
func (g *sharing) hash(r *execute.SubgraphRequest) uint64 {
	var h maphash.Hash
	h.SetSeed(g.seed)
	h.WriteString(r.Query)
	h.WriteByte(0)
	h.WriteString(r.OperationName)
	h.WriteByte(0)
	h.Write(r.Variables)
	sum := h.Sum64()
	for name, values := range r.Header {
		if correlates(name) {
			continue
		}
		h.Reset()
		h.WriteString(name)
		for _, v := range values {
			h.WriteByte(0)
			h.WriteString(v)
		}
		sum += h.Sum64()
	}
	return sum
}

func equal(a, b *execute.SubgraphRequest) bool {
	return a.Query == b.Query && a.OperationName == b.OperationName && bytes.Equal(a.Variables, b.Variables) &&
		within(a.Header, b.Header) && within(b.Header, a.Header)
}

// within reports whether all headers of a that count are the same in b.
func within(a, b http.Header) bool {
	for name, values := range a {
		if !correlates(name) && !slices.Equal(values, b[name]) {
			return false
		}
	}
	return true
}

// correlates reports whether a header only names the request it is on, to find it in logs and traces.
// With sharing, subgraphs see those of the first client that asked.
func correlates(name string) bool {
	return name == "X-Request-Id" || name == "Traceparent" || name == "Tracestate"
}
