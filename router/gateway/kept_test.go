package gateway

import (
	"fmt"
	"strings"
	"testing"

	"storefront/router/operation"
)

// However large the operations are that clients send, what is kept of them is bounded, with all variants; small ones
// are kept as many as there may be, and the last one whatever its size.
func TestWhatIsKeptPreparedIsBounded(t *testing.T) {
	limits := operation.DefaultLimits()
	limits.MaxRootFields, limits.MaxAliases = limits.MaxFields, limits.MaxFields
	g, err := New(Config{Supergraph: echoGraph(t), Transport: echo{}, Prepared: 5, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	e := g.edition.Load()
	kept := func() (fields int) {
		for _, p := range e.cache.entries.Values() {
			fields += len(p.op.Root.Fields) * (1 + len(p.byDefer))
		}
		return fields
	}
	prepare := func(name string, fields int) *prepared {
		var b strings.Builder
		for i := range fields {
			fmt.Fprintf(&b, " a%d: name", i)
		}
		p, f := e.prepare(fmt.Sprintf("query %s($if: Boolean! = true) { ... @defer(if: $if) {%s } }", name, b.String()), "", nil)
		if f != nil {
			t.Fatal(f.errors)
		}
		return p
	}
	check := func(what string, operations int) {
		t.Helper()
		if n, fields := e.cache.entries.Len(), kept(); n != operations || fields != e.cache.fields || fields > 5*fieldsEach && n > 1 {
			t.Errorf("%s: %d operations are kept, want %d, with %d fields, counted as %d", what, n, operations, fields, e.cache.fields)
		}
	}
	for i := range 10 {
		prepare(fmt.Sprint("Small", i), 1+i)
	}
	check("small ones", 5)
	for i := range 4 {
		prepare(fmt.Sprint("Large", i), 2*fieldsEach)
	}
	check("large ones", 2)
	last := prepare("Deferring", 2*fieldsEach)
	check("one more", 2)
	if d, f := last.deferred(map[string]any{"if": true}); d == nil || f != nil {
		t.Fatalf("nothing is deferred: %v", f)
	}
	check("with a variant", 1)
	if d, f := last.deferred(map[string]any{"if": true}); d == nil || f != nil {
		t.Fatalf("nothing is deferred: %v", f)
	}
	check("with the same variant", 1)
	prepare("Small", 1)
	check("a small one", 2)
	prepare("Huge", 6*fieldsEach)
	check("one that is larger than all may be", 1)
}
