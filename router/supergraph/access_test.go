package supergraph_test

import (
	"strings"
	"testing"

	"storefront/router/supergraph"
)

const accessLinks = `
extend schema @link(url: "https://specs.apollo.dev/authenticated/v0.1", as: "auth", for: SECURITY)
  @link(url: "https://specs.apollo.dev/requiresScopes/v0.1", for: SECURITY) @link(url: "https://specs.apollo.dev/policy/v0.1", for: SECURITY)
directive @auth on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[requiresScopes__Scope!]!]!) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @policy(policies: [[policy__Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
scalar requiresScopes__Scope
scalar policy__Policy
`

func TestAccess(t *testing.T) {
	sg, err := supergraph.Parse(head + accessLinks + `
type Query @join__type(graph: A) {
  open: Int
  member: Int @auth
  mail: Int @requiresScopes(scopes: [["a", "b"], ["c"]])
  twice: Int @requiresScopes(scopes: [["a"], ["b"]]) @requiresScopes(scopes: [["c"]])
  nobody: Int @requiresScopes(scopes: [])
  adult: Int @auth @policy(policies: [["adult"]])
}
scalar Hidden @join__type(graph: A) @auth
`)
	if err != nil {
		t.Fatal(err)
	}
	if !sg.Guarded() {
		t.Error("nothing asks for rights")
	}
	if strings.Contains(sg.APISDL(), "@auth") || strings.Contains(sg.APISDL(), "Scope") {
		t.Errorf("clients see who may see what:\n%s", sg.APISDL())
	}
	if sg.Type("Hidden").Access.Granted(supergraph.Rights{}) {
		t.Error("a scalar's directive asks for nothing")
	}
	for _, c := range []struct {
		rights supergraph.Rights
		want   string // fields that are granted
	}{
		{supergraph.Rights{}, "open"},
		{supergraph.Rights{Authenticated: true}, "open member"},
		{supergraph.Rights{Scopes: []string{"a"}}, "open"},
		{supergraph.Rights{Scopes: []string{"b", "a"}}, "open mail"},
		{supergraph.Rights{Scopes: []string{"b", "c"}}, "open mail twice"},
		{supergraph.Rights{Policies: []string{"adult"}}, "open"},
		{supergraph.Rights{Authenticated: true, Policies: []string{"adult"}}, "open member adult"},
	} {
		var got []string
		for _, f := range sg.Type("Query").Fields() {
			if f.Access.Granted(c.rights) {
				got = append(got, f.Name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v are granted %q, want %q", c.rights, got, c.want)
		}
	}
}

// A router that does not know of a protection must not serve what is to be protected by it.
func TestUnknownSecurity(t *testing.T) {
	const rest = `
type Query @join__type(graph: A) { open: Int }`
	for _, c := range []struct{ link, want string }{
		{`extend schema @link(url: "https://example.com/shield/v1.0", for: SECURITY)`, "links https://example.com/shield/v1.0 for SECURITY, which this router does not enforce"},
		{`extend schema @link(url: "https://example.com/shield/v1.0")`, ""},
	} {
		_, err := supergraph.Parse(head + c.link + rest)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.link, err)
		}
	}
}
