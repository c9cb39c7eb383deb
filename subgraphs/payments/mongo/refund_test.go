package mongo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/loaders/page"
	"storefront/subgraphs/payments"
)

// refused is a till with a paid order of which 300 came back, and whose card took no money back.
type refused struct {
	*till
	staff  context.Context
	failed atomic.Int64 // refunds that failed, as metrics count them
	keys   []string     // of the calls to refund
	mu     sync.Mutex
}

func newRefused(t *testing.T) *refused {
	t.Helper()
	r := &refused{till: newTill(t), staff: identity.With(t.Context(), identity.Identity{User: "usr_staff", Roles: []string{"staff"}})}
	start := time.Now()
	r.Service = payments.New(payments.Config{Store: r.store, Gateway: r.gateway, Now: func() time.Time { return start.Add(time.Duration(r.clock.Load())) },
		Log: slog.New(slog.DiscardHandler), RefundFailed: func() { r.failed.Add(1) }})
	r.listen(nil)
	r.tell(t, placed("ord_1", "tok_refund_refused", 1000), reserved("ord_1"), confirmed("ord_1"), returned("ord_1", "ret_1", 300), returned("ord_1", "ret_1", 300))
	return r
}

// listen notes the keys of refunds, and lets fail what fails.
func (r *refused) listen(fails func(step string, call func() error) error) {
	r.gateway.set(func(step, key string, call func() error) error {
		if step == "refund" {
			r.mu.Lock()
			r.keys = append(r.keys, strings.TrimPrefix(key, "pay_1:"))
			r.mu.Unlock()
		}
		if fails == nil {
			return call()
		}
		return fails(step, call)
	})
}

func (r *refused) retry() (*payments.Payment, error) {
	return r.RetryRefund(r.staff, "pay_1", r.refundID())
}

func (r *refused) refundID() string {
	found, err := r.store.Payments(r.staff, []string{"pay_1"})
	if err != nil || len(found["pay_1"].Refunds) == 0 {
		return "none"
	}
	return found["pay_1"].Refunds[0].ID
}

