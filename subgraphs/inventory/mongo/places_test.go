package mongo_test

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"storefront/events"
	"storefront/subgraphs/inventory"
)

// spread puts units of a SKU into several warehouses.
func (s *shop) spread(t *testing.T, ctx context.Context, sku string, units map[string]int) {
	t.Helper()
	for w, n := range units {
		if w != inventory.DefaultWarehouse {
			if _, err := s.CreateWarehouse(ctx, inventory.Warehouse{ID: w, Name: w, Country: "DE"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: sku, Warehouse: &w, Delta: n}}, "received", "stock-"+sku); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *shop) levels(t *testing.T, ctx context.Context, sku string, want map[string]int) {
	t.Helper()
	items, err := s.Items(ctx, []string{sku})
	if err != nil {
		t.Fatal(err)
	}
	item := items[sku]
	maps.DeleteFunc(item.Levels, func(_ string, n int) bool { return n == 0 })
	if !maps.Equal(item.Levels, want) || item.Available != item.OnHand()-item.Reserved() || len(item.Taken) > 0 {
		t.Errorf("%s lies in %v, %d available, %d held, sales to note %v; want %v", sku, item.Levels, item.Available, item.Reserved(), item.Taken, want)
	}
}

type steps []func(*shop, context.Context) error

func (list steps) run(t *testing.T, s *shop, ctx context.Context) {
	t.Helper()
	for i, step := range list {
		for range 2 { // each is heard twice
			if err := step(s, ctx); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
}

func reserve(lines ...any) func(*shop, context.Context) error {
	return func(s *shop, ctx context.Context) error { return s.Reserve(ctx, placed("ord_1", lines...)) }
}

func sell(s *shop, ctx context.Context) error {
	if err := s.Confirm(ctx, "ord_1"); err != nil {
		return err
	}
	return s.Commit(ctx, "ord_1")
}

func cancel(s *shop, ctx context.Context) error { return s.Cancel(ctx, "ord_1", "usr_1") }

func comesBack(id string, quantity int) func(*shop, context.Context) error {
	return func(s *shop, ctx context.Context) error {
		return s.Return(ctx, events.OrderLinesReturned{ID: "ord_1", ReturnID: id, Lines: []events.Line{{SKU: "cup", Quantity: quantity}}})
	}
}

// TestUnitsGoBackWhereTheyWereTaken: whatever takes a sale back, wholly or in parts, each warehouse has again
// what it had.
func TestUnitsGoBackWhereTheyWereTaken(t *testing.T) {
	had := map[string]int{"main": 2, "north": 5, "south": 1}
	for name, tt := range map[string]struct {
		steps steps
		want  map[string]int
	}{
		"sold":                         {steps{reserve("cup", 6), sell}, map[string]int{"north": 1, "south": 1}},
		"cancelled":                    {steps{reserve("cup", 6), sell, cancel}, had},
		"all of all":                   {steps{reserve("cup", 8), sell, cancel}, had},
		"cancelled unpaid":             {steps{reserve("cup", 6), cancel}, had},
		"not paid":                     {steps{reserve("cup", 6), func(s *shop, ctx context.Context) error { return s.FailPayment(ctx, "ord_1") }}, had},
		"in parts":                     {steps{reserve("cup", 6), sell, comesBack("ret_1", 1), comesBack("ret_2", 2)}, map[string]int{"main": 2, "north": 2, "south": 1}},
		"all in parts":                 {steps{reserve("cup", 6), sell, comesBack("ret_1", 1), comesBack("ret_2", 2), comesBack("ret_3", 3)}, had},
		"a part, then cancelled":       {steps{reserve("cup", 6), sell, comesBack("ret_1", 3), cancel}, had},
		"heard before the sale":        {steps{reserve("cup", 6), comesBack("ret_1", 1), comesBack("ret_2", 5), sell}, had},
		"one before, one after it":     {steps{reserve("cup", 6), comesBack("ret_1", 4), sell, comesBack("ret_2", 2)}, had},
		"sold from elsewhere, retaken": {steps{reserve("cup", 6), sell, cancel, func(s *shop, ctx context.Context) error { return s.Sweep(ctx) }}, had},
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newShop(t)
			s.spread(t, ctx, "cup", had)
			tt.steps.run(t, s, ctx)
			s.levels(t, ctx, "cup", tt.want)
		})
	}
}

// TestSalesThatDoNotSayWhereFrom: what was sold before that was noted goes into the default warehouse.
func TestSalesThatDoNotSayWhereFrom(t *testing.T) {
	s, ctx := newShop(t)
	s.spread(t, ctx, "cup", map[string]int{"main": 1, "north": 5})
	steps{reserve("cup", 4), sell}.run(t, s, ctx)
	if _, err := s.db.Collection("reservations").UpdateOne(ctx, bson.D{{Key: "_id", Value: "ord_1"}},
		bson.D{{Key: "$unset", Value: bson.D{{Key: "lines.0.from", Value: ""}}}}); err != nil {
		t.Fatal(err)
	}
	steps{comesBack("ret_1", 1), cancel}.run(t, s, ctx)
	s.levels(t, ctx, "cup", map[string]int{"main": 4, "north": 2})
}

// TestSaleThatIsCutOffIsNotForgotten: wherever a process ends while it sells, another one that goes on knows where
// the goods came from, and sells once.
func TestSaleThatIsCutOffIsNotForgotten(t *testing.T) {
	for _, at := range []string{"before the stock", "after the stock", "at the very end"} {
		t.Run(at, func(t *testing.T) {
			s, ctx := newShop(t)
			had := map[string]int{"main": 1, "north": 5}
			s.spread(t, ctx, "cup", had)
			steps{reserve("cup", 4)}.run(t, s, ctx)
			dying := s.over(&hooked{Store: s.store, commit: func(do func() error) error {
				if at == "after the stock" {
					if err := do(); err != nil {
						return err
					}
				}
				if at == "at the very end" {
					return do()
				}
				return fmt.Errorf("killed")
			}, forget: func() error { return fmt.Errorf("killed") }})
			if err := dying.Commit(ctx, "ord_1"); err == nil {
				t.Fatal("it was to be cut off")
			}
			if err := s.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			steps{sell}.run(t, s, ctx) // is heard again
			s.levels(t, ctx, "cup", map[string]int{"north": 2})
			steps{cancel}.run(t, s, ctx)
			s.levels(t, ctx, "cup", had)
		})
	}
}
