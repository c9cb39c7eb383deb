package mongo_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driver "go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/errs"
	"storefront/internal/eventmeta"
	"storefront/internal/gql"
	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/internal/sku"
	"storefront/subgraphs/inventory"
	"storefront/subgraphs/inventory/mongo"
)

type shop struct {
	*inventory.Service
	store *mongo.Store
	db    *driver.Database
	clock atomic.Int64
}

func newShop(t *testing.T) (*shop, context.Context) {
	t.Parallel()
	s := &shop{db: mongotest.Database(t)}
	now := func() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }
	var err error
	if s.store, err = mongo.New(t.Context(), s.db, now); err != nil {
		t.Fatal(err)
	}
	s.Service = inventory.New(inventory.Config{Store: s.store, Now: now, Log: slog.New(slog.DiscardHandler)})
	return s, identity.With(t.Context(), identity.Identity{User: "usr_staff", Roles: []string{"staff"}})
}

func (s *shop) stock(t *testing.T, ctx context.Context, sku string, n int) {
	t.Helper()
	if _, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: sku, Delta: n}}, "received", "stock-"+sku); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) expect(t *testing.T, ctx context.Context, sku string, available, onHand int) {
	t.Helper()
	items, err := s.Items(ctx, []string{sku})
	if err != nil {
		t.Fatal(err)
	}
	if i := items[sku]; i.Available != available || i.OnHand() != onHand || i.Available != i.OnHand()-i.Reserved() {
		t.Errorf("%s: available %d on hand %d reserved %d, want %d and %d", sku, i.Available, i.OnHand(), i.Reserved(), available, onHand)
	}
}

func placed(id string, lines ...any) events.OrderPlaced {
	e := events.OrderPlaced{ID: id, Customer: "usr_1"}
	for i := 0; i < len(lines); i += 2 {
		e.Lines = append(e.Lines, events.OrderLine{SKU: lines[i].(string), Quantity: lines[i+1].(int)})
	}
	return e
}

