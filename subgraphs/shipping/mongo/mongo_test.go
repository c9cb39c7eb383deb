package mongo_test

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/identity"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/carrier"
	"storefront/subgraphs/shipping/mongo"
)

const order = "ord_1"

type depot struct {
	*shipping.Service
	store mongo.Store
	clock atomic.Int64
}

func open(t *testing.T) (*depot, context.Context) {
	t.Parallel()
	d := &depot{}
	start := time.Now()
	now := func() time.Time { return start.Add(time.Duration(d.clock.Load())) }
	var err error
	if d.store, err = mongo.New(t.Context(), mongotest.Database(t), now); err != nil {
		t.Fatal(err)
	}
	d.Service = shipping.New(shipping.Config{Store: d.store, Carrier: carrier.NewSimulated(time.Minute, now), Now: now, Log: slog.New(slog.DiscardHandler)})
	return d, identity.With(t.Context(), identity.Identity{User: "usr_1"})
}

func (d *depot) place(ctx context.Context) error {
	return d.Place(ctx, events.OrderPlaced{ID: order, Customer: "usr_1", ShippingMethod: "standard",
		ShippingTo: events.Address{Country: "DE", City: "Berlin"}, Lines: []events.OrderLine{{SKU: "cup", Quantity: 2, Grams: 300}}})
}

func (d *depot) pay(ctx context.Context) error {
	return d.Pay(ctx, events.PaymentProcessed{OrderID: order, Customer: "usr_1"})
}

func (d *depot) stop(ctx context.Context) error {
	return d.Stop(ctx, events.OrderCancellationRequested{ID: order, Customer: "usr_1", Reason: "CUSTOMER_REQUEST"})
}

func (d *depot) drop(ctx context.Context) error { return d.Drop(ctx, order, "usr_1", "STALLED") }

// said are the events so far.
func (d *depot) said(t *testing.T) (said []string) {
	t.Helper()
	entries, err := d.store.Load(t.Context(), []string{shipping.ShipmentID(order)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries[shipping.ShipmentID(order)] {
		said = append(said, e.Type[len("storefront.shipment."):])
	}
	return said
}

func (d *depot) repeat(ctx context.Context) error {
	return d.Repeat(ctx, events.OrderStalled{ID: order, Customer: "usr_1"})
}

// follow asks the carrier about everything that is due.
func (d *depot) follow(ctx context.Context) error {
	for {
		due, err := d.store.Due(ctx, time.Now().Add(time.Duration(d.clock.Load())), 10)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, s := range due {
			if err := d.Follow(ctx, s); err != nil {
				return err
			}
		}
	}
}

// passes lets time pass while nobody asks the carrier.
func (d *depot) passes(by time.Duration) func(context.Context) error {
	return func(context.Context) error { d.clock.Add(int64(by)); return nil }
}

func (d *depot) later(by time.Duration) func(context.Context) error {
	return func(ctx context.Context) error { d.clock.Add(int64(by)); return d.follow(ctx) }
}

func TestWaysOfAParcel(t *testing.T) {
	type steps func(*depot) []func(context.Context) error
	for name, c := range map[string]struct {
		steps steps
		said  []string
	}{
		"to the door": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.later(61 * time.Second), d.later(61 * time.Second)}
		}, []string{"created", "in_transit", "delivered"}},
		"paid before placed, everything twice": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.pay, d.pay, d.place, d.place, d.pay}
		}, []string{"created"}},
		"both steps at once after an outage": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.later(time.Hour)}
		}, []string{"created", "in_transit", "delivered"}},
		"cancelled before it is paid": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.stop, d.pay, d.later(time.Hour)}
		}, []string{"cancelled"}},
		"cancelled before it is known": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.stop, d.place, d.pay, d.later(time.Hour)}
		}, []string{"cancelled"}},
		"cancelled before it has left; asked again, told again": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.stop, d.later(time.Hour), d.stop}
		}, []string{"created", "cancelled", "cancelled"}},
		"too late to cancel": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.later(61 * time.Second), d.stop, d.later(time.Hour)}
		}, []string{"created", "in_transit", "cancellation_refused", "delivered"}},
		"too late to cancel, which only the carrier knows": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.passes(61 * time.Second), d.stop, d.stop, d.later(time.Hour)}
		}, []string{"created", "in_transit", "cancellation_refused", "cancellation_refused", "delivered"}},
		"dropped before it has left": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.drop, d.later(time.Hour), d.drop}
		}, []string{"created", "cancelled"}},
		"dropped when it has left, which only the carrier knows": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.pay, d.passes(61 * time.Second), d.drop, d.later(time.Hour)}
		}, []string{"created", "in_transit", "delivered"}},
		"said again at every step": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.repeat, d.place, d.repeat, d.pay, d.repeat, d.later(61 * time.Second), d.repeat, d.later(time.Hour), d.repeat}
		}, []string{"created", "created", "in_transit", "in_transit", "delivered", "delivered"}},
		"said again after it was stopped": {func(d *depot) []func(context.Context) error {
			return []func(context.Context) error{d.place, d.stop, d.repeat}
		}, []string{"cancelled", "cancelled"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, ctx := open(t)
			for i, step := range c.steps(d) {
				if err := step(ctx); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
			}
			if said := d.said(t); !slices.Equal(said, c.said) {
				t.Errorf("said %v, want %v", said, c.said)
			}
		})
	}
}

