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

const joinHead = `schema @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query }
directive @join__field(graph: join__Graph) repeatable on FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet) repeatable on OBJECT
directive @link(url: String, as: String, for: link__Purpose) repeatable on SCHEMA
scalar join__FieldSet
enum link__Purpose { EXECUTION }
`

// entity makes a supergraph of one entity T, asked for in subgraph 0: keys[i] are the keys of subgraph
// i, resolves the subgraphs of each field.
func entity(t *testing.T, keys [][]string, fields []string, resolves map[string][]int) *supergraph.Supergraph {
	t.Helper()
	var b strings.Builder
	b.WriteString(joinHead + "enum join__Graph {")
	for i := range keys {
		fmt.Fprintf(&b, ` G%d @join__graph(name: "g%02d", url: "")`, i, i)
	}
	b.WriteString(" }\ntype Query @join__type(graph: G0) { t: T }\ntype T")
	for i := range keys {
		for _, k := range keys[i] {
			fmt.Fprintf(&b, " @join__type(graph: G%d, key: %q)", i, k)
		}
	}
	b.WriteString(" {\n")
	for _, f := range fields {
		fmt.Fprintf(&b, " %s: ID", f)
		for _, g := range resolves[f] {
			fmt.Fprintf(&b, " @join__field(graph: G%d)", g)
		}
		b.WriteByte('\n')
	}
	b.WriteString("}\n")
	sg, err := supergraph.Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

func fetchesOf(t *testing.T, sg *supergraph.Supergraph, query string) []*plan.Fetch {
	t.Helper()
	op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Fetches(p.Root)
}

// TestLongChainOfKeys: an entity is followed through many subgraphs, each of which knows its own key
// and the next one's.
func TestLongChainOfKeys(t *testing.T) {
	const n = 40
	keys, resolves := make([][]string, n), map[string][]int{}
	var fields []string
	for i := range n {
		keys[i] = []string{fmt.Sprintf("k%d", i), fmt.Sprintf("k%d", i+1)}
	}
	for i := range n + 1 {
		k := fmt.Sprintf("k%d", i)
		fields = append(fields, k)
		for _, g := range []int{i - 1, i} {
			if g >= 0 && g < n {
				resolves[k] = append(resolves[k], g)
			}
		}
	}
	fields, resolves["end"] = append(fields, "end"), []int{n - 1}
	if got := len(fetchesOf(t, entity(t, keys, fields, resolves), "{ t { end } }")); got != n {
		t.Errorf("%d requests, want %d", got, n)
	}
}

// TestDeadEnds: subgraphs that could each be entered with what only the others know do not hide the one
// way that there is, nor make it long to find.
func TestDeadEnds(t *testing.T) {
	const n = 30
	keys, resolves := [][]string{{"id"}}, map[string][]int{"id": {0, n + 1}}
	fields := []string{"id", "x", "end"}
	for i := 1; i <= n; i++ {
		a := fmt.Sprintf("a%d", i)
		keys = append(keys, []string{a + " x", "x " + a})
		fields = append(fields, a)
		for g := 1; g <= n; g++ {
			resolves[a] = append(resolves[a], g)
		}
		resolves["x"] = append(resolves["x"], i)
	}
	keys = append(keys, []string{"id"})
	resolves["x"] = append(resolves["x"], n+1)
	resolves[fmt.Sprintf("a%d", n/2)] = append(resolves[fmt.Sprintf("a%d", n/2)], n+1)
	resolves["end"] = []int{n}
	got := fetchesOf(t, entity(t, keys, fields, resolves), "{ t { end } }")
	if len(got) != 4 {
		t.Errorf("%d requests, want 4: the first, the one with x, the one that it leads to, and the last", len(got))
	}
}