func (s *shop) status(t *testing.T, ctx context.Context, id string) inventory.ReservationStatus {
	t.Helper()
	r, err := s.store.Reservation(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return r.Status
}

// TestMoreBuyersThanUnits: as many orders are reserved as there are units for, and never more while they
// all come at once.
func TestMoreBuyersThanUnits(t *testing.T) {
	for name, tt := range map[string]struct {
		buyers, units int
		lines         []any // of each order
		want          int   // orders
	}{
		"1,000 for the last one":                  {1000, 1, []any{"cup", 1}, 1},
		"10,000 for 100":                          {10_000, 100, []any{"cup", 1}, 100},
		"1,000 for 10, each on two lines":         {1000, 10, []any{"cup", 1, "cup", 1}, 5},
		"1,000 for 1 with another that is plenty": {1000, 1, []any{"pot", 1, "cup", 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newShop(t)
			s.stock(t, ctx, "cup", tt.units)
			s.stock(t, ctx, "pot", 100_000)
			var wg, watching sync.WaitGroup
			over := make(chan struct{})
			watching.Go(func() {
				for {
					items, err := s.Items(ctx, []string{"cup"})
					if i := items["cup"]; err != nil || i.Available < 0 || i.Reserved() > tt.units {
						t.Errorf("meanwhile %d are available and %d held (%v)", i.Available, i.Reserved(), err)
					}
					select {
					case <-over:
						return
					case <-time.After(5 * time.Millisecond):
					}
				}
			})
			gate := make(chan struct{}, 64)
			for i := range tt.buyers {
				gate <- struct{}{}
				wg.Go(func() {
					defer func() { <-gate }()
					if err := s.Reserve(ctx, placed(fmt.Sprintf("ord_%d", i), tt.lines...)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			close(over)
			watching.Wait()
			sums, err := s.store.Sums(ctx)
			if err != nil {
				t.Fatal(err)
			}
			count := map[inventory.ReservationStatus]int{}
			for _, status := range sums.Reservations {
				count[status]++
			}
			if count[inventory.Reserved] != tt.want || count[inventory.Rejected] != tt.buyers-tt.want {
				t.Errorf("%v, want %d reserved and the others rejected", count, tt.want)
			}
			if cup := sums.Items["cup"]; cup.OnHand != tt.units || cup.Available+cup.Held != tt.units || cup.Held != sums.Held["cup"] {
				t.Errorf("%d cups: %+v, orders hold %d", tt.units, cup, sums.Held["cup"])
			}
			if pot := sums.Items["pot"]; pot.Held != sums.Held["pot"] || pot.Available+pot.Held != pot.OnHand {
				t.Errorf("who was rejected still holds pots: %+v, orders hold %d", pot, sums.Held["pot"])
			}
		})
	}
}

// TestAbandonedReservations: who does not pay has the goods no longer than the time they are held for, and
// five seconds.
func TestAbandonedReservations(t *testing.T) {
	s, ctx := newShop(t)
	const orders, ttl = 500, 2 * time.Second
	service := inventory.New(inventory.Config{Store: s.store, Now: time.Now, Log: slog.New(slog.DiscardHandler), TTL: ttl})
	s.stock(t, ctx, "cup", orders)
	running, stop := context.WithCancel(ctx)
	var instances sync.WaitGroup
	for range 2 {
		instances.Go(func() { service.Run(running) })
	}
	defer instances.Wait()
	defer stop()
	gate := make(chan struct{}, 32)
	var wg sync.WaitGroup
	for i := range orders {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			if err := service.Reserve(ctx, placed(fmt.Sprintf("ord_%d", i), "cup", 1)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last := time.Now() // by then the last one is held
	for {
		items, err := service.Items(ctx, []string{"cup"})
		if err != nil {
			t.Fatal(err)
		}
		if items["cup"].Available == orders {
			break
		}
		if took := time.Since(last); took > ttl+5*time.Second {
			t.Fatalf("%s after the last reservation %d are still held", took, items["cup"].Reserved())
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("all %d are free %s after the last was held", orders, time.Since(last))
	if time.Since(last) < ttl-time.Second {
		t.Error("they were not held for as long as they should be")
	}
	ids := make([]string, orders)
	for i := range ids {
		ids[i] = fmt.Sprintf("ord_%d", i)
	}
	told := func() (missing string) { // an event is written a moment after the goods are free
		entries, err := s.store.Outboxes()[0].Load(ctx, ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			said := entries[id]
			if len(said) != 2 || said[1].Type != "storefront.inventory.stock_released" || !strings.Contains(string(said[1].Data), `"reason":"EXPIRED"`) {
				missing = fmt.Sprintf("%s: said %d things, want that it was reserved and that it expired, once", id, len(said))
			}
		}
		return missing
	}
	for missing := told(); missing != ""; missing = told() {
		if time.Since(last) > ttl+5*time.Second {
			t.Fatal(missing)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestOneWayThroughEveryStepTwice(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 10)
	s.stock(t, ctx, "pot", 10)
	twice := func(step string, f func() error) {
		t.Helper()
		for range 2 {
			if err := f(); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
		}
	}
	twice("stock", func() error {
		_, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "cup", Delta: 10}}, "received", "stock-cup")
		return err
	})
	twice("reserve", func() error { return s.Reserve(ctx, placed("ord_1", "cup", 3, "pot", 4)) })
	s.expect(t, ctx, "cup", 7, 10)
	twice("confirm", func() error { return s.Confirm(ctx, "ord_1") })
	twice("commit", func() error { return s.Commit(ctx, "ord_1") })
	s.expect(t, ctx, "cup", 7, 7)
	twice("return", func() error {
		return s.Return(ctx, events.OrderLinesReturned{ID: "ord_1", ReturnID: "ret_1", Lines: []events.Line{{SKU: "cup", Quantity: 1}}})
	})
	s.expect(t, ctx, "cup", 8, 8)
	twice("cancel", func() error { return s.Cancel(ctx, "ord_1", "usr_1") })
	s.expect(t, ctx, "cup", 10, 10)
	s.expect(t, ctx, "pot", 10, 10)
	if got := s.status(t, ctx, "ord_1"); got != inventory.Released {
		t.Errorf("status %s, want RELEASED", got)
	}
}

func TestReturnOfASKUInTwoLinesRestocksBoth(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 10)
	back := events.OrderLinesReturned{ID: "ord_1", ReturnID: "ret_1", Lines: []events.Line{{SKU: "cup", Quantity: 1}, {SKU: "cup", Quantity: 1}}}
	for _, step := range []func() error{
		func() error { return s.Reserve(ctx, placed("ord_1", "cup", 3)) },
		func() error { return s.Confirm(ctx, "ord_1") },
		func() error { return s.Commit(ctx, "ord_1") },
		func() error { return s.Return(ctx, back) },
		func() error { return s.Return(ctx, back) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	s.expect(t, ctx, "cup", 9, 9)
	if err := s.Cancel(ctx, "ord_1", "usr_1"); err != nil { // the one that is left
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 10, 10)
}

func TestReturnBeforeTheSaleIsCommittedWaits(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 10)
	back := events.OrderLinesReturned{ID: "ord_1", ReturnID: "ret_1", Lines: []events.Line{{SKU: "cup", Quantity: 2}}}
	for _, step := range []func() error{
		func() error { return s.Reserve(ctx, placed("ord_1", "cup", 3)) },
		func() error { return s.Confirm(ctx, "ord_1") },
		func() error { return s.Return(ctx, back) },
		func() error { return s.Return(ctx, back) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	s.expect(t, ctx, "cup", 7, 10)
	if err := s.Commit(ctx, "ord_1"); err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 9, 9)
	if err := s.Cancel(ctx, "ord_1", "usr_1"); err != nil { // the one that is left
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 10, 10)
}

func TestAdjustmentsThatTakeTooMuchAreNamed(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 5)
	for range 2 { // the second time changes nothing more
		_, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "pot", Delta: 3}, {SKU: "cup", Delta: -6}, {SKU: "pan", Delta: -1}}, "counted", "counting-1")
		userErrors, err := gql.UserErrors(err)
		if err != nil || len(userErrors) != 2 || userErrors[0].Field[1] != "1" || userErrors[1].Field[1] != "2" {
			t.Fatalf("%v, %v; want errors in lines 1 and 2", userErrors, err)
		}
		s.expect(t, ctx, "cup", 5, 5)
		s.expect(t, ctx, "pot", 3, 3)
	}
	if _, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "cup", Delta: 1}, {SKU: "cup", Delta: 2}}, "counted", "counting-2"); !errs.Is(err, errs.BadInput) {
		t.Errorf("one SKU twice: %v, want an error", err)
	}
	list, err := s.Adjustments(ctx, "cup", 10)
	if err != nil || len(list) != 1 {
		t.Errorf("the cup's adjustments are %v, %v; want the first only", list, err)
	}
}

// A key stands for what it was first used for. Used for something else it changes nothing, and says so; that is so
// as well for one of two at the same time.
func TestAdjustmentsOfAUsedKeyAreRefused(t *testing.T) {
	s, ctx := newShop(t)
	for _, round := range []struct{ cup, pot int }{{3, 5}, {4, 5}, {-1, 5}} {
		_, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "pot", Delta: round.pot}, {SKU: "cup", Delta: round.cup}}, "counted", "counting-1")
		if userErrors, rest := gql.UserErrors(err); round.cup == 3 && err != nil || round.cup != 3 &&
			(rest != nil || len(userErrors) != 1 || userErrors[0].Code != "CONFLICT" || fmt.Sprint(userErrors[0].Field) != "[adjustments 1 delta]") {
			t.Errorf("%d cups: %v, want a conflict in line 1 for all but the first", round.cup, err)
		}
		s.expect(t, ctx, "cup", 3, 3)
		s.expect(t, ctx, "pot", 5, 5)
	}
	errors := make(chan error)
	for n := range 8 {
		go func() {
			_, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "pan", Delta: n + 1}}, "counted", "counting-2")
			errors <- err
		}()
	}
	done := 0
	for range 8 {
		if err := <-errors; err == nil {
			done++
		} else if !errs.Is(err, errs.Conflict) {
			t.Error(err)
		}
	}
	list, err := s.Adjustments(ctx, "pan", 10)
	if done != 1 || err != nil || len(list) != 1 {
		t.Fatalf("%d of 8 were done; the adjustments are %v, %v; want one", done, list, err)
	}
	s.expect(t, ctx, "pan", list[0].Delta, list[0].Delta)
}

