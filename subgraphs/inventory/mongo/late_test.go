package mongo_test

import (
	"context"
	"testing"

	"storefront/internal/outbox"
	"storefront/subgraphs/inventory"
)

// TestTwoHandlersOfOneOrder: one of them is slow, before or after it holds, and the order goes on meanwhile. No
// unit stays held for nobody, and none is sold twice or not at all.
func TestTwoHandlersOfOneOrder(t *testing.T) {
	reserved := reserve("cup", 2, "pot", 2)
	restocked := func(s *shop, ctx context.Context) error {
		_, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "pot", Delta: 5}}, "received", "more-pots")
		return err
	}
	decided := func(r *inventory.Reservation) ([]outbox.Event, error) {
		if r.Status == inventory.Reserved {
			r.Step, r.Reason, r.ExpiresAt = "RELEASE", inventory.Expired, nil
		}
		if r.Status == inventory.Confirmed {
			r.Step = "COMMIT"
		}
		return nil, nil
	}
	// halfway is a step of another instance that has changed the stock and not yet said so.
	halfway := func(s *shop, ctx context.Context) error {
		r, err := s.store.UpdateReservation(ctx, "ord_1", decided)
		if err != nil {
			return err
		}
		if r.Step == "COMMIT" {
			_, err = s.store.Commit(ctx, "ord_1", r.Lines)
			return err
		}
		return s.store.Release(ctx, "ord_1", []string{"cup", "pot"})
	}
	// said is that the other instance says it now.
	said := func(s *shop, ctx context.Context) error {
		_, err := s.store.UpdateReservation(ctx, "ord_1", func(r *inventory.Reservation) ([]outbox.Event, error) {
			if r.Step == "RELEASE" {
				r.Status, r.Step = inventory.Released, ""
			}
			return nil, nil
		})
		return err
	}
	confirm := func(s *shop, ctx context.Context) error { return s.Confirm(ctx, "ord_1") }
	for name, tt := range map[string]struct {
		pots          int
		before, after steps // the slow one holds
		then          steps
		status        inventory.ReservationStatus
		cups, rest    [2]int // available and on hand, of cups and of pots
	}{
		"reserved":                    {5, steps{reserved}, nil, nil, inventory.Reserved, [2]int{8, 10}, [2]int{3, 5}},
		"sold":                        {5, steps{reserved, sell}, nil, nil, inventory.Committed, [2]int{8, 8}, [2]int{3, 3}},
		"cancelled":                   {5, steps{reserved, cancel}, nil, nil, inventory.Released, [2]int{10, 10}, [2]int{5, 5}},
		"sold and cancelled":          {5, steps{reserved, sell, cancel}, nil, nil, inventory.Released, [2]int{10, 10}, [2]int{5, 5}},
		"sold, halfway":               {5, steps{reserved, confirm, halfway}, nil, nil, inventory.Committed, [2]int{8, 8}, [2]int{3, 3}},
		"released, halfway":           {5, steps{reserved, halfway}, nil, steps{said}, inventory.Released, [2]int{10, 10}, [2]int{5, 5}},
		"short for the slow one only": {0, nil, steps{restocked, reserved}, steps{sell}, inventory.Committed, [2]int{8, 8}, [2]int{3, 3}},
		"short for the other only":    {0, steps{reserved, restocked}, nil, nil, inventory.Rejected, [2]int{10, 10}, [2]int{5, 5}},
		"short for both":              {0, nil, steps{reserved}, nil, inventory.Rejected, [2]int{10, 10}, [2]int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newShop(t)
			s.stock(t, ctx, "cup", 10)
			if tt.pots > 0 {
				s.stock(t, ctx, "pot", tt.pots)
			}
			slow := s.over(&hooked{Store: s.store, before: func() { tt.before.run(t, s, ctx) }, after: func() { tt.after.run(t, s, ctx) }})
			if err := slow.Reserve(ctx, placed("ord_1", "cup", 2, "pot", 2)); err != nil {
				t.Fatal(err)
			}
			tt.then.run(t, s, ctx)
			if err := s.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			if got := s.status(t, ctx, "ord_1"); got != tt.status {
				t.Errorf("the order is %s, want %s", got, tt.status)
			}
			s.expect(t, ctx, "cup", tt.cups[0], tt.cups[1])
			s.expect(t, ctx, "pot", tt.rest[0], tt.rest[1])
		})
	}
}
