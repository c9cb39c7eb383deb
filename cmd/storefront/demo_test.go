package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"storefront/internal/demo"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
	"storefront/schema"
)

func TestExampleTabsAreOperationsOfOurs(t *testing.T) {
	sg, err := supergraph.Parse(schema.Supergraph)
	if err != nil {
		t.Fatal(err)
	}
	tabs, names := exampleTabs(), regexp.MustCompile(`(?m)^(?:query|mutation|subscription) (\w+)`)
	kinds := map[string]bool{}
	for _, tab := range tabs {
		found := names.FindAllStringSubmatch(tab.Query, -1)
		if len(found) == 0 {
			t.Errorf("no named operation in:\n%s", tab.Query)
		}
		for _, m := range found {
			kinds[strings.Fields(m[0])[0]] = true
			op, mistakes := operation.Prepare(sg, tab.Query, m[1], operation.DefaultLimits())
			if len(mistakes) > 0 {
				t.Errorf("%s: %v", m[1], mistakes)
				continue
			}
			if _, err := planner.Plan(sg, op); err != nil {
				t.Errorf("%s: %v", m[1], err)
			}
		}
		for _, text := range []string{tab.Variables, tab.Headers} {
			if text != "" && !json.Valid([]byte(text)) {
				t.Errorf("not JSON: %s", text)
			}
		}
	}
	if len(tabs) != 6 || !kinds["query"] || !kinds["mutation"] || !kinds["subscription"] {
		t.Errorf("%d tabs with %v", len(tabs), kinds)
	}
	skus := map[string]bool{}
	for _, p := range demo.New(func(key string) string { return key }).Products {
		for _, v := range p.Variants {
			skus[v.SKU] = true
		}
	}
	for _, m := range regexp.MustCompile(`sku: "([^"]+)"`).FindAllStringSubmatch(tabs[1].Query, -1) {
		if !skus[m[1]] {
			t.Errorf("the demo catalogue has no SKU %s", m[1])
		}
	}
}
