package consumers

import (
	"context"
	"strings"
	"testing"
	"time"

	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/internal/postal"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/products"
	"storefront/subgraphs/shipping"
)

// TestLostEvents loses each event that moves an order, once, on its way to each service that waits for it,
// and lets time pass: the order comes to the end that it comes to when nothing is lost. A service that
// hears nothing at all ends the orders that are not paid.
func TestLostEvents(t *testing.T) {
	s := &lossyShop{shop: openShop(t)}
	ctx := t.Context()
	if err := s.setUp(ctx); err != nil {
		t.Fatal(err)
	}
	active := products.Active
	if _, err := s.products.CreateProduct(identity.With(ctx, staff), products.ProductInput{Title: "Tea", Status: &active,
		Variants: []products.VariantInput{variant("TEA-S", 500)}}); err != nil {
		t.Fatal(err)
	}
	s.settle(ctx)
	for _, way := range []struct {
		name, token string
		quantity    int
		cancel      bool
		ends        orders.OrderStatus
		reason      string
		lost        []string // service and event; or a service that hears nothing
	}{
		{"delivered", "tok_visa", 1, false, orders.StatusDelivered, "", []string{"",
			"inventory order.placed", "payments order.placed", "shipping order.placed",
			"orders inventory.stock_reserved", "payments inventory.stock_reserved", "inventory payment.authorized",
			"payments inventory.stock_confirmed", "orders payment.processed", "shipping payment.processed",
			"orders shipment.created", "orders shipment.in_transit", "orders shipment.delivered"}},
		{"sold out", "tok_visa", 1000, false, orders.StatusRejected, "OUT_OF_STOCK: ", []string{"", "inventory order.placed", "orders inventory.stock_rejected"}},
		{"declined", "tok_declined", 1, false, orders.StatusCancelled, "PAYMENT_FAILED: ", []string{"", "payments inventory.stock_reserved", "orders payment.failed"}},
		{"the bank asks in vain", "tok_3ds", 1, false, orders.StatusCancelled, "RESERVATION_EXPIRED: ", []string{"", "orders payment.action_required", "payments inventory.stock_released", "orders payment.voided"}},
		{"cancelled", "tok_visa", 1, true, orders.StatusCancelled, "CUSTOMER_REQUEST: ", []string{"", "shipping order.cancellation_requested", "orders shipment.cancelled"}},
		{"silence", "tok_visa", 1, false, orders.StatusCancelled, "STALLED: ", []string{"inventory", "payments"}},
	} {
		for _, lost := range way.lost {
			t.Run(way.name+", "+lost+" is lost", func(t *testing.T) {
				s.t = t
				s.lose(lost)
				order := s.place(ctx, way.token, way.quantity)
				s.settle(ctx)
				if way.cancel {
					if _, err := s.orders.CancelOrder(identity.With(ctx, ada), order, nil); err != nil {
						t.Fatal(err)
					}
				}
				o := s.wait(ctx, order)
				said := ""
				if o.Reason != nil {
					said = *o.Reason
				}
				if o.Status != way.ends || !strings.HasPrefix(said, way.reason) {
					t.Errorf("%s %q, want %s %s; %s", o.Status, said, way.ends, way.reason, history(o))
				}
				found, err := s.paymentsStore.Payments(ctx, []string{payments.PaymentID(order)})
				if err != nil {
					t.Fatal(err)
				}
				p, want := found[payments.PaymentID(order)], int64(0)
				if o.Status == orders.StatusDelivered {
					want = o.Total.Amount
				}
				if kept := p.Captured().Amount - p.Refunded().Amount; kept != want {
					t.Errorf("%d is kept of an order that is %s, want %d", kept, o.Status, want)
				}
				if lost != "" && s.left > 0 {
					t.Errorf("%s was never on its way", lost)
				}
			})
		}
	}
}

// lossyShop delivers everything to everybody at once, but for what is lost.
type lossyShop struct {
	*shop
	lost string
	left int // how often it is still to be lost
}

