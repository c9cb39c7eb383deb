package execute_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

// shop is the supergraph of testdata/shop.txtar.
func shop(t testing.TB) *supergraph.Supergraph {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "shop.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	sg, err := supergraph.Parse(string(archive.Files[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

// planned is the plan of an operation.
func planned(t testing.TB, sg *supergraph.Supergraph, query string) *plan.Plan {
	t.Helper()
	op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
