package testgateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/testgateway"
)

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		want  testgateway.Faults
		fails string // a part of the message
	}{
		{text: ""},
		{text: " slow=200ms, fail-before=0.1,fail-after=0.2,webhooks=true,repeat=10,shuffle=5s,seed=7,", want: testgateway.Faults{
			Slow: 200 * time.Millisecond, FailBefore: 0.1, FailAfter: 0.2, Webhooks: true, Repeat: 10, Shuffle: 5 * time.Second, Seed: 7}},
		{text: "webhooks=true,to=http://payments:4006/webhooks/test", want: testgateway.Faults{Webhooks: true, To: "http://payments:4006/webhooks/test"}},
		{text: "webhooks=false", want: testgateway.Faults{}},
		{text: "fast=1s", fails: `"fast=1s": there is no such fault; there are slow=200ms,`},
		{text: "slow", fails: `"slow": slow wants a duration, such as 200ms or 5s`},
		{text: "slow=5", fails: "slow wants a duration"},
		{text: "shuffle=-5s,webhooks=true", fails: "shuffle wants a duration"},
		{text: "fail-before=10%", fails: "fail-before wants the share of calls, from 0 to less than 1"},
		{text: "fail-after=1", fails: "fail-after wants the share"},
		{text: "fail-after=NaN", fails: "fail-after wants the share"},
		{text: "fail-after=-0.1", fails: "fail-after wants the share"},
		{text: "fail-before=0.5,fail-after=0.5", fails: "no call would ever succeed"},
		{text: "webhooks=yes please", fails: "webhooks wants true or false"},
		{text: "webhooks=true,repeat=0", fails: "repeat wants a number from 1 to 1000"},
		{text: "webhooks=true,to=payments:4006", fails: "to wants an address"},
		{text: "repeat=10", fails: "repeat is about webhooks; add webhooks=true"},
		{text: "shuffle=1s,webhooks=false", fails: "shuffle is about webhooks; add webhooks=true"},
		{text: "seed=-1", fails: "seed wants a whole number"},
		{text: "seed=1,seed=2", fails: "seed is there twice"},
	} {
		got, err := testgateway.ParseFaults(c.text)
		if c.fails == "" && (err != nil || got != c.want) {
			t.Errorf("%q: %+v, %v; want %+v", c.text, got, err, c.want)
		}
		if c.fails != "" && (!errs.Is(err, errs.BadInput) || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%q: %v; want %q", c.text, err, c.fails)
		}
	}
}

