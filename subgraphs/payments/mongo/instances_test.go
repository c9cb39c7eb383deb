package mongo_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/subgraphs/payments"
)

// TestInstancesSettleOnce lets a process die after each step took effect, and then several instances find
// the same payments at once: each step is done once, and said once, and each payment is claimed by one of
// the instances at a time.
func TestInstancesSettleOnce(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	now := func() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }
	all := make([]*payments.Service, 6)
	for i := range all {
		all[i] = payments.New(payments.Config{Store: s.store, Gateway: s.gateway, Now: now, Log: slog.New(slog.DiscardHandler), Lease: time.Hour})
	}
	const orders = 25
	var mu sync.Mutex
	calls := map[string]int{} // of each step, and questions, about each payment in this round
	for _, event := range []func(o string) any{
		func(o string) any { return reserved(o) },
		func(o string) any { return confirmed(o) },
		func(o string) any { return returned(o, "ret_1", 400) },
		func(o string) any { return cancelled(o) },
	} {
		s.gateway.set(lossy(func() (bool, bool) { return false, true }))
		for i := range orders {
			o := fmt.Sprintf("ord_%d", i)
			s.tell(t, placed(o, "tok_visa", 1000), event(o))
			if p := s.payment(t, o); p.Intent == nil {
				t.Fatalf("%s: %s has an outcome", o, p.Status)
			}
		}
		clear(calls)
		s.gateway.set(func(step, key string, call func() error) error {
			mu.Lock()
			calls[step+" "+key]++
			mu.Unlock()
			time.Sleep(time.Millisecond) // so that the others come meanwhile
			return call()
		})
		s.clock.Add(int64(time.Minute))
		var wg sync.WaitGroup
		for _, one := range all {
			wg.Go(func() {
				if err := one.Settle(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(calls) != orders {
			t.Errorf("%d payments were asked for, want %d", len(calls), orders)
		}
		for what, n := range calls {
			if n != 1 || !strings.HasPrefix(what, "lookup ") && !strings.HasPrefix(what, "fetch ") {
				t.Errorf("%s: %d calls; want one question, which finds the step done", what, n)
			}
		}
	}
	for i := range orders {
		o := fmt.Sprintf("ord_%d", i)
		p := s.payment(t, o)
		if got, want := ended(p, s.said(t, o)), "CAPTURED, refunded 10.00 EUR, said authorized processed refunded refunded"; got != want || p.Intent != nil {
			t.Errorf("%s: %s, intent %v; want %s", o, got, p.Intent, want)
		}
	}
	s.agree(t)
}
