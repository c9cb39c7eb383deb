package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"storefront/router/compose"
	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
	"storefront/schema"
)

var readmeQuery = regexp.MustCompile(`\{"query": "((?:[^"\\]|\\.)*)"`)

// TestCostOfOurOperations: what our documents and measurements ask for stays far below the limit that is on
// by default.
func TestCostOfOurOperations(t *testing.T) {
	shop, err := supergraph.Parse(schema.Supergraph)
	if err != nil {
		t.Fatal(err)
	}
	limits := operation.DefaultLimits()
	check := func(sg *supergraph.Supergraph, what, query string) {
		t.Helper()
		op, errs := operation.Prepare(sg, query, "", limits)
		if errs != nil {
			t.Fatalf("%s: %v", what, errs)
		}
		cost, errs := op.Cost(nil)
		if errs != nil || cost < 1 || cost > limits.MaxCost/10 {
			t.Errorf("%s costs %d (%v) of %d allowed", what, cost, errs, limits.MaxCost)
		}
		t.Logf("%7d  %s", cost, strings.Join(strings.Fields(query), " "))
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := readmeQuery.FindAllSubmatch(readme, -1)
	if len(found) < 8 {
		t.Fatalf("only %d operations in README.md", len(found))
	}
	for _, m := range found {
		var query string
		if err := json.Unmarshal([]byte(`"`+string(m[1])+`"`), &query); err != nil {
			t.Fatal(err)
		}
		check(shop, "README.md", query)
	}
	bench := benchGraph(t)
	files, err := filepath.Glob("../../bench/federation/graph/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no operations to measure: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check(bench, filepath.Base(file), string(text))
	}
}

// usualIntrospection is what getIntrospectionQuery of graphql-js makes with all its options on, which GraphiQL, Apollo's
// tools and code generators send.
const usualIntrospection = `query IntrospectionQuery {
  __schema {
    description
    queryType { name kind }
    mutationType { name kind }
    subscriptionType { name kind }
    types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description specifiedByURL isOneOf
  fields(includeDeprecated: true) {
    name description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}`

// TestUsualIntrospectionIsFree: tools get the schema, whatever their clients may spend.
func TestUsualIntrospectionIsFree(t *testing.T) {
	sg, err := supergraph.Parse(schema.Supergraph)
	if err != nil {
		t.Fatal(err)
	}
	op, errs := operation.Prepare(sg, usualIntrospection, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	if cost, errs := op.Cost(nil); cost != 0 || errs != nil {
		t.Errorf("it costs %d (%v)", cost, errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
	e := execute.New(sg, nil, execute.Options{MaxResponseBytes: 2 << 20})
	r := e.Execute(t.Context(), e.Prepare(p), nil, nil)
	if len(r.Errors) > 0 || !strings.Contains(string(r.Data), `{"kind":"OBJECT","name":"Product","description"`) {
		t.Errorf("%d bytes, errors %v", len(r.Data), r.Errors)
	}
}

func benchGraph(t *testing.T) *supergraph.Supergraph {
	t.Helper()
	files, err := filepath.Glob("../../bench/federation/graph/*.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	var parts []compose.Subgraph
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, compose.Subgraph{Name: strings.TrimSuffix(filepath.Base(file), ".graphqls"), SDL: string(text)})
	}
	result, errs := compose.Compose(parts)
	if errs != nil {
		t.Fatal(errs)
	}
	sg, err := supergraph.Parse(result.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}
