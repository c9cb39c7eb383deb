package operation_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"storefront/router/operation"
	"storefront/router/supergraph"
)

const sdl = `
schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION) { query: Query mutation: Mutation subscription: Subscription }
directive @join__field(graph: join__Graph) repeatable on FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
enum join__Graph { A @join__graph(name: "a", url: "http://a") }
type Query @join__type(graph: A) { pet(id: ID, size: Size, filter: Filter, at: [Int!], f: Float, s: String, b: Boolean, one: One): Pet pets: [Pet!]! name: String }
type Mutation @join__type(graph: A) { rename(id: ID): Pet }
type Subscription @join__type(graph: A) { changed(id: ID!, first: Int = 3): Pet other: Pet }
interface Pet @join__type(graph: A) { id: ID! name: String friend: Pet }
type Dog implements Pet @join__implements(graph: A, interface: "Pet") @join__type(graph: A, key: "id") { id: ID! name: String friend: Pet bark: Int loud: Boolean }
type Cat implements Pet @join__implements(graph: A, interface: "Pet") @join__type(graph: A, key: "id") { id: ID! name: String friend: Pet meow: String loud: Int }
enum Size @join__type(graph: A) { S M }
input Filter @join__type(graph: A) { min: Int! max: Int = 9 in: [Filter!] }
input One @oneOf @join__type(graph: A) { a: Int b: Int }
`

