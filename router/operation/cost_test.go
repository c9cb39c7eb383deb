package operation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"storefront/router/compose"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

const costSchema = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@cost", "@listSize", "@shareable"])
type Query {
  one: Item
  plain: [Item]
  heavy: Int @cost(weight: 5)
  five: [Item] @listSize(assumedSize: 5)
  sliced(first: Int, last: Int): [Item] @listSize(slicingArguments: ["first", "last"])
  free(first: Int = 7, last: Int): [Item] @listSize(assumedSize: 4, slicingArguments: ["first", "last"], requireOneSlicingArgument: false)
  paged(page: Page): Connection @listSize(assumedSize: 4, slicingArguments: ["page.first"], sizedFields: ["nodes", "edges"], requireOneSlicingArgument: false)
  find(filter: Filter, filters: [Filter!], weighed: Int @cost(weight: 2)): Item
  any: [Any]
}
type Mutation { make: Item }
type Item { id: ID name: String rare: Rare items: [Item] more(first: Int): Connection @listSize(slicingArguments: ["first"], sizedFields: ["nodes"], requireOneSlicingArgument: false) level: Level gift: String @cost(weight: 0) }
type Rare @cost(weight: 20) { id: ID }
type Connection { nodes: [Item] edges: [Edge] total: Int pages: [Item] }
type Edge { node: Item }
union Any = Item | Rare
enum Level @cost(weight: 3) { LOW }
input Page { first: Int }
input Filter { name: String not: Filter dear: Int @cost(weight: 4) }
`

func costGraph(t testing.TB) *supergraph.Supergraph {
	t.Helper()
	result, errs := compose.Compose([]compose.Subgraph{{Name: "a", SDL: costSchema}})
	if errs != nil {
		t.Fatal(errs)
	}
	sg, err := supergraph.Parse(result.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

func costOf(t testing.TB, sg *supergraph.Supergraph, query string, raw map[string]any) (*operation.Operation, map[string]any) {
	t.Helper()
	op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	vars, errs := op.Variables(raw)
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	return op, vars
}

func TestCost(t *testing.T) {
	sg := costGraph(t)
	for _, c := range []struct {
		query string
		vars  string
		want  int
	}{
		{`{ __typename }`, ``, 0},
		{`{ one { id name } }`, ``, 1},
		{`{ heavy }`, ``, 5},
		{`{ one { rare { id } level } }`, ``, 24},
		{`{ plain { id } }`, ``, 10},
		{`{ plain { items { id } } }`, ``, 10 * 11},
		{`{ five { id } }`, ``, 5},
		{`{ five { items { id } } }`, ``, 5 * 11},
		{`{ sliced(first: 3) { id } }`, ``, 3},
		{`{ sliced(first: 0) { id } }`, ``, 0},
		{`query ($n: Int) { sliced(first: $n) { id } }`, `{"n": 12}`, 12},
		{`query ($n: Int = 6) { sliced(last: $n) { id } }`, ``, 6},
		{`{ free { id } }`, ``, 7},
		{`{ free(first: null) { id } }`, ``, 4},
		{`{ free(first: 2, last: 9) { id } }`, ``, 9},
		{`query ($n: Int) { free(first: $n) { id } }`, ``, 7},
		{`{ paged { nodes { id } total } }`, ``, 1 + 4},
		{`{ paged(page: {first: 9}) { nodes { id } edges { node { id } } pages { id } } }`, ``, 1 + 1 + 9 + 9*2 + 10},
		{`query ($p: Page) { paged(page: $p) { n: nodes { id } ...F } } fragment F on Connection { nodes { name } }`, `{"p": {"first": 100}}`, 1 + 1 + 200},
		{`query ($n: Int) { paged(page: {first: $n}) { nodes { id } } }`, `{"n": 8}`, 1 + 1 + 8},
		{`{ five { more(first: 3) { nodes { id } } } }`, ``, 5 * (1 + 1 + 3)},
		{`{ five { more { nodes { id } } } }`, ``, 5 * (1 + 1 + 10)},
		{`{ find(filter: {name: "a", not: {not: {dear: 1}}}) { id } }`, ``, 1 + 3 + 4},
		{`{ find(filters: [{name: "a"}, {name: "b"}], weighed: 9) { id } }`, ``, 1 + 2 + 2},
		{`query ($f: [Filter!]) { find(filters: $f) { id } }`, `{"f": [{}, {"not": {"dear": 2}}, {}]}`, 1 + 4 + 4},
		{`{ any { ... on Item { id rare { id } } ... on Rare { id } } }`, ``, 10 * 21},
		{`mutation { make { id } }`, ``, 10 + 1},
		{`mutation { make { id } again: make { id } }`, ``, 10 + 2},
		{`{ one { id } two: one @skip(if: true) { id } }`, ``, 1},
		{`query ($no: Boolean!) { one { id } plain @include(if: $no) { id } }`, `{"no": false}`, 1},
		{`query ($no: Boolean!) { one { id } ...F @include(if: $no) } fragment F on Query { plain { id } }`, `{"no": true}`, 11},
		{`{ ...F ...F ...G } fragment F on Query { plain { ...I } } fragment G on Query { ...F } fragment I on Item { rare { id } }`, ``, 3 * 10 * 21},
		{`{ ... on Query { ... { heavy } } }`, ``, 5},
		{`{ one { name name a: name b: name c: gift level: name } }`, ``, 1 + 3},
		{`{ h: heavy one { l: level } }`, ``, 5 + 1 + 3},
		{`{ plain { n: name } }`, ``, 10 * 2},
		{`{ paged(page: {first: 100}) { nodes { more(first: 100) { nodes { ...I } } } } } fragment I on Item { a: name b: name }`, ``, 1 + 1 + 100*(1+1+100*3)},
		{`{ __typename t: __typename one { u: __typename } }`, ``, 1 + 1 + 1},
		{`{ __schema { types { name fields { name type { name } } } } __type(name: "Item") { name } }`, ``, 0},
		{`{ __schema { types { fields { name a: name t: type { b: name } } } } }`, ``, 10 * 10 * 3},
		{`{ s: __schema { types { name } } }`, ``, 1},
	} {
		raw := map[string]any{}
		if c.vars != "" {
			d := json.NewDecoder(strings.NewReader(c.vars))
			d.UseNumber()
			if err := d.Decode(&raw); err != nil {
				t.Fatal(err)
			}
		}
		op, vars := costOf(t, sg, c.query, raw)
		got, errs := op.Cost(vars)
		if got != c.want || errs != nil {
			t.Errorf("%s %s costs %d (%v), want %d", c.query, c.vars, got, errs, c.want)
		}
	}
}

// TestCostOfWhatIsUnknown: of an operation alone, what variables would say is as the schema assumes.
func TestCostOfWhatIsUnknown(t *testing.T) {
	sg := costGraph(t)
	for query, want := range map[string]int{
		`query ($n: Int) { sliced(first: $n) { id } }`:                                         10,
		`query ($n: Int = 3) { sliced(first: $n) { id } }`:                                     3,
		`query ($n: Int!) { free(first: $n) { id } }`:                                          4,
		`query ($yes: Boolean!) { plain @include(if: $yes) { id } one { id } }`:                11,
		`query ($p: Page) { paged(page: $p) { nodes { id } } }`:                                5,
		`query ($f: Filter) { find(filter: $f) { id } }`:                                       1,
		`query ($n: Int!) { five { more(first: $n) { nodes { id } edges { node { id } } } } }`: 5 * (1 + 1 + 10 + 20),
	} {
		op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
		if errs != nil {
			t.Fatal(errs)
		}
		if got, errs := op.Cost(nil); got != want || errs != nil {
			t.Errorf("%s costs %d (%v), want %d", query, got, errs, want)
		}
	}
}

func TestCostNeedsOneSlicingArgument(t *testing.T) {
	sg := costGraph(t)
	for _, query := range []string{`{ sliced { id } }`, `{ sliced(first: 1, last: 2) { id } }`, `query ($n: Int) { sliced(first: $n) { id } }`, `{ one { id } ...F } fragment F on Query { sliced { id } }`} {
		op, vars := costOf(t, sg, query, nil)
		if _, errs := op.Cost(vars); errs == nil || errs[0].Message != "the field sliced needs exactly one of the arguments first, last, to say how long its list may be" {
			t.Errorf("%s: %v", query, errs)
		}
	}
}

// TestCostIsOfTheChosenOperation: what another operation of the document says of a variable that both have in a
// fragment changes nothing.
func TestCostIsOfTheChosenOperation(t *testing.T) {
	sg := costGraph(t)
	const (
		a        = `query A($n: Int) { ...F } `
		b        = `query B($n: Int = 0) { ...F } `
		fragment = `fragment F on Query { one { more(first: $n) { nodes { id } } } paged(page: {first: $n}) { nodes { id } } }`
	)
	for _, c := range []struct {
		name, alone string
		want        int
	}{{"A", a + fragment, 1 + 1 + 10 + 1 + 1 + 4}, {"B", b + fragment, 1 + 1 + 1 + 1}} {
		for _, query := range []string{c.alone, a + b + fragment, b + a + fragment} {
			op, errs := operation.Prepare(sg, query, c.name, operation.DefaultLimits())
			if errs != nil {
				t.Fatal(errs)
			}
			vars, errs := op.Variables(nil)
			if errs != nil {
				t.Fatal(errs)
			}
			if got, errs := op.Cost(vars); got != c.want || errs != nil {
				t.Errorf("%s of %s costs %d (%v), want %d", c.name, query, got, errs, c.want)
			}
		}
	}
}

func TestCostliest(t *testing.T) {
	sg := costGraph(t)
	for query, want := range map[string]string{
		`{ one { id } heavy }`: "heavy",
		`{ one { id } all: plain { items { rare { id } } name } five { id } }`:                                                 "all.items.rare",
		`{ paged(page: {first: 50}) { ...F } } fragment F on Connection { total edges { node { rare { id } } } pages { id } }`: "paged.edges.node.rare",
	} {
		op, vars := costOf(t, sg, query, nil)
		if got := op.Costliest(vars); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// TestCostIsLinear: fragments that spread each other twice are summed up once each, and lists in lists
// saturate.
func TestCostIsLinear(t *testing.T) {
	sg := costGraph(t)
	limits := operation.DefaultLimits()
	limits.MaxFields, limits.MaxDepth = 1<<40, 1000
	var b strings.Builder
	b.WriteString("{ plain { ...F0 } }")
	for i := range 13 {
		fmt.Fprintf(&b, " fragment F%d on Item { ...F%d ...F%d }", i, i+1, i+1)
	}
	b.WriteString(" fragment F13 on Item { rare { id } }")
	op, errs := operation.Prepare(sg, b.String(), "", limits)
	if errs != nil {
		t.Fatal(errs)
	}
	if got, _ := op.Cost(map[string]any{}); got != 10*(1+(1<<13)*20) {
		t.Errorf("fragments in fragments cost %d", got)
	}
	deep := "{ plain " + strings.Repeat("{ items ", 45) + "{ id }" + strings.Repeat("}", 46)
	if op, errs = operation.Prepare(sg, deep, "", limits); errs != nil {
		t.Fatal(errs)
	}
	if got, _ := op.Cost(nil); got < 1<<40 {
		t.Errorf("46 lists in each other cost %d", got)
	}
}
