package gateway

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"storefront/router/compose"
)

// TestRestrictionsAreBounded: an operation is planned once for each set of what callers lack, and kept for
// so many of them.
func TestRestrictionsAreBounded(t *testing.T) {
	var fields, query strings.Builder
	for i := range 8 {
		fmt.Fprintf(&fields, "f%d: Int @requiresScopes(scopes: [[\"s%d\"]])\n", i, i)
		fmt.Fprintf(&query, " f%d", i)
	}
	g := composed(t, compose.Subgraph{Name: "a", SDL: `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@requiresScopes"])
type Query { open: Int ` + fields.String() + ` }`})
	permitted := func(query string, scopes ...string) *prepared {
		p, f := g.edition.Load().prepare(query, "", nil)
		if f == nil {
			p, f = g.permit(context.Background(), &caller{id: &Identity{Scopes: scopes}}, p)
		}
		if f != nil {
			t.Fatal(f.errors)
		}
		return p
	}
	all := "{ open" + query.String() + " }"
	if permitted(all, "s1", "other") != permitted(all, "s1") {
		t.Error("a scope that the operation does not ask for makes another plan")
	}
	if permitted(all, "s1") == permitted(all, "s2") {
		t.Error("callers with other rights get the same plan")
	}
	if p, _ := g.edition.Load().prepare("{ open f0 }", "", nil); permitted("{ open f0 }", "s0") != p {
		t.Error("who lacks nothing does not get the operation as it is")
	}
	base, _ := g.edition.Load().prepare(all, "", nil)
	for set := range 1 << 8 {
		var scopes []string
		for i := range 8 {
			if set>>i&1 == 1 {
				scopes = append(scopes, fmt.Sprintf("s%d", i))
			}
		}
		permitted(all, scopes...)
		if n := len(base.restrictions.byKey); n > maxRestrictions {
			t.Fatalf("%d are kept", n)
		} else if want := 9 * (1 + n); base.size != want {
			t.Fatalf("%d are kept, and counted as %d fields, not %d", n, base.size, want)
		}
	}
}