// TestAdjustTakesSKUsThatProductsHas, and no others.
func TestAdjustTakesSKUsThatProductsHas(t *testing.T) {
	s, ctx := newShop(t)
	longest := strings.Repeat("ü", sku.Max/2)
	s.stock(t, ctx, longest, 5)
	s.expect(t, ctx, longest, 5, 5)
	for _, wrong := range []string{"", longest + "x", " cup", "cup  red", "cup\tred"} {
		_, err := s.Adjust(ctx, []inventory.StockAdjustInput{{SKU: "cup", Delta: 1}, {SKU: wrong, Delta: 1}}, "received", "wrong-one")
		if userErrors, rest := gql.UserErrors(err); rest != nil || len(userErrors) != 1 || fmt.Sprint(userErrors[0].Field) != "[adjustments 1 sku]" {
			t.Errorf("%q: %v, want an error at the SKU of line 1", wrong, err)
		}
	}
	if items, err := s.Items(ctx, []string{"cup"}); err != nil || len(items) > 0 {
		t.Errorf("what was refused left %v (%v)", items, err)
	}
}

func TestRejectedOrderHoldsNothing(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 5)
	if err := s.Reserve(ctx, placed("ord_1", "cup", 2, "unknown", 1)); err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 5, 5)
	if got := s.status(t, ctx, "ord_1"); got != inventory.Rejected {
		t.Errorf("status %s, want REJECTED", got)
	}
}

