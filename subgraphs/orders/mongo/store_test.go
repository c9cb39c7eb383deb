package mongo_test

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/orders/mongo"
)

func newStore(t *testing.T) *mongo.Store {
	s, err := mongo.New(t.Context(), mongotest.Database(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOrderIsUniqueByKeyAndByCart(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	first := orders.Order{ID: "ord_1", Owner: "usr_1", IdempotencyKey: "k1", CartID: "crt_1"}
	if err := s.InsertOrder(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]orders.Order{
		"key":  {ID: "ord_2", Owner: "usr_1", IdempotencyKey: "k1", CartID: "crt_2"},
		"cart": {ID: "ord_3", Owner: "usr_2", IdempotencyKey: "k1", CartID: "crt_1"},
	} {
		if err := s.InsertOrder(t.Context(), &o); !errors.Is(err, orders.ErrExists) {
			t.Errorf("a second order with the same %s gave %v, want ErrExists", name, err)
		}
	}
	if err := s.InsertOrder(t.Context(), &orders.Order{ID: "ord_4", Owner: "usr_2", IdempotencyKey: "k1", CartID: "crt_4"}); err != nil {
		t.Errorf("another person's order with the same key: %v", err)
	}
}

func TestDiscountIsHeldAsOftenAsAllowed(t *testing.T) {
	t.Parallel()
	s, ctx, limit := newStore(t), t.Context(), 5
	if err := s.InsertDiscount(ctx, &orders.Discount{Code: "FIVE", UsageLimit: &limit}); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertDiscount(ctx, &orders.Discount{Code: "FIVE"}); !errors.Is(err, orders.ErrExists) {
		t.Errorf("the code again: %v, want ErrExists", err)
	}
	var held atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 { // 20 carts, each twice
		wg.Go(func() {
			ok, err := s.HoldDiscount(ctx, "FIVE", fmt.Sprint("crt_", i%20), time.Now())
			if err != nil {
				t.Error(err)
			}
			if ok {
				held.Add(1)
			}
		})
	}
	wg.Wait()
	used := func() int {
		found, err := s.Discounts(ctx, []string{"FIVE"})
		if err != nil {
			t.Fatal(err)
		}
		return found["FIVE"].Used
	}
	if used() != limit || held.Load() < int32(limit) || held.Load() > 2*int32(limit) {
		t.Errorf("%d uses are counted for %d calls that were told yes; want %d uses", used(), held.Load(), limit)
	}
	holds, err := s.HeldDiscounts(ctx, time.Now().Add(time.Hour), 10)
	if err != nil || len(holds) != limit {
		t.Fatalf("%d holds, %v; want %d", len(holds), err, limit)
	}
	for range 2 {
		if err := errors.Join(s.ReleaseDiscount(ctx, "FIVE", holds[0].CartID), s.SettleDiscount(ctx, "FIVE", holds[1].CartID)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.ConfirmDiscount(ctx, "FIVE", holds[2].CartID); err != nil {
		t.Fatal(err)
	}
	if left, err := s.HeldDiscounts(ctx, time.Now().Add(time.Hour), 10); err != nil || len(left) != limit-3 {
		t.Errorf("%d holds are left, %v; want %d", len(left), err, limit-3)
	}
	if used() != limit-1 {
		t.Errorf("%d uses after one was given back and one settled, each twice; want %d", used(), limit-1)
	}
}

// TestPricesInAnyOrder: the newest version of a product counts, whichever comes last.
func TestPricesInAnyOrder(t *testing.T) {
	t.Parallel()
	s, ctx := newStore(t), t.Context()
	service := orders.New(orders.Config{Store: s, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	at := func(version int, price int64, skus ...string) events.ProductChanged {
		e := events.ProductChanged{ID: "prd_1", Title: "Tea", Status: "ACTIVE", Version: version, Stamp: events.Stamp{At: time.Unix(int64(version), 0)}}
		for _, sku := range skus {
			e.Variants = append(e.Variants, events.ProductVariant{SKU: sku, Title: sku, Prices: []events.Money{{Amount: price, Currency: "EUR"}}})
		}
		return e
	}
	third := at(3, 300, "A")
	third.Removed = []string{"B"}
	for _, e := range []events.ProductChanged{at(2, 200, "A", "B"), third, at(1, 100, "A", "B"), at(2, 200, "A", "B"), third} {
		if err := service.ProductChanged(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	prices, err := s.Prices(ctx, []string{"A", "B", "C"})
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := prices["A"].In("EUR"); !ok || p.Amount != 300 || prices["A"].Title != "Tea – A" {
		t.Errorf("A: %+v", prices["A"])
	}
	if prices["B"].Known() || prices["C"].Known() {
		t.Errorf("removed and unknown SKUs are known: %+v", prices)
	}
	// The SKU goes to another product, whose versions count for themselves.
	moved := at(1, 900, "B")
	moved.ID, moved.At = "prd_2", time.Unix(10, 0)
	if err := errors.Join(service.ProductChanged(ctx, moved), service.ProductChanged(ctx, third)); err != nil {
		t.Fatal(err)
	}
	if prices, err = s.Prices(ctx, []string{"B"}); err != nil || prices["B"].ProductID != "prd_2" || !prices["B"].ForSale() {
		t.Errorf("B after it moved: %+v %v", prices["B"], err)
	}
}
