package testgateway_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/internal/money"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/gatewaytest"
	"storefront/subgraphs/payments/gateway/testgateway"
)

func open(t *testing.T, dir string) *testgateway.Gateway {
	t.Helper()
	g, err := testgateway.Open(testgateway.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func TestContract(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			g := open(t, dir)
			gatewaytest.Run(t, g, gatewaytest.Tokens{Succeeds: "tok_visa", Declined: "tok_declined", NoFunds: "tok_insufficient_funds", Challenge: "tok_3ds"},
				func(id string, approve bool) {
					if err := g.Decide(id, approve); err != nil {
						t.Fatal(err)
					}
				})
		})
	}
}

func TestLedgerOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := open(t, dir)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			key := fmt.Sprintf("pay_%d", i)
			c, err := g.Authorize(t.Context(), key+":authorize", payments.Authorization{PaymentID: key, Amount: money.New(100, "EUR"), Token: "tok_visa"})
			if err == nil && i%2 == 0 {
				_, err = g.Capture(t.Context(), key+":capture", c.ID)
			} else if err == nil {
				_, err = g.Void(t.Context(), key+":void", c.ID)
			}
			if err == nil && i%4 == 0 {
				_, err = g.Refund(t.Context(), key+":cancel", c.ID, money.New(40, "EUR"), "")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := testgateway.Sums{Authorized: 20000, Captured: 10000, Refunded: 2000, Voided: 10000, Charges: 100}
	expect := func(who string, sums map[string]testgateway.Sums, err error) {
		t.Helper()
		if err != nil || sums["EUR"] != want {
			t.Errorf("%s: %+v, %v; want %+v", who, sums, err, want)
		}
	}
	expect("live", g.Sums(), nil)
	sums, err := testgateway.ReadLedger(dir)
	expect("beside", sums, err)

	if _, err := testgateway.Open(testgateway.Config{Dir: dir, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second process: %v", err)
	}
	g.Close()

	file := filepath.Join(dir, "ledger.jsonl")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"op":"capture","charge":"tch_`) // the process died here
	f.Close()
	sums, err = testgateway.ReadLedger(dir)
	expect("torn", sums, err)
	g = open(t, dir)
	expect("again", g.Sums(), nil)
	if _, err := g.Authorize(t.Context(), "pay_new:authorize", payments.Authorization{PaymentID: "pay_new", Amount: money.New(1, "EUR"), Token: "tok_visa"}); err != nil {
		t.Fatal(err)
	}
	g.Close()
	want.Authorized++
	sums, err = testgateway.ReadLedger(dir)
	expect("mended", sums, err)

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[10] = '!'
	copy(data, "damaged!")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := testgateway.Open(testgateway.Config{Dir: dir, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "line 1 is damaged") {
		t.Errorf("damaged ledger: %v", err)
	}
}

func BenchmarkAuthorize(b *testing.B) {
	g, err := testgateway.Open(testgateway.Config{Dir: b.TempDir(), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	for i := 0; b.Loop(); i++ {
		key := fmt.Sprintf("pay_%d", i)
		if _, err := g.Authorize(b.Context(), key, payments.Authorization{PaymentID: key, Amount: money.New(100, "EUR"), Token: "tok_visa"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorizeAtOnce(b *testing.B) {
	g, err := testgateway.Open(testgateway.Config{Dir: b.TempDir(), Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	var n atomic.Int64
	b.SetParallelism(16) // as many times as there are cores: payments calls 32 times at once
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := fmt.Sprintf("pay_%d", n.Add(1))
			if _, err := g.Authorize(b.Context(), key, payments.Authorization{PaymentID: key, Amount: money.New(100, "EUR"), Token: "tok_visa"}); err != nil {
				b.Error(err)
			}
		}
	})
}

// A refusal is the answer to its key for good, also after a restart; another key is another refund.
func TestRefundIsRefusedOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := open(t, dir)
	c, err := g.Authorize(t.Context(), "pay_1:authorize", payments.Authorization{PaymentID: "pay_1", Amount: money.New(1000, "EUR"), Token: "tok_refund_refused"})
	if err == nil {
		c, err = g.Capture(t.Context(), "pay_1:capture", c.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "a", "b", "b", "a"} {
		want := map[string]payments.RefundStatus{"a": payments.RefundFailed, "b": payments.RefundSucceeded}[key]
		r, err := g.Refund(t.Context(), "pay_1:"+key, c.ID, money.New(300, "EUR"), "")
		if err != nil || r.Status != want || want == payments.RefundFailed && r.Message == "" {
			t.Errorf("%s: %+v, %v; want %s", key, r, err, want)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		g = open(t, dir)
	}
	if got := g.Sums()["EUR"]; got.Refunded != 300 || got.Captured != 1000 {
		t.Errorf("%+v", got)
	}
}
