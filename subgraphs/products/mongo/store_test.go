package mongo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
	"storefront/internal/outbox"
	"storefront/loaders/page"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/mongo"
)

func newStore(t *testing.T) *mongo.Store {
	t.Helper()
	s, err := mongo.New(t.Context(), mongotest.Database(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func product(n int, status products.Status, skus ...string) *products.Product {
	p := &products.Product{ID: fmt.Sprintf("prd_%d", n), Handle: fmt.Sprintf("p-%d", n), Status: status, Collections: []string{"all"}}
	for _, sku := range skus {
		p.Variants = append(p.Variants, products.Variant{ID: products.VariantID(sku), SKU: sku, ProductID: p.ID})
	}
	return p
}

func TestHandlesAndSKUsAreUnique(t *testing.T) {
	s := newStore(t)
	insert := func(p *products.Product) error {
		return s.InsertProduct(t.Context(), p, events.ProductChanged{ID: p.ID})
	}
	if err := insert(product(1, products.Active, "A", "B")); err != nil {
		t.Fatal(err)
	}
	same := product(2, products.Active, "C")
	same.Handle = "p-1"
	if err := insert(same); !errors.Is(err, products.ErrHandleTaken) {
		t.Errorf("the same handle: %v", err)
	}
	if err := insert(product(3, products.Active, "D", "B")); !errors.Is(err, products.ErrSKUTaken) {
		t.Errorf("a SKU of another product: %v", err)
	}
	if err := insert(product(4, products.Active, "D")); err != nil {
		t.Fatal(err)
	}
	_, err := s.UpdateProduct(t.Context(), "prd_4", func(p *products.Product) ([]outbox.Event, error) {
		p.Variants[0].SKU = "A"
		return nil, nil
	})
	if !errors.Is(err, products.ErrSKUTaken) {
		t.Errorf("a SKU of another product by update: %v", err)
	}
	if _, err := s.UpdateProduct(t.Context(), "prd_none", nil); !errs.Is(err, errs.NotFound) {
		t.Errorf("no such product: %v", err)
	}
	ids, err := s.Outboxes()[0].Pending(t.Context(), time.Now().Add(time.Minute), 10)
	if err != nil || len(ids) != 2 {
		t.Errorf("outbox: %v, %v; want the events of the two that were written", ids, err)
	}
}

func TestReadsByKey(t *testing.T) {
	s := newStore(t)
	for n, skus := range [][]string{{"A", "B"}, {"C"}} {
		if err := s.InsertProduct(t.Context(), product(n, products.Active, skus...)); err != nil {
			t.Fatal(err)
		}
	}
	bySKU, err := s.ProductsBySKU(t.Context(), []string{"C", "B", "A", "none"})
	if err != nil || len(bySKU) != 3 || bySKU["A"].ID != "prd_0" || bySKU["B"].ID != "prd_0" || bySKU["C"].ID != "prd_1" {
		t.Errorf("by SKU: %v, %v", bySKU, err)
	}
	byVariant, err := s.ProductsByVariant(t.Context(), []string{products.VariantID("C"), "none"})
	if err != nil || len(byVariant) != 1 || byVariant[products.VariantID("C")].ID != "prd_1" {
		t.Errorf("by variant: %v, %v", byVariant, err)
	}
	byHandle, err := s.ProductsByHandle(t.Context(), []string{"p-1"})
	if err != nil || byHandle["p-1"].ID != "prd_1" {
		t.Errorf("by handle: %v, %v", byHandle, err)
	}
}

func TestPages(t *testing.T) {
	s := newStore(t)
	for n := range 7 {
		status := products.Active
		if n == 3 {
			status = products.Draft
		}
		if err := s.InsertProduct(t.Context(), product(n, status, fmt.Sprint("S", n))); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(f products.ListFilter, w page.Window) string {
		t.Helper()
		list, err := s.ListProducts(t.Context(), f, w)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, p := range list {
			b.WriteString(p.ID[4:])
		}
		return b.String()
	}
	active := products.ListFilter{Status: products.Active, Collection: "all"}
	for _, c := range []struct {
		f    products.ListFilter
		w    page.Window
		want string
	}{
		{products.ListFilter{}, page.Window{Size: 3}, "0123"},
		{active, page.Window{Size: 3}, "0124"},
		{active, page.Window{Size: 3, Cursor: []string{"prd_2"}}, "456"},
		{active, page.Window{Size: 2, Backward: true}, "654"},
		{active, page.Window{Size: 2, Backward: true, Cursor: []string{"prd_4"}}, "210"},
		{products.ListFilter{Collection: "none"}, page.Window{Size: 2}, ""},
	} {
		if got := ids(c.f, c.w); got != c.want {
			t.Errorf("%+v %+v: %q, want %q", c.f, c.w, got, c.want)
		}
	}
}

func TestACollectionIsMadeOnce(t *testing.T) {
	s := newStore(t)
	for round, want := range []bool{true, false} {
		made, err := s.InsertCollection(t.Context(), &products.Collection{ID: products.CollectionID("sale"), Handle: "sale", Title: fmt.Sprint("Sale ", round)})
		if err != nil || made != want {
			t.Errorf("round %d: %v, %v", round, made, err)
		}
	}
	list, err := s.ListCollections(t.Context(), page.Window{Size: 5})
	if err != nil || len(list) != 1 || list[0].Title != "Sale 0" {
		t.Errorf("collections: %v, %v", list, err)
	}
}