func load(t testing.TB) *supergraph.Supergraph {
	t.Helper()
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

func describe(set *operation.SelectionSet) string {
	var parts []string
	for _, f := range set.Fields {
		s := f.Key
		if f.Key != f.Name {
			s += "=" + f.Name
		}
		if f.On != nil {
			s += fmt.Sprint(f.On)
		}
		for _, terms := range f.Cond {
			s += "?"
			for _, term := range terms {
				s += fmt.Sprintf("%s=%v,", term.Var, term.Want)
			}
		}
		if f.Sel != nil {
			s += "{" + describe(f.Sel) + "}"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func TestNormalize(t *testing.T) {
	sg := load(t)
	for _, c := range []struct{ query, want string }{
		{`{ pet { name } pet { id name } }`, `pet{name id}`},
		{`{ pet { ...F } } fragment F on Pet { name friend { ...G } } fragment G on Pet { id }`, `pet{name friend{id}}`},
		{`{ pet { ... on Dog { b: bark name } name } }`, `pet{b=bark[Dog] name[Dog] name[Cat]}`},
		{`{ pet { ... on Dog { friend { id } } friend { name } } }`, `pet{friend[Dog]{id name} friend[Cat]{name}}`},
		{`{ pet { ... on Dog { ... on Pet { ... on Cat { meow } id } } } }`, `pet{id[Dog]}`},
		{`query ($a: Boolean!) { pet { name @include(if: $a) ... @skip(if: $a) { id } } }`, `pet{name?a=true, id?a=false,}`},
		{`query ($a: Boolean!, $b: Boolean!) { pet @include(if: $a) { id } pet @include(if: $b) { name } }`,
			`pet?a=true,?b=true,{id?a=true, name?b=true,}`},
		{`query ($a: Boolean!) { pet { name id @include(if: $a) } pet { id } }`, `pet{name id}`},
		{`query ($a: Boolean!) { name @include(if: $a) @skip(if: $a) pet @skip(if: true) { id } pets @include(if: true) { id } }`, `pets{id}`},
	} {
		op, errs := operation.Prepare(sg, c.query, "", operation.DefaultLimits())
		if errs != nil {
			t.Errorf("%s: %v", c.query, errs)
			continue
		}
		if got := describe(op.Root); got != c.want {
			t.Errorf("%s\ngives %s\nwant  %s", c.query, got, c.want)
		}
	}
}

func TestFieldMerging(t *testing.T) {
	sg := load(t)
	for _, c := range []struct {
		query string
		ok    bool
	}{
		{`{ pet { name name } }`, true},
		{`{ pet { name: id name } }`, false},
		{`{ pet(id: 1) { id } pet(id: 2) { id } }`, false},
		{`{ pet(id: 1, s: "a") { id } pet(s: "a", id: 1) { id } }`, true},
		{`{ pet { ... on Dog { x: bark } ... on Cat { x: meow } } }`, false},
		{`{ pet { ... on Dog { x: name } ... on Cat { x: meow } } }`, true},
		{`{ pet { ... on Dog { friend { x: name } } ... on Cat { friend { x: id } } } }`, false},
		{`{ pet { ... on Dog { loud } ... on Cat { loud } } }`, false},
		{`{ pet { friend { x: id } } ...F } fragment F on Query { pet { friend { x: name } } }`, false},
	} {
		_, errs := operation.Prepare(sg, c.query, "", operation.DefaultLimits())
		if ok := errs == nil; ok != c.ok {
			t.Errorf("%s: errors %v, want ok %v", c.query, errs, c.ok)
		}
	}
}

func TestVariables(t *testing.T) {
	sg := load(t)
	for _, c := range []struct{ vars, raw, want string }{
		{`$a: Int = 4`, `{}`, `{"a":4}`},
		{`$a: Int`, `{}`, `{}`},
		{`$a: Int`, `{"a":null}`, `{"a":null}`},
		{`$a: Int`, `{"a":1.0}`, `{"a":1}`},
		{`$a: Int`, `{"a":1.5}`, ``},
		{`$a: Int`, `{"a":3000000000}`, ``},
		{`$a: Int!`, `{}`, ``},
		{`$a: ID`, `{"a":12}`, `{"a":"12"}`},
		{`$a: String`, `{"a":12}`, ``},
		{`$a: Boolean`, `{"a":"true"}`, ``},
		{`$a: Float`, `{"a":2}`, `{"a":2}`},
		{`$a: Size`, `{"a":"M"}`, `{"a":"M"}`},
		{`$a: Size`, `{"a":"m"}`, ``},
		{`$a: [Int!]`, `{"a":3}`, `{"a":[3]}`},
		{`$a: [Int!]`, `{"a":[3,null]}`, ``},
		{`$a: [Int!] = 3`, `{}`, `{"a":[3]}`},
		{`$a: Filter`, `{"a":{"min":1}}`, `{"a":{"max":9,"min":1}}`},
		{`$a: Filter`, `{"a":{"min":1,"in":{"min":2,"max":3}}}`, `{"a":{"in":[{"max":3,"min":2}],"max":9,"min":1}}`},
		{`$a: Filter`, `{"a":{"min":1,"mix":2}}`, ``},
		{`$a: Filter`, `{"a":{}}`, ``},
		{`$a: One`, `{"a":{"a":1,"b":2}}`, ``},
		{`$a: One`, `{"a":{"b":2}}`, `{"a":{"b":2}}`},
		{`$a: Int`, `{"a":1e999999999}`, ``},
	} {
		arg := map[string]string{"Int": "at: [$a]", "Int!": "at: [$a]", "ID": "id: $a", "String": "s: $a", "Boolean": "b: $a", "Float": "f: $a",
			"Size": "size: $a", "[Int!]": "at: $a", "Filter": "filter: $a", "One": "one: $a"}[strings.Fields(strings.TrimPrefix(c.vars, "$a: "))[0]]
		arg = strings.Replace(arg, "at: [$a]", "filter: {min: 1, max: $a}", 1)
		op, errs := operation.Prepare(sg, "query ("+c.vars+") { pet("+arg+") { id } }", "", operation.DefaultLimits())
		if errs != nil {
			t.Errorf("%s: %v", c.vars, errs)
			continue
		}
		raw := map[string]any{}
		d := json.NewDecoder(strings.NewReader(c.raw))
		d.UseNumber()
		if err := d.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		got, errs := op.Variables(raw)
		if (errs != nil) != (c.want == "") {
			t.Errorf("%s %s: errors %v", c.vars, c.raw, errs)
		}
		if out, _ := json.Marshal(got); errs == nil && string(out) != c.want {
			t.Errorf("%s %s gives %s, want %s", c.vars, c.raw, out, c.want)
		}
	}
}

// TestVariableErrorsHideValues: a wrong value is named by place and kind, never repeated.
func TestIntsHave32Bits(t *testing.T) {
	sg := load(t)
	for query, valid := range map[string]bool{
		`{ pet(at: [2147483647, -2147483648]) { id } }`:                       true,
		`{ pet(at: [2147483648]) { id } }`:                                    false,
		`{ pet(filter: {min: 1, in: [{min: -2147483649}]}) { id } }`:          false,
		`query ($a: Int = 99999999999999999999) { pet(at: [$a]) { id } }`:     false,
		`query ($a: Int! = 3000000000) { pet(filter: {min: $a}) { id } }`:     false,
		`{ pet(f: 3000000000, id: 3000000000) { id } }`:                       true,
		`{ pets { id @include(if: true) } name @skip(if: false) __typename }`: true,
	} {
		if _, errs := operation.Prepare(sg, query, "", operation.DefaultLimits()); (errs == nil) != valid {
			t.Errorf("%s: errors %v", query, errs)
		}
	}
}

func TestVariableErrorsHideValues(t *testing.T) {
	op, errs := operation.Prepare(load(t), `query ($f: Filter) { pet(filter: $f) { id } }`, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	_, errs = op.Variables(map[string]any{"f": map[string]any{"min": "4111 1111"}})
	if len(errs) != 1 || !strings.Contains(errs[0].Message, "$f.min") || strings.Contains(errs[0].Message, "4111") {
		t.Errorf("errors %v", errs)
	}
}

func TestRootField(t *testing.T) {
	op, errs := operation.Prepare(load(t), `subscription ($id: ID!) { c: changed(id: $id) { id } }`, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	name, key, args := op.RootField()
	if got := fmt.Sprint(name, " ", key, " ", args(map[string]any{"id": "7"})); got != "changed c map[first:3 id:7]" {
		t.Error(got)
	}
}

// TestHostile: whatever is sent, an answer comes from work that the limits bound.
func TestHostile(t *testing.T) {
	sg := load(t)
	for name, query := range Hostile() {
		t.Run(name, func(t *testing.T) {
			_, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
			wantOK := name == "repeated" || name == "repeated deep"
			if (errs == nil) != wantOK {
				t.Errorf("errors are %.300v", errs)
			}
		})
	}
}

// Hostile returns operations that are made to cost more than they should.
func Hostile() map[string]string {
	doubling := "{ ...F0 } "
	for i := range 30 {
		doubling += fmt.Sprintf("fragment F%d on Query { ...F%d ...F%d } ", i, i+1, i+1)
	}
	chain := "{ ...F0 } "
	for i := range 3000 {
		chain += fmt.Sprintf("fragment F%d on Query { ...F%d } ", i, i+1)
	}
	aliases, unknown := "", ""
	for i := range 1000 {
		aliases += fmt.Sprintf("a%d: name ", i)
		unknown += fmt.Sprintf("u%d ", i)
	}
	conflicts := ""
	for range 2000 {
		conflicts += "x: name x: __typename "
	}
	return map[string]string{
		"repeated":          "{ pet {" + strings.Repeat("name ", 9000) + "} }",
		"repeated deep":     "{ pet {" + strings.Repeat("friend { friend { id } } ", 2000) + "} }",
		"too many repeated": "{" + strings.Repeat("name ", 10_001) + "}",
		"aliases":           "{" + aliases + "}",
		"unknown":           "{" + unknown + "}",
		"conflicts":         "{" + conflicts + "}",
		"directives":        "{ name " + strings.Repeat("@include(if: true) ", 10_000) + "}",
		"unknown directive": "{ name " + strings.Repeat("@nope ", 400) + "}",
		"inline fragments":  strings.Repeat("{ ... ", 5000) + "{ name }" + strings.Repeat("}", 5000),
		"nested fields":     "{ pet " + strings.Repeat("{ friend ", 5000) + "{ id }" + strings.Repeat("}", 5000) + "}",
		"doubling":          doubling + "fragment F30 on Query { name }",
		"chain":             chain + "fragment F3000 on Query { name }",
		"cycle":             "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
		"self cycle":        "{ ...A } fragment A on Query { name ...A }",
		"long string":       `{ pet(s: "` + strings.Repeat("x", 1<<20) + `") { id } }`,
		"long comment":      "{ name } #" + strings.Repeat("x", 1<<20),
		"many comments":     "{ name " + strings.Repeat("#\n", 100_000) + "",
		"list nesting":      "{ pet(at: " + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + ") { id } }",
		"many variables":    "query (" + strings.Repeat("$a: Int ", 4000) + ") { name }",
		"many operations":   strings.Repeat("{ name } ", 3000),
		"empty":             "  ",
		"nothing":           "{",
		"binary":            "\x00\xff\xfe{",
	}
}

func FuzzPrepare(f *testing.F) {
	sg := load(f)
	for _, q := range Hostile() {
		if len(q) < 2000 {
			f.Add(q)
		}
	}
	f.Add(`query Q($a: Boolean = true, $f: Filter = {min: 1}) { pet(filter: $f, at: [1]) { ...F @skip(if: $a) ... on Dog { bark } } } fragment F on Cat { meow friend { __typename } }`)
	f.Fuzz(func(t *testing.T, query string) {
		op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
		if (op == nil) == (errs == nil) {
			t.Fatalf("neither operation nor errors for %q", query)
		}
		if op != nil {
			describe(op.Root)
			_, _ = op.Variables(map[string]any{"a": "x", "f": map[string]any{"min": 1.5}})
		}
	})
}
