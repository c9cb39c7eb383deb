package mongo_test

import (
	"context"
	"errors"
	"fmt"
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

// unsteady is the line to the gateway: around is told of every call and may do with it what it likes.
type unsteady struct {
	*testgateway.Gateway
	mu     sync.Mutex
	around func(step, key string, call func() error) error // nil makes the call
}

var errLost = errors.New("connection lost")

// set changes what happens to calls from now on.
func (u *unsteady) set(around func(step, key string, call func() error) error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.around = around
}

// lossy loses calls on their way to the gateway, or answers on their way back, as lose says.
func lossy(lose func() (call, answer bool)) func(step, key string, call func() error) error {
	var mu sync.Mutex
	return func(_, _ string, call func() error) error {
		mu.Lock()
		before, after := lose()
		mu.Unlock()
		if before {
			return errLost
		}
		err := call()
		if after {
			return errLost
		}
		return err
	}
}

func over[T any](u *unsteady, step, key string, call func() (T, error)) (T, error) {
	u.mu.Lock()
	around := u.around
	u.mu.Unlock()
	if around == nil {
		return call()
	}
	var v, none T
	if err := around(step, key, func() (err error) { v, err = call(); return err }); err != nil {
		return none, err
	}
	return v, nil
}

func (u *unsteady) Authorize(ctx context.Context, key string, a payments.Authorization) (payments.Charge, error) {
	return over(u, "authorize", key, func() (payments.Charge, error) { return u.Gateway.Authorize(ctx, key, a) })
}

func (u *unsteady) Capture(ctx context.Context, key, id string) (payments.Charge, error) {
	return over(u, "capture", key, func() (payments.Charge, error) { return u.Gateway.Capture(ctx, key, id) })
}

func (u *unsteady) Void(ctx context.Context, key, id string) (payments.Charge, error) {
	return over(u, "void", key, func() (payments.Charge, error) { return u.Gateway.Void(ctx, key, id) })
}

func (u *unsteady) Refund(ctx context.Context, key, id string, m money.Money, reason string) (payments.ChargeRefund, error) {
	return over(u, "refund", key, func() (payments.ChargeRefund, error) { return u.Gateway.Refund(ctx, key, id, m, reason) })
}

func (u *unsteady) Lookup(ctx context.Context, key string) (payments.Charge, error) {
	return over(u, "lookup", key, func() (payments.Charge, error) { return u.Gateway.Lookup(ctx, key) })
}

func (u *unsteady) Fetch(ctx context.Context, id string) (payments.Charge, error) {
	return over(u, "fetch", id, func() (payments.Charge, error) { return u.Gateway.Fetch(ctx, id) })
}

func placed(order, token string, amount int64) events.OrderPlaced {
	return events.OrderPlaced{ID: order, Customer: "usr_1", Total: events.Money{Amount: amount, Currency: "EUR"}, PaymentToken: token}
}

// tell hands an event to the service as the consumer does.
func (s *till) tell(t *testing.T, list ...any) {
	t.Helper()
	for _, e := range list {
		if err := tell(t.Context(), s.Service, e); err != nil {
			t.Fatalf("%T: %v", e, err)
		}
	}
}

func tell(ctx context.Context, s *payments.Service, e any) error {
	switch e := e.(type) {
	case events.OrderPlaced:
		return s.Place(ctx, e)
	case events.StockReserved:
		return s.Hold(ctx, e)
	case events.StockConfirmed:
		return s.Confirm(ctx, e)
	case events.StockReleased:
		return s.Release(ctx, e)
	case events.OrderCancelled:
		return s.Cancel(ctx, e.ID, e.Customer)
	case events.OrderLinesReturned:
		return s.Return(ctx, e)
	}
	return fmt.Errorf("no such event %T", e)
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