func TestExpiredReservationIsGivenBackAndNotConfirmed(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 5)
	for _, id := range []string{"ord_late", "ord_paid"} {
		if err := s.Reserve(ctx, placed(id, "cup", 2)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Confirm(ctx, "ord_paid"); err != nil {
		t.Fatal(err)
	}
	s.clock.Store(int64(time.Hour))
	ids, err := s.store.Expired(ctx, time.Now().Add(time.Hour), 10)
	if err != nil || len(ids) != 1 || ids[0] != "ord_late" {
		t.Fatalf("expired %v, %v; want ord_late only", ids, err)
	}
	if err := s.Expire(ctx, "ord_late"); err != nil {
		t.Fatal(err)
	}
	if err := s.Confirm(ctx, "ord_late"); err != nil {
		t.Fatal(err)
	}
	if got := s.status(t, ctx, "ord_late"); got != inventory.Released {
		t.Errorf("status %s, want RELEASED", got)
	}
	s.expect(t, ctx, "cup", 3, 5)
}

func TestSweepFinishesWhatACrashCutOff(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 5)
	if err := s.Reserve(ctx, placed("ord_1", "cup", 2)); err != nil {
		t.Fatal(err)
	}
	s.clock.Store(int64(time.Hour))
	// the release was decided, and the process died before it touched the stock
	if _, err := s.store.UpdateReservation(ctx, "ord_1", func(r *inventory.Reservation) ([]outbox.Event, error) {
		r.Step, r.Reason, r.ExpiresAt = "RELEASE", inventory.Expired, nil
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 3, 5)
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 5, 5)
	if got := s.status(t, ctx, "ord_1"); got != inventory.Released {
		t.Errorf("status %s, want RELEASED", got)
	}
}

// What a sweep says belongs to the trace of the order, and names the event that reserved.
func TestSweepBelongsToTheOrder(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 5)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if err := s.Reserve(eventmeta.Origin{Event: "evt_placed", Traceparent: trace}.Context(ctx), placed("ord_1", "cup", 2)); err != nil {
		t.Fatal(err)
	}
	s.clock.Store(int64(time.Hour))
	if err := s.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	entries, err := s.store.Outboxes()[0].Load(ctx, []string{"ord_1"})
	if err != nil {
		t.Fatal(err)
	}
	list := entries["ord_1"]
	if len(list) == 0 || !strings.HasSuffix(list[len(list)-1].Type, "released") {
		t.Fatalf("said: %+v", list)
	}
	if last := list[len(list)-1]; last.Cause != "evt_placed" || last.Traceparent != trace {
		t.Errorf("its cause is %q, its trace %q", last.Cause, last.Traceparent)
	}
}

