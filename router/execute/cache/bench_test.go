package cache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"storefront/router/execute"
	"storefront/router/execute/cache"
	"storefront/router/operation"
	"storefront/router/planner"
)

// BenchmarkAllKept measures the execution of a query whose 50 entities are all in memory.
func BenchmarkAllKept(b *testing.B) {
	s := newShelf()
	r := newRouter(b, s, cache.Config{})
	var ids []string
	for i := range 50 {
		ids = append(ids, fmt.Sprint("thing-", i))
	}
	op, errs := operation.Prepare(r.sg, fmt.Sprintf(`{ things(of: %q) { id version } }`, strings.Join(ids, ",")), "", operation.DefaultLimits())
	if errs != nil {
		b.Fatal(errs)
	}
	p, err := planner.Plan(r.sg, op)
	if err != nil {
		b.Fatal(err)
	}
	prepared := r.executor.Prepare(p)
	ctx := execute.WithScope(context.Background(), execute.Scope{})
	b.ReportAllocs()
	for b.Loop() {
		got := r.executor.Execute(ctx, prepared, nil, nil)
		if len(got.Errors) > 0 {
			b.Fatal(got.Errors)
		}
		got.Release()
	}
	if asked := strings.Count(s.took(), " "); asked >= 50 {
		b.Fatalf("asked for %d things", asked+1)
	}
}
