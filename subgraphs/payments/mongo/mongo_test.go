package mongo_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/events"
	"storefront/internal/eventmeta"
	"storefront/internal/identity"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
)

func TestOrdersWays(t *testing.T) {
	t.Parallel()
	const o = "ord_1"
	all := []any{placed(o, "tok_visa", 1000), reserved(o), confirmed(o)}
	cases := []struct {
		name   string
		events []any
		status payments.PaymentStatus
		said   string
		code   string
	}{
		{"paid", all, payments.Captured, "authorized processed", ""},
		{"reserved before placed", []any{reserved(o), placed(o, "tok_visa", 1000), confirmed(o)}, payments.Captured, "authorized processed", ""},
		{"lost answer", []any{placed(o, "tok_timeout", 1000), reserved(o), confirmed(o)}, payments.Captured, "authorized processed", ""},
		{"slow", []any{placed(o, "tok_slow", 1000), reserved(o), confirmed(o)}, payments.Captured, "authorized processed", ""},
		{"free", []any{placed(o, "", 0), reserved(o), confirmed(o)}, payments.Captured, "authorized processed", ""},
		{"waits for confirmation", all[:2], payments.Authorized, "authorized", ""},
		{"declined", []any{placed(o, "tok_declined", 1000), reserved(o)}, payments.Failed, "failed", "CARD_DECLINED"},
		{"no funds", []any{placed(o, "tok_insufficient_funds", 1000), reserved(o)}, payments.Failed, "failed", "INSUFFICIENT_FUNDS"},
		{"expired card", []any{placed(o, "tok_expired_card", 1000), reserved(o)}, payments.Failed, "failed", "EXPIRED_CARD"},
		{"no token", []any{placed(o, "", 1000), reserved(o)}, payments.Failed, "failed", "INVALID_PAYMENT_METHOD"},
		{"reservation expired", []any{placed(o, "tok_visa", 1000), reserved(o), expired(o), confirmed(o)}, payments.Voided, "authorized voided", ""},
		{"expired before it began", []any{placed(o, "tok_visa", 1000), expired(o), reserved(o)}, payments.Voided, "voided", ""},
		{"expired during 3-D Secure", []any{placed(o, "tok_3ds", 1000), reserved(o), expired(o)}, payments.Voided, "action_required voided", ""},
		{"cancelled before all", []any{cancelled(o), placed(o, "tok_visa", 1000), reserved(o), confirmed(o)}, payments.Voided, "", ""},
		{"cancelled while authorized", []any{placed(o, "tok_visa", 1000), reserved(o), cancelled(o), confirmed(o)}, payments.Voided, "authorized voided", ""},
		{"cancelled after", append(slices.Clone(all), cancelled(o)), payments.Captured, "authorized processed refunded", ""},
		{"returned, then cancelled", append(slices.Clone(all), returned(o, "ret_1", 300), cancelled(o)), payments.Captured, "authorized processed refunded refunded", ""},
		{"returned before captured", []any{placed(o, "tok_visa", 1000), returned(o, "ret_1", 300), reserved(o), confirmed(o)}, payments.Captured, "authorized processed refunded", ""},
		{"returned more than was paid", append(slices.Clone(all), returned(o, "ret_1", 900), returned(o, "ret_2", 900), returned(o, "ret_3", 900)), payments.Captured, "authorized processed refunded refunded", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTill(t)
			s.tell(t, c.events...)
			for _, e := range c.events { // all of it again, one by one
				s.tell(t, e)
			}
			p := s.payment(t, o)
			if got := strings.Join(s.said(t, o), " "); p.Status != c.status || got != c.said {
				t.Errorf("%s after %q, want %s after %q", p.Status, got, c.status, c.said)
			}
			if c.code != "" && (p.FailureCode == nil || *p.FailureCode != c.code) {
				t.Errorf("failure code %v, want %s", p.FailureCode, c.code)
			}
			if p.Token != "" || p.Intent != nil || p.DueAt != nil {
				t.Errorf("left behind: token %q, intent %v, due %v", p.Token, p.Intent, p.DueAt)
			}
			if c.status != payments.Authorized {
				s.agree(t)
			}
		})
	}
}

