// Package gatewaytest is what every payment gateway must do, as a test.
package gatewaytest

import (
	"sync"
	"testing"

	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
)

// Tokens are payment methods of the gateway under test.
type Tokens struct{ Succeeds, Declined, NoFunds, Challenge string }

// Run tests g; decide is the customer's answer to 3-D Secure.
func Run(t *testing.T, g payments.Gateway, tokens Tokens, decide func(chargeID string, approve bool)) {
	authorize := func(t *testing.T, token string) (payment string, c payments.Charge) {
		t.Helper()
		payment = id.New("pay")
		c, err := g.Authorize(t.Context(), payment+":authorize", authorization(payment, token))
		if err != nil {
			t.Fatal(err)
		}
		return payment, c
	}
	expect := func(t *testing.T, c payments.Charge, err error, want payments.ChargeStatus) {
		t.Helper()
		if err != nil || c.Status != want {
			t.Fatalf("%+v, %v; want %s", c, err, want)
		}
	}
	t.Run("capture and refund once per key", func(t *testing.T) {
		payment, c := authorize(t, tokens.Succeeds)
		expect(t, c, nil, payments.ChargeAuthorized)
		again, err := g.Authorize(t.Context(), payment+":authorize", authorization(payment, tokens.Succeeds))
		if err != nil || again.ID != c.ID {
			t.Fatalf("second authorize made %+v, %v; want %s again", again, err, c.ID)
		}
		for range 2 {
			captured, err := g.Capture(t.Context(), payment+":capture", c.ID)
			expect(t, captured, err, payments.ChargeCaptured)
		}
		late, err := g.Void(t.Context(), payment+":void", c.ID)
		expect(t, late, err, payments.ChargeCaptured)
		for range 2 {
			r, err := g.Refund(t.Context(), payment+":refund:a", c.ID, money.New(300, "EUR"), "broken")
			if err != nil || r.Status != payments.RefundSucceeded || r.Key != payment+":refund:a" || r.Amount != money.New(300, "EUR") {
				t.Fatalf("refund %+v, %v", r, err)
			}
		}
		r, err := g.Refund(t.Context(), payment+":refund:b", c.ID, money.New(1700, "EUR"), "too much")
		if err != nil || r.Status != payments.RefundFailed {
			t.Fatalf("refund of more than is left: %+v, %v", r, err)
		}
		now, err := g.Fetch(t.Context(), c.ID)
		expect(t, now, err, payments.ChargeCaptured)
		if len(now.Refunds) != 1 || now.Refunds[0].Key != payment+":refund:a" || now.Refunds[0].Amount != money.New(300, "EUR") {
			t.Errorf("refunds %+v", now.Refunds)
		}
	})
	t.Run("void", func(t *testing.T) {
		payment, c := authorize(t, tokens.Succeeds)
		for range 2 {
			voided, err := g.Void(t.Context(), payment+":void", c.ID)
			expect(t, voided, err, payments.ChargeVoided)
		}
		late, err := g.Capture(t.Context(), payment+":capture", c.ID)
		expect(t, late, err, payments.ChargeVoided)
	})
	t.Run("declined", func(t *testing.T) {
		for token, code := range map[string]string{tokens.Declined: "CARD_DECLINED", tokens.NoFunds: "INSUFFICIENT_FUNDS", "pm_unknown": "INVALID_PAYMENT_METHOD"} {
			_, c := authorize(t, token)
			expect(t, c, nil, payments.ChargeFailed)
			if c.Code != code || c.Message == "" {
				t.Errorf("%s: %q %q, want %s", token, c.Code, c.Message, code)
			}
		}
	})
	t.Run("3-D Secure", func(t *testing.T) {
		for approve, want := range map[bool]payments.ChargeStatus{true: payments.ChargeAuthorized, false: payments.ChargeFailed} {
			_, c := authorize(t, tokens.Challenge)
			expect(t, c, nil, payments.ChargeActionRequired)
			if c.ActionURL == "" {
				t.Error("no page to go to")
			}
			decide(c.ID, approve)
			after, err := g.Fetch(t.Context(), c.ID)
			expect(t, after, err, want)
			if !approve && after.Code != "AUTHENTICATION_FAILED" {
				t.Errorf("code %q", after.Code)
			}
		}
		payment, c := authorize(t, tokens.Challenge)
		voided, err := g.Void(t.Context(), payment+":void", c.ID)
		expect(t, voided, err, payments.ChargeVoided)
	})
	t.Run("lookup", func(t *testing.T) {
		payment, c := authorize(t, tokens.Succeeds)
		found, err := g.Lookup(t.Context(), payment+":authorize")
		expect(t, found, err, payments.ChargeAuthorized)
		if found.ID != c.ID {
			t.Errorf("found %s, want %s", found.ID, c.ID)
		}
		if _, err := g.Lookup(t.Context(), "pay_none:authorize"); !errs.Is(err, errs.NotFound) {
			t.Errorf("lookup of nothing: %v", err)
		}
		if _, err := g.Fetch(t.Context(), "pi_none"); !errs.Is(err, errs.NotFound) {
			t.Errorf("fetch of nothing: %v", err)
		}
	})
	t.Run("one key at once", func(t *testing.T) {
		payment := id.New("pay")
		var wg sync.WaitGroup
		ids := make([]string, 20)
		for i := range ids {
			wg.Go(func() {
				c, err := g.Authorize(t.Context(), payment+":authorize", authorization(payment, tokens.Succeeds))
				if err != nil {
					t.Error(err)
				}
				ids[i] = c.ID
			})
		}
		wg.Wait()
		for _, one := range ids {
			if one != ids[0] {
				t.Fatalf("one key made charges %v", ids)
			}
		}
	})
}

func authorization(payment, token string) payments.Authorization {
	return payments.Authorization{PaymentID: payment, OrderID: id.Swap(payment, "ord"), Amount: money.New(1999, "EUR"), Token: token,
		URL: "http://shop.test/3ds/" + payment}
}
