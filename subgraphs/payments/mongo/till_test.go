package mongo_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/embedded/mongodb/mongotest"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
	"storefront/subgraphs/payments/mongo"
)

// till is a service on a real store, with the test gateway and a clock that tests move.
type till struct {
	*payments.Service
	store   mongo.Store
	ledger  *testgateway.Gateway
	gateway *unsteady
	clock   atomic.Int64
}

func newTill(t *testing.T) *till {
	t.Helper()
	s := &till{}
	now := func() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }
	var err error
	if s.store, err = mongo.New(t.Context(), mongotest.Database(t), now); err != nil {
		t.Fatal(err)
	}
	if s.ledger, err = testgateway.Open(testgateway.Config{Dir: t.TempDir(), Now: now, Lost: time.Millisecond, Slow: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ledger.Close() })
	s.gateway = &unsteady{Gateway: s.ledger}
	s.Service = payments.New(payments.Config{Store: s.store, Gateway: s.gateway, Now: now, Log: slog.New(slog.DiscardHandler), PublicURL: "http://shop.test/"})
	return s
}

// unsteady loses calls on their way to the gateway, or answers on their way back.
type unsteady struct {
	*testgateway.Gateway
	mu   sync.Mutex
	lose func() (call, answer bool) // nil loses nothing
}

var errLost = errors.New("connection lost")

func lossy[T any](u *unsteady, call func() (T, error)) (T, error) {
	var zero T
	u.mu.Lock()
	before, after := false, false
	if u.lose != nil {
		before, after = u.lose()
	}
	u.mu.Unlock()
	if before {
		return zero, errLost
	}
	v, err := call()
	if after {
		return zero, errLost
	}
	return v, err
}

func (u *unsteady) Authorize(ctx context.Context, key string, a payments.Authorization) (payments.Charge, error) {
	return lossy(u, func() (payments.Charge, error) { return u.Gateway.Authorize(ctx, key, a) })
}

func (u *unsteady) Capture(ctx context.Context, key, id string) (payments.Charge, error) {
	return lossy(u, func() (payments.Charge, error) { return u.Gateway.Capture(ctx, key, id) })
}

func (u *unsteady) Void(ctx context.Context, key, id string) (payments.Charge, error) {
	return lossy(u, func() (payments.Charge, error) { return u.Gateway.Void(ctx, key, id) })
}

func (u *unsteady) Refund(ctx context.Context, key, id string, m money.Money, reason string) (payments.ChargeRefund, error) {
	return lossy(u, func() (payments.ChargeRefund, error) { return u.Gateway.Refund(ctx, key, id, m, reason) })
}

func (u *unsteady) Lookup(ctx context.Context, key string) (payments.Charge, error) {
	return lossy(u, func() (payments.Charge, error) { return u.Gateway.Lookup(ctx, key) })
}

func (u *unsteady) Fetch(ctx context.Context, id string) (payments.Charge, error) {
	return lossy(u, func() (payments.Charge, error) { return u.Gateway.Fetch(ctx, id) })
}

func placed(order, token string, amount int64) events.OrderPlaced {
	return events.OrderPlaced{ID: order, Customer: "usr_1", Total: events.Money{Amount: amount, Currency: "EUR"}, PaymentToken: token}
}

// tell hands an event to the service as the consumer does.
func (s *till) tell(t *testing.T, list ...any) {
	t.Helper()
	for _, e := range list {
		var err error
		switch e := e.(type) {
		case events.OrderPlaced:
			err = s.Place(t.Context(), e)
		case events.StockReserved:
			err = s.Hold(t.Context(), e)
		case events.StockConfirmed:
			err = s.Confirm(t.Context(), e)
		case events.StockReleased:
			err = s.Release(t.Context(), e)
		case events.OrderCancelled:
			err = s.Cancel(t.Context(), e.ID, e.Customer)
		case events.OrderLinesReturned:
			err = s.Return(t.Context(), e)
		default:
			t.Fatalf("no such event %T", e)
		}
		if err != nil {
			t.Fatalf("%T: %v", e, err)
		}
	}
}

func reserved(order string) events.StockReserved {
	return events.StockReserved{OrderID: order, Customer: "usr_1"}
}
func confirmed(order string) events.StockConfirmed {
	return events.StockConfirmed{OrderID: order, Customer: "usr_1"}
}
func expired(order string) events.StockReleased {
	return events.StockReleased{OrderID: order, Customer: "usr_1", Reason: "EXPIRED"}
}
func cancelled(order string) events.OrderCancelled {
	return events.OrderCancelled{ID: order, Customer: "usr_1"}
}
func returned(order, id string, amount int64) events.OrderLinesReturned {
	return events.OrderLinesReturned{ID: order, Customer: "usr_1", ReturnID: id, Refund: events.Money{Amount: amount, Currency: "EUR"}, Reason: "damaged"}
}

func (s *till) payment(t *testing.T, order string) payments.Payment {
	t.Helper()
	p, err := s.store.Get(t.Context(), payments.PaymentID(order))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// said lists the types of the events that are in a payment's outbox.
func (s *till) said(t *testing.T, order string) []string {
	t.Helper()
	id := payments.PaymentID(order)
	entries, err := s.store.Load(t.Context(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, r := range entries[id] {
		list = append(list, strings.TrimPrefix(r.Type, "storefront.payment."))
	}
	return list
}

// agree compares the ledger with the payments.
func (s *till) agree(t *testing.T) {
	t.Helper()
	sums, err := s.store.Sums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for currency, l := range s.ledger.Sums() {
		p := sums[currency]
		if l.Captured != p.Captured || l.Refunded != p.Refunded || l.Charges != p.Payments {
			t.Errorf("%s: ledger %+v, payments %+v", currency, l, p)
		}
		if l.Authorized != l.Captured+l.Voided {
			t.Errorf("%s: %d authorized, but captured and voided are %d: money is still held", currency, l.Authorized, l.Captured+l.Voided)
		}
	}
}
