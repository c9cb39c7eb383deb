package execute_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
)

// TestMemoryIsNotShared runs different operations again and again, many at once, and gives their memory
// back: each answers as it did the first time.
func TestMemoryIsNotShared(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "shop.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	type operations struct {
		plan *execute.Prepared
		want string
	}
	var list []operations
	for _, query := range []string{
		`{ topProducts { upc name price reviews { body author { name email } } } }`,
		`{ media { __typename id ... on Book { pages reviews { id } } ... on Film { minutes } } }`,
		`{ search(text: "a") { __typename ... on Product { name inStock } ... on Brand { country } } me { id name } }`,
		`{ __schema { types { name fields { name type { kind name ofType { name } } } } } __type(name: "User") { name } }`,
		`{ latestReviews { id body product { shippingEstimate } } }`,
	} {
		op, errs := operation.Prepare(h.sg, query, "", operation.DefaultLimits())
		if errs != nil {
			t.Fatal(errs)
		}
		p, err := planner.Plan(h.sg, op)
		if err != nil {
			t.Fatal(err)
		}
		prepared := h.executor.Prepare(p)
		r := h.executor.Execute(t.Context(), prepared, nil, nil)
		if len(r.Errors) > 0 || len(r.Data) < 20 {
			t.Fatalf("%s: %s, errors %v", query, r.Data, r.Errors)
		}
		list = append(list, operations{prepared, string(r.JSON())})
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				op := list[(g+i)%len(list)]
				r := h.executor.Execute(context.Background(), op.plan, nil, nil)
				if got := string(r.JSON()); got != op.want {
					t.Errorf("run %d of %d: got %s, want %s", i, g, got, op.want)
				}
				r.Release()
			}
		})
	}
	wg.Wait()
}