// TestFaultsAreOfTheSeed makes many calls of every kind, at once and in any order: which of them fail is
// said by the seed alone, about so many as were asked for, and the ledger has what took effect.
func TestFaultsAreOfTheSeed(t *testing.T) {
	t.Parallel()
	const orders = 100
	run := func(seed uint64) (fates []string, charges int) {
		g, err := testgateway.Open(testgateway.Config{Now: time.Now, Lost: time.Nanosecond, Faults: testgateway.Faults{FailBefore: 0.2, FailAfter: 0.3, Seed: seed}})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		tell := func(step string, i int, err error) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				fates = append(fates, fmt.Sprint(step, i, " succeeds"))
			case errs.Is(err, errs.Unavailable):
				fates = append(fates, fmt.Sprint(step, i, " fails before"))
			case strings.Contains(err.Error(), "the answer was lost"):
				fates = append(fates, fmt.Sprint(step, i, " fails after"))
			case !errs.Is(err, errs.NotFound):
				t.Errorf("%s: %v", step, err)
			}
		}
		var wg sync.WaitGroup
		for i := range orders {
			wg.Go(func() {
				key := fmt.Sprint("pay_", i)
				var id string
				for range 40 { // until it is known
					c, err := g.Authorize(t.Context(), key+":authorize", payments.Authorization{PaymentID: key, Amount: money.New(100, "EUR"), Token: "tok_visa"})
					if tell("authorize", i, err); err == nil {
						id = c.ID
						break
					}
				}
				if i%2 == 0 {
					for range 40 {
						_, err := g.Capture(t.Context(), key+":capture", id)
						if tell("capture", i, err); err == nil {
							break
						}
					}
					_, err := g.Refund(t.Context(), key+":refund", id, money.New(40, "EUR"), "")
					tell("refund", i, err)
				} else {
					_, err := g.Void(t.Context(), key+":void", id)
					tell("void", i, err)
				}
				_, err := g.Lookup(t.Context(), key+":authorize")
				tell("lookup", i, err)
				_, err = g.Fetch(t.Context(), id)
				tell("fetch", i, err)
			})
		}
		wg.Wait()
		slices.Sort(fates)
		return fates, g.Sums()["EUR"].Charges
	}
	first, charges := run(7)
	again, _ := run(7)
	other, _ := run(8)
	if !slices.Equal(first, again) {
		t.Error("the same seed gave other faults")
	}
	if slices.Equal(first, other) {
		t.Error("another seed gave the same faults")
	}
	if charges != orders/2 {
		t.Errorf("%d charges, want %d", charges, orders/2)
	}
	for _, step := range []string{"authorize", "capture", "void", "refund", "lookup", "fetch"} {
		n := map[string]int{}
		for _, f := range first {
			if name, fate, _ := strings.Cut(f, " "); strings.TrimRight(name, "0123456789") == step {
				n[fate]++
				n["all"]++
			}
		}
		if before, after := 100*n["fails before"]/n["all"], 100*n["fails after"]/n["all"]; before < 5 || before > 40 || after < 10 || after > 50 {
			t.Errorf("%s: %d %% fail before and %d %% after of %d; want about 20 and 30", step, before, after, n["all"])
		}
	}
}

func TestSlowEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	g, err := testgateway.Open(testgateway.Config{Now: time.Now, Faults: testgateway.Faults{Slow: 100 * time.Hour, Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.Lookup(ctx, "k"); !errors.Is(err, ctx.Err()) || err == nil {
		t.Errorf("%v, want %v", err, ctx.Err())
	}
}

// TestWebhooksAreSentUntilTheyAreTaken counts what a shop gets that refuses each webhook at first.
func TestWebhooksAreSentUntilTheyAreTaken(t *testing.T) {
	t.Parallel()
	var g *testgateway.Gateway
	var mu sync.Mutex
	refused, taken := map[string]int{}, map[string]int{}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		r.Body.Read(body)
		hook, err := g.ParseWebhook(r.Header, body)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		if refused[hook.PaymentID] < 5 {
			refused[hook.PaymentID]++
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		taken[hook.PaymentID]++
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(shop.Close)
	var err error
	if _, err = testgateway.Open(testgateway.Config{Now: time.Now, Faults: testgateway.Faults{Webhooks: true}}); !errs.Is(err, errs.BadInput) {
		t.Errorf("webhooks to nowhere: %v", err)
	}
	g, err = testgateway.Open(testgateway.Config{Now: time.Now, Faults: testgateway.Faults{Webhooks: true, To: shop.URL, Repeat: 3, Shuffle: 50 * time.Millisecond, Seed: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	for _, pay := range []string{"pay_1", "pay_2"} {
		c, err := g.Authorize(t.Context(), pay+":authorize", payments.Authorization{PaymentID: pay, Amount: money.New(100, "EUR"), Token: "tok_visa"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second one changes nothing
			if _, err := g.Capture(t.Context(), pay+":capture", c.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		mu.Lock()
		done := taken["pay_1"] >= 6 && taken["pay_2"] >= 6
		mu.Unlock()
		if done {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("taken %v, refused %v; want 6 of each", taken, refused)
		}
	}
	g.Close()
	if taken["pay_1"] != 6 || taken["pay_2"] != 6 {
		t.Errorf("taken %v, want 6 of each: two changes, three times", taken)
	}
}
