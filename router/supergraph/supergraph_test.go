package supergraph_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/tools/txtar"

	"storefront/router/supergraph"
)

const head = `
schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/join/v0.5", for: EXECUTION)
  @link(url: "https://specs.apollo.dev/inaccessible/v0.2", as: "hide", for: SECURITY) { query: Query }
directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean, overrideLabel: String) repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
directive @hide on FIELD_DEFINITION | OBJECT | ENUM_VALUE | ARGUMENT_DEFINITION
directive @note(text: String) on FIELD | FIELD_DEFINITION
scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
enum join__Graph { B @join__graph(name: "b", url: "http://b") A @join__graph(name: "a-one", url: "http://a") }
`

func TestParse(t *testing.T) {
	sg, err := supergraph.Parse(head + `
type Query @join__type(graph: A) @join__type(graph: B) { item(id: ID!, debug: Int @hide): Item @join__field(graph: A) kind: Kind @join__field(graph: B) }
type Item @join__type(graph: A, key: "id") @join__type(graph: B, key: "id owner { id }", resolvable: false) {
  id: ID!
  owner: Owner @join__field(graph: A, provides: "name") @join__field(graph: B, external: true)
  cost: Int @join__field(graph: B, requires: "owner { id }", override: "a-one")
  later: Int @join__field(graph: A) @join__field(graph: B, override: "a-one", overrideLabel: "percent(5)")
  secret: Secret @join__field(graph: A)
}
type Owner @join__type(graph: A) @join__type(graph: B) { id: ID! name: String @join__field(graph: A, external: true) @join__field(graph: B) }
type Secret @join__type(graph: A) @hide { code: String }
enum Kind @join__type(graph: B) { X Y @hide }
`)
	if err != nil {
		t.Fatal(err)
	}
	subs := sg.Subgraphs()
	if len(subs) != 2 || subs[0] != (supergraph.Subgraph{Name: "a-one", URL: "http://a"}) || subs[1].Name != "b" {
		t.Errorf("subgraphs are %v", subs)
	}
	item := sg.Type("Item")
	if k := item.In[1].Keys; len(k) != 1 || k[0].Resolvable || len(k[0].Fields) != 2 || k[0].Fields[1].Sub[0].Name != "id" {
		t.Errorf("keys in b are %+v", k)
	}
	if f := item.Field("owner"); f.In[0].Provides[0].Name != "name" || !f.In[1].External {
		t.Errorf("owner is %+v", f.In)
	}
	if f := item.Field("cost"); f.In[0].Present || f.In[1].Requires[0].Name != "owner" {
		t.Errorf("cost is %+v", f.In)
	}
	if f := item.Field("later"); f.In[0].External || !f.In[1].External {
		t.Errorf("a field overridden by a label nobody switched on must stay: %+v", f.In)
	}
	api := sg.APISDL()
	for _, gone := range []string{"join__", "link", "Secret", "secret", "debug", "Y\n", "hide"} {
		if strings.Contains(api, gone) {
			t.Errorf("the public schema shows %q:\n%s", gone, api)
		}
	}
	if sg.API().Directives["note"] == nil || sg.API().Query.Fields.ForName("__schema") == nil {
		t.Error("the public schema lacks its executable directive or introspection")
	}
}

func TestPublicDirectives(t *testing.T) {
	sg, err := supergraph.Parse(strings.Replace(head, "schema ",
		`schema @link(url: "https://example.org/pace/v1.0", import: ["@pace", {name: "@stop", as: "@halt"}]) `, 1) + `
directive @pace(steps: Int) on FIELD
directive @halt on QUERY
directive @pace__up on FIELD_DEFINITION
type Query @join__type(graph: A) { a: Int }
`)
	if err != nil {
		t.Fatal(err)
	}
	for name, public := range map[string]bool{"pace": true, "halt": true, "pace__up": false, "join__field": false, "link": false} {
		if got := sg.API().Directives[name] != nil; got != public {
			t.Errorf("@%s in the public schema: %v, want %v", name, got, public)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range map[string]struct{ sdl, want string }{
		"not graphql":      {"type {", "parse supergraph"},
		"empty":            {"", "no join__Graph"},
		"plain schema":     {"type Query { a: Int }", "no join__Graph"},
		"unknown graph":    {head + `type Query @join__type(graph: C) { a: Int }`, "names the graph C"},
		"bad key":          {head + `type Query @join__type(graph: A) { a: Int } type T @join__type(graph: A, key: "id {") { id: ID }`, `parse fields "id {"`},
		"named fragment":   {head + `type Query @join__type(graph: A) { a: Int } type T @join__type(graph: A, key: "...F") { id: ID }`, "named fragment"},
		"unknown type":     {head + `type Query @join__type(graph: A) { a: Nope }`, "Nope"},
		"no query":         {strings.Replace(head, "{ query: Query }", "", 1) + `type T @join__type(graph: A) { a: Int }`, "no query root"},
		"all inaccessible": {head + `type Query @join__type(graph: A) { a: Int @hide }`, "public schema"},
	} {
		if _, err := supergraph.Parse(c.sdl); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func TestLive(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("..", "execute", "testdata", "live", "orders.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	sg, err := supergraph.Parse(string(archive.Files[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	l, ok := sg.Live("orderStatus")
	if !ok || l.Topic != "order-events" || l.Key != "orderId" || l.EntityField != "id" || l.TypeName != "Order" ||
		strings.Join(l.Types, ",") != "placed,paid" || strings.Join(l.Provides, ",") != "status,total" || l.Owner != "customer" || l.Version != "version" {
		t.Errorf("live is %+v", l)
	}
	if _, ok := sg.Live("plain"); ok {
		t.Error("plain is not live")
	}
	if sg.RootType(ast.Subscription) != "Subscription" {
		t.Error("no subscription root")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head + `type Query @join__type(graph: A) { a: Int }`)
	files, _ := filepath.Glob("../planner/testdata/*.txtar")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && len(txtar.Parse(data).Files) > 0 {
			f.Add(string(txtar.Parse(data).Files[0].Data))
		}
	}
	f.Fuzz(func(t *testing.T, sdl string) {
		sg, err := supergraph.Parse(sdl)
		if (sg == nil) == (err == nil) {
			t.Fatal("neither a supergraph nor an error")
		}
		if sg != nil && sg.APISDL() == "" {
			t.Fatal("no public schema")
		}
	})
}
