package supergraph_test

import (
	"testing"
	"time"

	"storefront/router/supergraph"
)

// Other compositions write a composed directive without the subgraphs that say it.
func TestCachingWithoutSubgraphs(t *testing.T) {
	sg, err := supergraph.Parse(head + `
extend schema @link(url: "https://storefront.dev/cache/v1.0", import: ["@cacheControl", "@cacheInvalidate"])
directive @cacheControl(maxAge: Int, scope: String, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT
directive @cacheInvalidate(topic: String!, types: [String!], event: [String!], key: String! = "id") repeatable on FIELD_DEFINITION | OBJECT
type Query @join__type(graph: A) { thing: Thing @cacheControl(maxAge: 5) }
type Thing @join__type(graph: A, key: "id") @join__type(graph: B, key: "id") @cacheControl(maxAge: 60) @cacheInvalidate(topic: "things") {
  id: ID!
  size: Size @join__field(graph: B)
}
type Size @join__type(graph: A) @join__type(graph: B) @cacheControl(inheritMaxAge: true) { x: Int }
`)
	if err != nil {
		t.Fatal(err)
	}
	if h := sg.CacheHint(0, "Query", "thing"); h.MaxAge != 5*time.Second {
		t.Errorf("a field of one subgraph may be kept %s", h.MaxAge)
	}
	for g, name := range []string{"A", "B"} {
		if h := sg.CacheHint(g, "Thing", ""); h.Given {
			t.Errorf("what %s answers may be kept %s, though it may be another's word", name, h.MaxAge)
		}
		if h := sg.CacheHint(g, "Size", ""); !h.Inherits {
			t.Errorf("a value of %s does not live as long as what is around it", name)
		}
		if rules := sg.CacheRules(g, "Thing", ""); len(rules) != 1 || rules[0].Topic != "things" {
			t.Errorf("what ends the life of what %s answers: %v", name, rules)
		}
	}
}
