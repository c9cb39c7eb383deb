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
	kept := func() (weight int) {
		for _, p := range e.cache.entries.Values() {
			weight += len(p.op.Root.Fields)*(1+len(p.byDefer)) + len(p.query)/textPerField
		}
		return weight
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
		if n, weight := e.cache.entries.Len(), kept(); n != operations || weight != e.cache.weight || weight > 5*fieldsEach && n > 1 {
			t.Errorf("%s: %d operations are kept, want %d, of weight %d, counted as %d", what, n, operations, weight, e.cache.weight)
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

func manyTexts(n int, of string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: text(of: %q)", i, of)
	}
	return b.String()
}

// Nor does it matter whether they are large by their fields or by their text, which takes few bytes on the way.
func TestTextThatIsKeptPreparedIsBounded(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for name, query := range map[string]string{
		"a literal":         `query Q%d { text(of: "` + long + `") }`,
		"a default":         `query Q%d($of: String = "` + long + `") { text(of: $of) }`,
		"a comment":         "query Q%d { name } # " + long,
		"another operation": `query Q%d { name } query Other { text(of: "` + long + `") }`,
		"a key":             `query Q%d { ` + long + `: name }`,
		"many of them":      `query Q%d {` + manyTexts(100, long[:1000]) + ` }`,
	} {
		t.Run(name, func(t *testing.T) {
			g, err := New(Config{Supergraph: echoGraph(t), Transport: echo{}, Prepared: 20})
			if err != nil {
				t.Fatal(err)
			}
			e := g.edition.Load()
			for i := range 20 {
				if _, f := e.prepare(fmt.Sprintf(query, i), fmt.Sprint("Q", i), nil); f != nil {
					t.Fatal(f.errors)
				}
			}
			bytes := 0
			for _, p := range e.cache.entries.Values() {
				bytes += len(p.query)
				for _, f := range p.op.Root.Fields {
					bytes += len(f.Key) + len(f.ArgsKey)
				}
			}
			if n := e.cache.entries.Len(); bytes > 20*fieldsEach*textPerField {
				t.Errorf("%d operations with %d bytes are kept", n, bytes)
			}
		})
	}
}
