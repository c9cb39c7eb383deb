package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// edition is one supergraph as it is served: the model, how it is executed and reached, with which
// headers, and the operations prepared for it. A request stays on the edition that its operation was prepared on, so
// that replacing the supergraph drops none.
type edition struct {
	supergraph    *supergraph.Supergraph
	executor      *execute.Executor
	headers       HeaderSource // nil: see Config
	cache         *cache
	limits        operation.Limits
	introspection bool
	admission     *admission
	log           *slog.Logger
}

func (g *Gateway) newEdition(sg *supergraph.Supergraph, t execute.Transport, headers HeaderSource) (*edition, error) {
	if sg == nil {
		return nil, errors.New("no supergraph")
	}
	if t == nil {
		return nil, errors.New("no transport to subgraphs")
	}
	cache, err := newCache(g.cfg.Prepared)
	if err != nil {
		return nil, err
	}
	opts := execute.Options{
		Errors:             g.cfg.Errors,
		MaxRepresentations: g.cfg.MaxRepresentations, MaxDeferred: g.cfg.MaxDeferred,
		MaxAnswerBytes: g.cfg.MaxAnswerBytes, MaxResponseBytes: g.cfg.MaxResponseBytes,
	}
	if g.cfg.Cache != nil {
		opts.Cache = g.cfg.Cache
		g.cfg.Cache.Follow(sg)
	}
	e := &edition{
		supergraph:    sg,
		executor:      execute.New(sg, t, opts),
		headers:       headers,
		cache:         cache,
		limits:        g.cfg.Limits,
		introspection: g.cfg.Introspection,
		admission:     g.admission,
		log:           g.log,
	}
	if c, ok := t.(io.Closer); ok {
		// Nobody knows how long the last request of an edition takes; when none is left, nothing refers to it.
		runtime.AddCleanup(e, func(c io.Closer) { _ = c.Close() }, c)
	}
	return e, nil
}

// Replace serves another supergraph from now on, over another transport and with other headers. Before that, the operations
// that clients send most are prepared for it, so that none of them waits for a plan. Requests under way
// end on the supergraph on which they began; live subscriptions go on with the new one, or end with an
// error where it does not have them any more. The old transport is closed after its last request when
// it is an io.Closer. It returns how many operations were prepared; after an error nothing has changed.
func (g *Gateway) Replace(ctx context.Context, sg *supergraph.Supergraph, t execute.Transport, headers HeaderSource) (warm int, err error) {
	g.replacing.Lock()
	defer g.replacing.Unlock()
	next, err := g.newEdition(sg, t, headers)
	if err != nil {
		return 0, fmt.Errorf("replace supergraph: %w", err)
	}
	last := g.edition.Load()
	if warm, err = next.warm(ctx, last.cache.popular(g.cfg.Warm), g.cfg.WarmTime); err != nil {
		return 0, fmt.Errorf("replace supergraph: %w", err)
	}
	g.edition.Store(next)
	g.hub.renew(ctx)
	g.springs.renew(ctx)
	return warm, nil
}

// warm prepares operations for at most limit, and returns for how many it did. Those that the new
// supergraph does not have are left to whoever sends them again.
func (e *edition) warm(ctx context.Context, operations []*prepared, limit time.Duration) (n int, err error) {
	until := time.Now().Add(limit)
	for _, p := range operations {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		if time.Now().After(until) {
			break
		}
		labels := slices.DeleteFunc(slices.Clone(p.labels), func(l string) bool { return !slices.Contains(e.supergraph.Labels(), l) })
		if again, f := e.prepare(p.query, p.operationName, labels); f == nil {
			again.uses.Store(p.uses.Load() / 2) // what was popular once does not stay so by that alone
			n++
		}
	}
	return n, nil
}

// popular returns at most n of the prepared operations, the most used first.
func (c *cache) popular(n int) []*prepared {
	all := c.entries.Values() // the least recently used first
	slices.Reverse(all)
	uses := make(map[*prepared]int64, len(all)) // they go on counting
	for _, p := range all {
		uses[p] = p.uses.Load()
	}
	slices.SortStableFunc(all, func(a, b *prepared) int { return cmp.Compare(uses[b], uses[a]) })
	return all[:min(n, len(all))]
}
