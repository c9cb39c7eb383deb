package cache_test

import (
	"testing"

	"storefront/router/execute"
	"storefront/router/execute/cache"
)

// What is read of an interface is as private, and as short-lived, as its objects' own types say.
func TestInterfaces(t *testing.T) {
	sg := composed(t, `
type Query { named(of: String!): [Named!]! }
type Named @key(fields: "id") @interfaceObject { id: ID! }`, `
type Query { top: Named @cacheControl(maxAge: 60) }
interface Named @key(fields: "id") @cacheControl(maxAge: 60) { id: ID! version: Int }
type Thing implements Named @key(fields: "id") @cacheControl(maxAge: 60, scope: PRIVATE) @cacheInvalidate(topic: "things", types: ["changed"]) { id: ID! version: Int }`)
	s := newShelf()
	r := newRouterOf(t, sg, s, cache.Config{})
	ada, ben := execute.Scope{Public: "de", Private: "ada"}, execute.Scope{Public: "de", Private: "ben"}
	for i, step := range []struct {
		query   string
		scope   execute.Scope
		changed string
		asked   string
	}{
		{`{ top { id version } }`, ada, "", "top"},
		{`{ top { id version } }`, ada, "b", ""},
		{`{ top { id version } }`, ada, "a", "top"},
		{`{ named(of: "a,c") { id version } }`, ada, "", "a c"},
		{`{ named(of: "a,c") { id version } }`, ben, "", "a c"},
		{`{ named(of: "a,c") { id version } }`, ben, "", ""},
		{`{ named(of: "a,c") { id version } }`, ben, "c", "c"},
	} {
		if step.changed != "" {
			r.changed(step.changed)
		}
		r.run(step.query, step.scope)
		if asked := s.took(); asked != step.asked {
			t.Errorf("step %d: asked for %q, want %q", i, asked, step.asked)
		}
	}
}