// TestEveryInterleaving tells many orders' events in random order, some twice, over a line that loses
// calls and answers, and then lets Settle mend what was cut off.
func TestEveryInterleaving(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	faults := rand.New(rand.NewPCG(seed, 2))
	s.gateway.set(lossy(func() (bool, bool) { return faults.IntN(5) == 0, faults.IntN(5) == 0 }))

	const orders = 150
	tokens := []string{"tok_visa", "tok_visa", "tok_timeout", "tok_declined", "tok_3ds"}
	ends := map[string]string{}
	var list []any
	for i := range orders {
		o := fmt.Sprintf("ord_%d", i)
		list = append(list, placed(o, tokens[random.IntN(len(tokens))], 1000), reserved(o))
		switch ends[o] = []string{"confirmed", "expired", "cancelled", "confirmed cancelled", "confirmed returned"}[random.IntN(5)]; ends[o] {
		case "expired":
			list = append(list, expired(o))
		case "cancelled":
			list = append(list, cancelled(o))
		case "confirmed cancelled":
			list = append(list, confirmed(o), cancelled(o))
		case "confirmed returned":
			list = append(list, confirmed(o), returned(o, "ret_a", 300), returned(o, "ret_b", 900))
		case "confirmed":
			list = append(list, confirmed(o))
		}
	}
	for range len(list) / 2 {
		list = append(list, list[random.IntN(len(list))])
	}
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	work := make(chan any)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for e := range work {
				s.tell(t, e)
			}
		})
	}
	for _, e := range list {
		work <- e
	}
	close(work)
	wg.Wait()

	for round := 0; ; round++ { // customers decide, time passes, what was cut off is settled
		open := 0
		for o := range ends {
			p := s.payment(t, o)
			if p.Status == payments.ActionRequired && p.Intent == nil {
				if err := s.ledger.Decide(p.ChargeID, len(o)%2 == 0); err != nil {
					t.Fatal(err)
				}
				header, body := s.ledger.Sign(p.ID, p.ChargeID)
				_ = s.Receive(t.Context(), header, body) // lost ones are found by Settle
			}
			if p.Intent != nil || p.Status == payments.ActionRequired || p.Status == payments.Authorizing {
				open++
			}
		}
		if open == 0 {
			break
		}
		if round == 200 {
			t.Fatalf("%d payments do not come to an end", open)
		}
		s.clock.Add(int64(2 * time.Minute))
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for o, end := range ends {
		p, said := s.payment(t, o), s.said(t, o)
		for _, once := range []string{"authorized", "processed", "failed", "voided", "action_required"} {
			if n := strings.Count(strings.Join(said, " "), once); n > 1 {
				t.Errorf("%s (%s): %s was said %d times", o, end, once, n)
			}
		}
		switch captured := p.Status == payments.Captured; {
		case captured && !p.StockConfirmed:
			t.Errorf("%s (%s): captured without confirmed stock", o, end)
		case captured && p.CalledOff != "" && p.Refunded().Amount != 1000:
			t.Errorf("%s (%s): captured after it was called off, refunded %v", o, end, p.Refunded())
		case captured && end == "confirmed returned" && p.Refunded().Amount != 1000:
			t.Errorf("%s (%s): refunded %v, want all of it", o, end, p.Refunded())
		case !captured && p.Status != payments.Failed && p.Status != payments.Voided:
			t.Errorf("%s (%s): ends %s", o, end, p.Status)
		case p.Status == payments.Voided && p.CalledOff == "":
			t.Errorf("%s (%s): voided for no reason", o, end)
		}
	}
	s.agree(t)
}

func TestThreeDSecurePage(t *testing.T) {
	t.Parallel()
	for decision, want := range map[string]payments.PaymentStatus{"approve": payments.Authorized, "decline": payments.Failed} {
		t.Run(decision, func(t *testing.T) {
			t.Parallel()
			s := newTill(t)
			web := httptest.NewServer(s.HTTP())
			t.Cleanup(web.Close)
			s.tell(t, placed("ord_1", "tok_3ds", 1999), reserved("ord_1"))
			p := s.payment(t, "ord_1")
			if p.ActionURL == nil || *p.ActionURL != "http://shop.test/3ds/pay_1" {
				t.Fatalf("action URL %v", p.ActionURL)
			}
			jar, _ := cookiejar.New(nil)
			browser := &http.Client{Jar: jar}
			if res, err := http.PostForm(web.URL+"/3ds/pay_1", url.Values{"decision": {decision}, "token": {"forged"}}); err != nil || res.StatusCode != http.StatusForbidden {
				t.Fatalf("forged form: %v, %v; want 403", res, err)
			}
			page := fetch(t, browser, web.URL+"/3ds/pay_1", nil)
			if !strings.Contains(page, "19.99 EUR") {
				t.Errorf("no amount in page %s", page)
			}
			token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
			form := url.Values{"decision": {decision}, "token": {token[1]}}
			after := fetch(t, browser, web.URL+"/3ds/pay_1", form)
			if got := s.payment(t, "ord_1").Status; got != want {
				t.Errorf("%s after %q, want %s; page %s", got, decision, want, after)
			}
			said := s.said(t, "ord_1")
			fetch(t, browser, web.URL+"/3ds/pay_1", form) // again
			header, body := s.ledger.Sign("pay_1", p.ChargeID)
			for range 10 {
				if err := s.Receive(t.Context(), header, body); err != nil {
					t.Fatal(err)
				}
			}
			if again := s.said(t, "ord_1"); len(again) != len(said) {
				t.Errorf("repeats said %v after %v", again, said)
			}
		})
	}
}

