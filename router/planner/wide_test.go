package planner_test

import (
	"fmt"
	"strings"
	"testing"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

// wide makes a supergraph of many subgraphs in which every type is an entity known to all, and every
// field is resolved by several.
func wide(t testing.TB, subgraphs, types, fields, copies int) *supergraph.Supergraph {
	t.Helper()
	var b strings.Builder
	b.WriteString(`schema @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query }
directive @join__field(graph: join__Graph) repeatable on FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet) repeatable on OBJECT
directive @link(url: String, as: String, for: link__Purpose) repeatable on SCHEMA
scalar join__FieldSet
enum link__Purpose { EXECUTION }
enum join__Graph {`)
	for g := range subgraphs {
		fmt.Fprintf(&b, ` G%d @join__graph(name: "g%02d", url: "")`, g, g)
	}
	b.WriteString(" }\ntype Query")
	for g := range subgraphs {
		fmt.Fprintf(&b, " @join__type(graph: G%d)", g)
	}
	b.WriteString(" { t0: T0 }\n")
	for n := range types {
		fmt.Fprintf(&b, "type T%d", n)
		for g := range subgraphs {
			fmt.Fprintf(&b, ` @join__type(graph: G%d, key: "id")`, g)
		}
		b.WriteString(" { id: ID!\n")
		if n+1 < types {
			fmt.Fprintf(&b, " next: T%d @join__field(graph: G%d) @join__field(graph: G%d)\n", n+1, n%subgraphs, (n*7+3)%subgraphs)
		}
		for f := range fields {
			fmt.Fprintf(&b, " f%d: Int", f)
			for c := range copies {
				fmt.Fprintf(&b, " @join__field(graph: G%d)", (f*3+n*5+c*11)%subgraphs)
			}
			b.WriteByte('\n')
		}
		b.WriteString("}\n")
	}
	sg, err := supergraph.Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

func wideQuery(types, fields int) string {
	q := ""
	for n := types - 1; n >= 0; n-- {
		inner := "{ id"
		for f := range fields {
			inner += fmt.Sprintf(" f%d", f)
		}
		if n < types-1 {
			inner += " next " + q
		}
		q = inner + " }"
	}
	return "{ t0 " + q + " }"
}

// TestWide: a wide query over many subgraphs plans, and no position asks a subgraph twice.
func TestWide(t *testing.T) {
	sg := wide(t, 40, 10, 49, 3)
	op, errs := operation.Prepare(sg, wideQuery(10, 49), "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range plan.Fetches(p.Root) {
		key := f.Subgraph + " " + plan.PathText(f.Path)
		if seen[key] {
			t.Errorf("two requests for %s", key)
		}
		seen[key] = true
	}
}

// BenchmarkWide plans 500 fields over 40 subgraphs in which every type is shared.
func BenchmarkWide(b *testing.B) {
	sg := wide(b, 40, 10, 49, 3)
	op, errs := operation.Prepare(sg, wideQuery(10, 49), "", operation.DefaultLimits())
	if errs != nil {
		b.Fatal(errs)
	}
	for b.Loop() {
		p, err := planner.Plan(sg, op)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(plan.Fetches(p.Root))), "requests")
	}
}
