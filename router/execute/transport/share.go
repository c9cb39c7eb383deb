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

// flight is a request under way. Whoever asks first sends it; the others wait.
type flight struct {
	req     *execute.SubgraphRequest
	waiters int           // the one who sends it among them; guarded by sharing.mu
	done    chan struct{} // closed when what follows is there
	answered
	abandoned bool // the one who sent it left before it was answered
}

// answered is what a request came to.
type answered struct {
	body    []byte
	control string // Cache-Control
	err     error
}

func newSharing() *sharing {
	return &sharing{seed: maphash.MakeSeed(), flights: map[uint64]*flight{}}
}

// do answers r by a request of its own, made by send, or by an equal one that is under way. When the one
// who sends it leaves, the next who waits for it sends it anew: they are queries, and it costs a request
// only where somebody left, while a context apart from the caller's would cost something every time.
func (g *sharing) do(ctx context.Context, r *execute.SubgraphRequest, send func(context.Context, *execute.SubgraphRequest) answered) (a answered, shared bool) {
	key := g.hash(r)
	for {
		g.mu.Lock()
		f, taken := g.flights[key]
		if !taken {
			f = &flight{req: r, waiters: 1, done: make(chan struct{}), abandoned: true}
			g.flights[key] = f
			g.mu.Unlock()
			g.lead(ctx, key, f, send)
			return f.answered, false
		}
		if !equal(f.req, r) {
			g.mu.Unlock()
			return send(ctx, r), false
		}
		f.waiters++
		g.mu.Unlock()
		select {
		case <-f.done:
			if !f.abandoned {
				return f.answered, true
			}
		case <-ctx.Done():
			g.mu.Lock()
			f.waiters--
			g.mu.Unlock()
			return answered{err: ctx.Err()}, true
		}
	}
}

// lead sends the request for all who wait for it.
func (g *sharing) lead(ctx context.Context, key uint64, f *flight, send func(context.Context, *execute.SubgraphRequest) answered) {
	defer func() {
		g.mu.Lock()
		if g.flights[key] == f {
			delete(g.flights, key)
		}
		g.mu.Unlock()
		close(f.done)
	}()
	f.answered = send(ctx, f.req)
	f.abandoned = ctx.Err() != nil
}

// wrote lets nobody join what is under way any more: it may have been read before a mutation that is answered now, and
// who asks after that sees what it has changed.
func (g *sharing) wrote() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.flights)
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
