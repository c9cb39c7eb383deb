package search

import (
	"testing"

	"storefront/events"
)

// Events of different products and topics come in any order; what the index makes of them is the same. A SKU
// that two products have is in stock for both, whoever was heard of first.
func TestStockComesInAnyOrder(t *testing.T) {
	t.Parallel()
	put := func(id string, version int, skus ...string) func(*Index) {
		e := events.ProductChanged{ID: id, Title: id, Status: active, Version: version}
		for _, sku := range skus {
			e.Variants = append(e.Variants, events.ProductVariant{SKU: sku})
		}
		return func(x *Index) { x.Put(e) }
	}
	told := []func(*Index){
		put("prd_a", 1, "CUP"), put("prd_b", 1, "CUP"), put("prd_c", 1, "CUP"), put("prd_c", 2, "POT"),
		func(x *Index) { x.Stock(events.StockLevelChanged{SKU: "CUP", Available: 3, Version: 1}) },
	}
	orders := 0
	var permute func(done []int)
	permute = func(done []int) {
		if len(done) < len(told) {
			for i := range told {
				used := false
				for _, d := range done {
					used = used || d == i
				}
				if !used {
					permute(append(done[:len(done):len(done)], i))
				}
			}
			return
		}
		orders++
		x, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		for _, i := range done {
			told[i](x)
		}
		for id, want := range map[string]bool{"prd_a": true, "prd_b": true, "prd_c": false} {
			if got := x.state.products[id].inStock; got != want {
				t.Errorf("in the order %v: %s in stock: %v, want %v", done, id, got, want)
			}
		}
	}
	permute(nil)
	if orders != 120 {
		t.Errorf("%d orders, want 120", orders)
	}
}