// lose loses "SERVICE EVENT" the next time, or all that is for SERVICE.
func (s *lossyShop) lose(lost string) {
	s.lost, s.left = lost, 0
	if strings.Contains(lost, " ") {
		s.left = 1
	}
}

func (s *lossyShop) loses(p *shopPart, r outbox.Record) bool {
	service, event, one := strings.Cut(s.lost, " ")
	if p.name != service || one && (s.left == 0 || r.Type != "storefront."+event) {
		return false
	}
	s.left--
	return true
}

func (s *lossyShop) settle(ctx context.Context) {
	s.t.Helper()
	for {
		var queue []outbox.Record
		for _, p := range s.parts {
			records, err := s.collect(ctx, p)
			if err != nil {
				s.t.Fatal(err)
			}
			queue = append(queue, records...)
		}
		if len(queue) == 0 {
			return
		}
		for _, r := range queue {
			for _, p := range s.parts {
				if p.name == "notifications" || len(p.handlers(r)) == 0 || s.loses(p, r) {
					continue
				}
				if err := s.deliver(ctx, p, r); err != nil {
					s.t.Log(err) // it is with the dead letters
				}
			}
		}
	}
}

// wait lets time pass, from one moment at which orders looks after an order to the next, until it is final.
func (s *lossyShop) wait(ctx context.Context, order string) orders.Order {
	s.t.Helper()
	for range 20 {
		s.settle(ctx)
		found, err := s.ordersStore.Orders(ctx, []string{order})
		if err != nil {
			s.t.Fatal(err)
		}
		o := found[order]
		if o.Status.Final() {
			return o
		}
		parcels, err := s.shippingStore.Shipments(ctx, []string{shipping.ShipmentID(order)})
		if err != nil {
			s.t.Fatal(err)
		}
		parcel := parcels[shipping.ShipmentID(order)]
		if o.Status != orders.StatusCancelling && (parcel.Status == shipping.Created || parcel.Status == shipping.InTransit) {
			if err := s.later(3*carrierStep, func() error { return s.shipping.Follow(ctx, parcel) }); err != nil {
				s.t.Fatal(err)
			}
			continue
		}
		s.move(o.DueAt.Sub(s.now()) + time.Millisecond)
		if err := s.inventory.Sweep(ctx); err != nil {
			s.t.Fatal(err)
		}
		s.settle(ctx)
		if err := s.orders.Watch(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
	found, _ := s.ordersStore.Orders(ctx, []string{order})
	s.t.Fatalf("the order does not end: %s", history(found[order]))
	return orders.Order{}
}

func history(o orders.Order) string {
	var b strings.Builder
	for _, h := range o.History {
		b.WriteString("\n" + string(h.Status))
		if h.Reason != nil {
			b.WriteString(" " + *h.Reason)
		}
	}
	return b.String()
}

func (s *lossyShop) place(ctx context.Context, token string, quantity int) string {
	s.t.Helper()
	ctx = identity.With(ctx, ada)
	cart, _, err := s.orders.CreateCart(ctx, orders.CartInput{Lines: []orders.CartLineInput{line("TEA-S", quantity)}})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.orders.SetAddress(ctx, cart.ID, berlin, nil); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.orders.SetRate(ctx, cart.ID, s.rate(cart)); err != nil {
		s.t.Fatal(err)
	}
	placed, err := s.orders.PlaceOrder(ctx, orders.PlaceOrderInput{CartID: cart.ID, PaymentToken: token}, "key-"+cart.ID)
	success, ok := placed.(orders.PlaceOrderSuccess)
	if err != nil || !ok {
		s.t.Fatalf("not placed: %+v %v", placed, err)
	}
	return success.Order.ID
}

var berlin = postal.Address{Name: "A. Person", Line1: "Hauptstr. 1", City: "Berlin", PostalCode: "10115", Country: "DE"}