func (r *refused) waiting(t *testing.T) (ids []string) {
	t.Helper()
	c, err := r.FailedRefunds(r.staff, page.Args{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Nodes() {
		ids = append(ids, p.ID)
	}
	return ids
}

// sums are what the events about refunds said, and their versions.
func (r *refused) sums(t *testing.T) (refunded []int64, versions []int) {
	t.Helper()
	entries, err := r.store.Load(t.Context(), []string{"pay_1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries["pay_1"] {
		var said struct {
			Refunded *events.Money
			Version  int
		}
		if err := json.Unmarshal(e.Data, &said); err != nil {
			t.Fatal(err)
		}
		if said.Refunded != nil {
			refunded, versions = append(refunded, said.Refunded.Amount), append(versions, said.Version)
		}
	}
	return refunded, versions
}

// A refund that the gateway refuses for good is an event, waits for staff and is counted; staff have it tried again
// by a key of its own, and by that alone.
func TestRefusedRefundIsToldAndRetried(t *testing.T) {
	t.Parallel()
	r := newRefused(t)
	refund := r.payment(t, "ord_1").Refunds[0]
	if said := strings.Join(r.said(t, "ord_1"), " "); said != "authorized processed refund_failed" || refund.Status != payments.RefundFailed {
		t.Errorf("%s after %q", refund.Status, said)
	}
	if why := refund.FailureReason(r.staff); why == nil || *why != "The card takes no money back." || refund.FailureReason(t.Context()) != nil {
		t.Errorf("the reason: %v to staff, %v to others", why, refund.FailureReason(t.Context()))
	}
	if waiting := r.waiting(t); !slices.Equal(waiting, []string{"pay_1"}) || r.failed.Load() != 1 {
		t.Errorf("%v wait for staff, %d were counted", waiting, r.failed.Load())
	}
	if _, err := r.RetryRefund(t.Context(), "pay_1", refund.ID); err == nil {
		t.Error("a visitor retried")
	}
	if _, err := r.FailedRefunds(t.Context(), page.Args{}); err == nil {
		t.Error("a visitor saw what waits for staff")
	}
	for range 2 { // the second finds it done
		p, err := r.retry()
		if err != nil || p.Refunds[0].Status != payments.RefundSucceeded || p.Refunds[0].Failure != "" || p.Refunded().Amount != 300 {
			t.Fatalf("retried: %+v, %v", p, err)
		}
	}
	r.tell(t, returned("ord_1", "ret_1", 300)) // the event comes once more
	if want := []string{"return:ret_1", "retry-1:return:ret_1"}; !slices.Equal(r.keys, want) {
		t.Errorf("the gateway was asked by %v, want %v", r.keys, want)
	}
	if sums, versions := r.sums(t); !slices.Equal(sums, []int64{0, 300}) || !slices.Equal(versions, []int{1, 2}) {
		t.Errorf("refunded was said to be %v, by versions %v", sums, versions)
	}
	if waiting := r.waiting(t); len(waiting) > 0 {
		t.Errorf("%v still wait for staff", waiting)
	}
	r.agree(t)
}

// Of a retry that was cut off the outcome is asked for by the same key, by staff and by Settle, and it is made once.
func TestRetryThatWasCutOffIsMadeOnce(t *testing.T) {
	t.Parallel()
	r := newRefused(t)
	made := false
	r.listen(func(_ string, call func() error) error {
		if made {
			return errLost
		}
		err := call()
		made = r.ledger.Sums()["EUR"].Refunded > 0
		if made {
			return errLost
		}
		return err
	})
	if p, err := r.retry(); err != nil || p.Refunds[0].Status != payments.RefundPending {
		t.Fatalf("cut off: %+v, %v", p, err)
	}
	r.listen(nil)
	if p, err := r.retry(); err != nil || p.Refunds[0].Status != payments.RefundPending {
		t.Fatalf("retried while it is under way: %+v, %v", p, err)
	}
	if err := r.Settle(t.Context()); err != nil { // at once: staff asked
		t.Fatal(err)
	}
	if p := r.payment(t, "ord_1"); p.Refunds[0].Status != payments.RefundSucceeded || p.Intent != nil {
		t.Errorf("settled: %+v", p.Refunds[0])
	}
	for _, key := range r.keys[1:] {
		if key != "retry-1:return:ret_1" {
			t.Errorf("the gateway was asked by %v", r.keys)
		}
	}
	r.agree(t)
}

func TestManyRetriesAreOneRefund(t *testing.T) {
	t.Parallel()
	r := newRefused(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := r.retry(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if p := r.payment(t, "ord_1"); p.Refunded().Amount != 300 || len(p.Refunds) != 1 || r.ledger.Sums()["EUR"].Refunded != 300 {
		t.Errorf("%v went back by %+v, of which the ledger has %+v", p.Refunded(), p.Refunds, r.ledger.Sums())
	}
}

// While the gateway does not say whether it still refuses a refund, nothing is begun anew.
func TestRetryAsksTheGatewayFirst(t *testing.T) {
	t.Parallel()
	r := newRefused(t)
	before := r.payment(t, "ord_1")
	r.listen(func(string, func() error) error { return errLost })
	if _, err := r.retry(); !errs.Is(err, errs.Unavailable) {
		t.Errorf("retry: %v, want UNAVAILABLE", err)
	}
	if after := r.payment(t, "ord_1"); after.Version != before.Version || len(r.keys) != 1 {
		t.Errorf("it was begun all the same: %+v, by %v", after.Refunds, r.keys)
	}
}

// What other refunds gave back is not given back again, and waits for nobody.
func TestRetryGivesBackNoMoreThanIsLeft(t *testing.T) {
	t.Parallel()
	r := newRefused(t)
	if _, err := r.Refund(r.staff, "pay_1", nil, "all of it", "all"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.retry(); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "3.00 EUR is more than the 0.00 EUR that is left") {
		t.Errorf("retry: %v", err)
	}
	if _, err := r.RetryRefund(r.staff, "pay_1", "ref_none"); fmt.Sprint(err) != "this payment has no refund ref_none" {
		t.Errorf("retry of nothing: %v", err)
	}
	if _, err := r.RetryRefund(r.staff, "pay_none", "ref_none"); fmt.Sprint(err) != "there is no payment pay_none" {
		t.Errorf("retry of no payment's: %v", err)
	}
	if waiting := r.waiting(t); len(waiting) > 0 {
		t.Errorf("%v wait for staff", waiting)
	}
	r.agree(t)
}