func TestUnsignedWebhookIsRefused(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	web := httptest.NewServer(s.HTTP())
	t.Cleanup(web.Close)
	res, err := http.Post(web.URL+"/webhooks/test", "application/json", strings.NewReader(`{"payment":"pay_1","charge":"tch_1"}`))
	if err != nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("%v, %v; want 400", res, err)
	}
}

func fetch(t *testing.T, c *http.Client, address string, form url.Values) string {
	t.Helper()
	get := func() (*http.Response, error) { return c.Get(address) }
	if form != nil {
		get = func() (*http.Response, error) { return c.PostForm(address, form) }
	}
	res, err := get()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b strings.Builder
	if err := res.Write(&b); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", address, res.Status, err, b.String())
	}
	return b.String()
}

func TestStaffRefunds(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	s.tell(t, placed("ord_1", "tok_visa", 1000), reserved("ord_1"), confirmed("ord_1"))
	staff := identity.With(t.Context(), identity.Identity{User: "usr_staff", Roles: []string{"staff"}})
	eur := func(n int64) *money.Money { m := money.New(n, "EUR"); return &m }
	for _, step := range []struct {
		amount *money.Money
		key    string
		fails  string
		left   int64
	}{
		{eur(300), "a", "", 700},
		{eur(300), "a", "", 700},
		{eur(301), "a", "this idempotency key refunded 3.00 EUR before; use a new key for another refund", 700},
		{eur(701), "b", "7.01 EUR is more than the 7.00 EUR that is left", 700},
		{eur(0), "b", "the amount must be more than 0", 700},
		{nil, "b", "", 0},
		{nil, "b", "", 0},
		{nil, "c", "nothing is left to refund", 0},
	} {
		p, err := s.Refund(staff, "pay_1", step.amount, "goodwill", step.key)
		if got := fmt.Sprint(err); err != nil && got != step.fails || err == nil && step.fails != "" {
			t.Errorf("refund %v by key %s: %v, want %q", step.amount, step.key, err, step.fails)
		}
		if err == nil && 1000-p.Refunded().Amount != step.left {
			t.Errorf("refund %v by key %s: %v refunded, want %d left", step.amount, step.key, p.Refunded(), step.left)
		}
	}
	if _, err := s.Refund(t.Context(), "pay_1", nil, "mine", "x"); err == nil {
		t.Error("a visitor refunded")
	}
	s.agree(t)
	entries, err := s.store.Load(t.Context(), []string{"pay_1"})
	if err != nil {
		t.Fatal(err)
	}
	records := entries["pay_1"]
	var last events.PaymentRefunded
	if err := json.Unmarshal(records[len(records)-1].Data, &last); err != nil || last.Refunded.Amount != 1000 || last.Amount.Amount != 700 {
		t.Errorf("last event %+v, %v", last, err)
	}
}