func TestCancelBeforeTheOrderIsSeen(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 5)
	if err := s.Cancel(ctx, "ord_1", "usr_1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Reserve(ctx, placed("ord_1", "cup", 2)); err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, "cup", 5, 5)
}

// TestRepeat: what is said again of an order's goods is what was said last.
func TestRepeat(t *testing.T) {
	type steps []func(*shop, context.Context) error
	reserve := func(n int) func(*shop, context.Context) error {
		return func(s *shop, ctx context.Context) error { return s.Reserve(ctx, placed("ord_1", "cup", n)) }
	}
	confirm := func(s *shop, ctx context.Context) error { return s.Confirm(ctx, "ord_1") }
	commit := func(s *shop, ctx context.Context) error { return s.Commit(ctx, "ord_1") }
	for name, tt := range map[string]struct {
		steps steps
		says  string
	}{
		"not known":  {nil, ""},
		"reserved":   {steps{reserve(2)}, "stock_reserved stock_reserved"},
		"confirmed":  {steps{reserve(2), confirm}, "stock_reserved stock_confirmed stock_confirmed"},
		"committed":  {steps{reserve(2), confirm, commit}, "stock_reserved stock_confirmed stock_confirmed"},
		"rejected":   {steps{reserve(9)}, "stock_rejected stock_rejected"},
		"not paid":   {steps{reserve(2), func(s *shop, ctx context.Context) error { return s.FailPayment(ctx, "ord_1") }}, "stock_reserved stock_released stock_released"},
		"cancelled":  {steps{reserve(2), func(s *shop, ctx context.Context) error { return s.Cancel(ctx, "ord_1", "usr_1") }}, "stock_reserved stock_released stock_released"},
		"never held": {steps{func(s *shop, ctx context.Context) error { return s.Cancel(ctx, "ord_1", "usr_1") }}, "stock_released"},
	} {
		t.Run(name, func(t *testing.T) {
			s, ctx := newShop(t)
			s.stock(t, ctx, "cup", 5)
			for _, step := range tt.steps {
				if err := step(s, ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Repeat(ctx, "ord_1"); err != nil {
				t.Fatal(err)
			}
			entries, err := s.store.Outboxes()[0].Load(ctx, []string{"ord_1"})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, e := range entries["ord_1"] {
				said = append(said, strings.TrimPrefix(e.Type, "storefront.inventory."))
			}
			if strings.Join(said, " ") != tt.says {
				t.Fatalf("said %v, want %s", said, tt.says)
			}
			if n := len(said); n > 1 {
				at := regexp.MustCompile(`"at":"[^"]*"`)
				first, again := entries["ord_1"][n-2].Data, entries["ord_1"][n-1].Data
				if !bytes.Equal(at.ReplaceAll(first, nil), at.ReplaceAll(again, nil)) {
					t.Errorf("said %s, then %s", first, again)
				}
			}
		})
	}
}

func load(levels outbox.Store, ctx context.Context) ([]outbox.Record, error) {
	entries, err := levels.Load(ctx, []string{"cup"})
	return entries["cup"], err
}

func TestStockLevelIsPublishedOnceForManyChanges(t *testing.T) {
	s, ctx := newShop(t)
	s.stock(t, ctx, "cup", 50)
	levels := s.store.Outboxes()[1]
	first, err := load(levels, ctx)
	if err != nil || len(first) != 1 {
		t.Fatalf("load: %v, %v", first, err)
	}
	for i := range 3 {
		if err := s.Reserve(ctx, placed(fmt.Sprintf("ord_%d", i), "cup", 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := levels.Remove(ctx, map[string][]string{"cup": {first[0].ID}}); err != nil { // outdated: must leave the mark
		t.Fatal(err)
	}
	again, err := load(levels, ctx)
	if err != nil || len(again) != 1 || again[0].ID == first[0].ID {
		t.Fatalf("after three sales: %v, %v; want one fresh record", again, err)
	}
	if err := levels.Remove(ctx, map[string][]string{"cup": {again[0].ID}}); err != nil {
		t.Fatal(err)
	}
	if left, err := load(levels, ctx); err != nil || len(left) != 0 {
		t.Errorf("after publishing: %v, %v; want nothing", left, err)
	}
}