// TestWhatIsSaidAgainIsNoNews: a repeat is equal to what was said first, so a live screen withholds it and
// a mail is not written twice.
func TestWhatIsSaidAgainIsNoNews(t *testing.T) {
	d, ctx := open(t)
	later := d.later(61 * time.Second)
	for i, step := range []func(context.Context) error{d.place, d.pay, d.repeat, later, d.repeat, later, d.repeat} {
		if err := step(ctx); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	entries, err := d.store.Load(ctx, []string{shipping.ShipmentID(order)})
	if err != nil {
		t.Fatal(err)
	}
	said := entries[shipping.ShipmentID(order)]
	if len(said) != 6 {
		t.Fatalf("%d events, want 6", len(said))
	}
	for i := 0; i < len(said); i += 2 {
		if first, again := string(said[i].Data), string(said[i+1].Data); first != again {
			t.Errorf("said %s, then %s", first, again)
		}
	}
}

func TestOnlyTheOwnerSeesAParcel(t *testing.T) {
	d, ctx := open(t)
	if err := d.place(ctx); err != nil {
		t.Fatal(err)
	}
	if err := d.pay(ctx); err != nil {
		t.Fatal(err)
	}
	id := shipping.ShipmentID(order)
	for who, want := range map[*identity.Identity]int{
		{User: "usr_1"}: 1, {User: "usr_2"}: 0, {}: 0, {User: "usr_3", Roles: []string{"staff"}}: 1,
	} {
		found, err := d.Shipments(identity.With(ctx, *who), []string{id})
		if err != nil || len(found) != want {
			t.Errorf("%+v sees %d shipments, %v; want %d", who, len(found), err, want)
		}
	}
}

// slow is a carrier whose booking is written down long after it was made.
type slow struct {
	*carrier.Simulated
	pass func()
}

func (c slow) Book(ctx context.Context, key string, p shipping.Parcel) (shipping.Booking, error) {
	b, err := c.Simulated.Book(ctx, key, p)
	c.pass()
	return b, err
}

// A parcel that was delivered, by the carrier's clock, before its booking was noted arrives all the same.
func TestParcelOvertakesItsBooking(t *testing.T) {
	d, ctx := open(t)
	now := func() time.Time { return time.Now().Add(time.Duration(d.clock.Load())) }
	d.Service = shipping.New(shipping.Config{Store: d.store, Now: now, Log: slog.New(slog.DiscardHandler),
		Carrier: slow{carrier.NewSimulated(time.Minute, now), func() { d.clock.Add(int64(time.Hour)) }}})
	for _, step := range []func(context.Context) error{d.place, d.pay, d.follow} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	sh, err := d.store.Get(ctx, shipping.ShipmentID(order))
	if err != nil || sh.Status != shipping.Delivered || len(sh.Events) != 3 || sh.DueAt != nil {
		t.Errorf("%+v %v, want it created, in transit, delivered", sh, err)
	}
}