// TestDeathBetweenChargeAndOutcome lets a process die after each of its calls to the gateway, before the
// outcome is written; another one, started over the same store and ledger, finishes.
func TestDeathBetweenChargeAndOutcome(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	steps := []func(o string) any{
		func(o string) any { return placed(o, "tok_visa", 1000) },
		func(o string) any { return reserved(o) },
		func(o string) any { return confirmed(o) },
		func(o string) any { return returned(o, "ret_1", 400) },
		func(o string) any { return cancelled(o) },
	}
	for dies := range steps {
		o := fmt.Sprintf("ord_%d", dies)
		for i, step := range steps {
			lost := i == dies
			s.gateway.set(lossy(func() (bool, bool) { return false, lost })) // also the questions afterwards
			s.tell(t, step(o))
			if !lost {
				continue
			}
			s.gateway.set(nil)
			s.tell(t, step(o)) // the event comes again: somebody is at it, as far as anyone knows
			s.clock.Add(int64(time.Minute))
			var wg sync.WaitGroup
			for range 4 { // several processes find it at once
				wg.Go(func() {
					if err := s.Settle(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if p := s.payment(t, o); p.Status != payments.Captured || p.Refunded().Amount != 1000 || p.Intent != nil {
			t.Errorf("died at step %d: %s, refunded %v, intent %v", dies, p.Status, p.Refunded(), p.Intent)
		}
		if got := strings.Join(s.said(t, o), " "); got != "authorized processed refunded refunded" {
			t.Errorf("died at step %d: said %s", dies, got)
		}
	}
	s.agree(t)
}

// What Settle brings to an end belongs to the trace of the order, and names the event that began it.
func TestSettleBelongsToTheOrder(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	began := eventmeta.Origin{Event: "evt_placed", Traceparent: trace}.Context(t.Context())
	if err := s.Place(began, placed("ord_1", "tok_visa", 1000)); err != nil {
		t.Fatal(err)
	}
	s.gateway.set(lossy(func() (bool, bool) { return false, true }))
	s.tell(t, reserved("ord_1"))
	s.gateway.set(nil)
	s.clock.Add(int64(time.Minute))
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := payments.PaymentID("ord_1")
	entries, err := s.store.Load(t.Context(), []string{id})
	if err != nil || len(entries[id]) != 1 {
		t.Fatalf("said: %v, %v", entries, err)
	}
	if e := entries[id][0]; e.Cause != "evt_placed" || e.Traceparent != trace {
		t.Errorf("its cause is %q, its trace %q", e.Cause, e.Traceparent)
	}
}

// TestGatewayThatHangsHoldsUpNoEvent: while the one call that may be made never ends, other orders' events
// are handled all the same, and their steps are left to Settle.
func TestGatewayThatHangsHoldsUpNoEvent(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	s.Service = payments.New(payments.Config{Store: s.store, Gateway: s.gateway, Now: time.Now, Log: slog.New(slog.DiscardHandler), Calls: 1, Timeout: 20 * time.Millisecond})
	hangs, ends := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.gateway.set(func(_, _ string, call func() error) error {
		once.Do(func() { close(hangs) })
		<-ends
		return call()
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := tell(t.Context(), s.Service, placed("ord_1", "tok_visa", 1000)); err != nil {
			t.Error(err)
		}
		if err := tell(t.Context(), s.Service, reserved("ord_1")); err != nil {
			t.Error(err)
		}
	})
	<-hangs
	told := make(chan struct{})
	go func() {
		defer close(told)
		for _, e := range []any{placed("ord_2", "tok_visa", 1000), reserved("ord_2")} {
			if err := tell(t.Context(), s.Service, e); err != nil {
				t.Error(err)
			}
		}
	}()
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		t.Error("the second order's events wait for the first one's call")
	}
	close(ends)
	wg.Wait()
	<-told
	if p := s.payment(t, "ord_2"); p.Status != payments.Authorizing || p.Intent == nil || p.DueAt == nil {
		t.Errorf("%s, intent %v, due %v; want a step that Settle takes", p.Status, p.Intent, p.DueAt)
	}
}

// TestPageOfAnOrderThatWasCalledOff does not say that the payment is approved, whatever it came to.
func TestPageOfAnOrderThatWasCalledOff(t *testing.T) {
	t.Parallel()
	s := newTill(t)
	web := httptest.NewServer(s.HTTP())
	t.Cleanup(web.Close)
	s.tell(t, placed("ord_1", "tok_visa", 1000), reserved("ord_1"), confirmed("ord_1"), cancelled("ord_1"))
	s.tell(t, placed("ord_2", "tok_3ds", 1000), reserved("ord_2"))
	s.gateway.set(lossy(func() (bool, bool) { return true, false })) // the void is under way for long
	s.tell(t, cancelled("ord_2"))
	for _, id := range []string{"pay_1", "pay_2"} {
		if page := fetch(t, http.DefaultClient, web.URL+"/3ds/"+id, nil); !strings.Contains(page, "called off") {
			t.Errorf("%s: %s", id, page)
		}
	}
}
