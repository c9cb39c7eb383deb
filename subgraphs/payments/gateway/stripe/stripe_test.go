package stripe_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v82/webhook"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/gatewaytest"
	"storefront/subgraphs/payments/gateway/stripe"
)

const webhookSecret = "whsec_123"

func newGateway(t *testing.T, s *server) *stripe.Gateway {
	t.Helper()
	g, err := stripe.New(stripe.Config{Key: secretKey, PublishableKey: "pk_test_1", WebhookSecret: webhookSecret, URL: s.URL, Client: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestContract(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	gatewaytest.Run(t, newGateway(t, s), gatewaytest.Tokens{Succeeds: "pm_card_visa", Declined: "pm_card_visa_chargeDeclined",
		NoFunds: "pm_card_visa_chargeDeclinedInsufficientFunds", Challenge: "pm_card_authenticationRequired"}, s.decide)
}

func TestLostAnswerIsNoSecondCharge(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGateway(t, s)
	s.outage = 1
	a := payments.Authorization{PaymentID: "pay_1", Amount: money.New(1999, "EUR"), Token: "pm_card_visa", URL: "http://shop.test/3ds/pay_1"}
	if _, err := g.Authorize(t.Context(), "pay_1:authorize", a); !errs.Is(err, errs.Unavailable) {
		t.Fatalf("outage: %v, want UNAVAILABLE", err)
	}
	found, err := g.Lookup(t.Context(), "pay_1:authorize")
	if err != nil || found.Status != payments.ChargeAuthorized {
		t.Fatalf("lookup: %+v, %v", found, err)
	}
	again, err := g.Authorize(t.Context(), "pay_1:authorize", a)
	if err != nil || again.ID != found.ID || s.made != 1 {
		t.Errorf("repeat: %+v, %v; %d payment intents, want 1", again, err, s.made)
	}
}

// TestBeingConfirmedIsNotDeclined asks for a payment while Stripe is still confirming it: without an error, a
// payment intent that wants a payment method has not been declined.
func TestBeingConfirmedIsNotDeclined(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := newGateway(t, s)
	c, err := g.Authorize(t.Context(), "pay_1:authorize", payments.Authorization{PaymentID: "pay_1", Amount: money.New(1999, "EUR"), Token: "pm_card_visa", URL: "http://shop.test/3ds/pay_1"})
	if err != nil {
		t.Fatal(err)
	}
	s.intents[c.ID].Status = "requires_payment_method"
	if now, err := g.Fetch(t.Context(), c.ID); err != nil || now.Status != payments.ChargeProcessing {
		t.Errorf("%+v, %v; want PROCESSING", now, err)
	}
}

func TestWrongKeyIsNotADecline(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g, err := stripe.New(stripe.Config{Key: "sk_test_wrong", WebhookSecret: webhookSecret, URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Authorize(t.Context(), "k", payments.Authorization{Amount: money.New(1, "EUR")}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("%v, want UNAVAILABLE", err)
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	g := newGateway(t, newServer(t))
	sign := func(body, secret string, at time.Time) http.Header {
		signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: at})
		return http.Header{"Stripe-Signature": {signed.Header}}
	}
	event := func(object string) string {
		return fmt.Sprintf(`{"id":"evt_1","object":"event","api_version":"2020-08-27","type":"x","data":{"object":%s}}`, object)
	}
	mine := payments.Webhook{PaymentID: "pay_1", ChargeID: "pi_1"}
	for object, want := range map[string]payments.Webhook{
		`{"id":"pi_1","object":"payment_intent","metadata":{"storefront_payment":"pay_1"}}`:                 mine,
		`{"id":"re_1","object":"refund","payment_intent":"pi_1","metadata":{"storefront_payment":"pay_1"}}`: mine,
		`{"id":"ch_1","object":"charge","payment_intent":"pi_1","metadata":{"storefront_payment":"pay_1"}}`: mine,
		`{"id":"pi_9","object":"payment_intent","metadata":{}}`:                                             {ChargeID: "pi_9"},
		`{"id":"cus_1","object":"customer"}`:                                                                {},
	} {
		body := event(object)
		got, err := g.ParseWebhook(sign(body, webhookSecret, time.Now()), []byte(body))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", object, got, err, want)
		}
		for name, header := range map[string]http.Header{
			"forged": sign(body, "whsec_other", time.Now()),
			"old":    sign(body, webhookSecret, time.Now().Add(-time.Hour)),
			"absent": {},
		} {
			if _, err := g.ParseWebhook(header, []byte(body)); !errs.Is(err, errs.BadInput) {
				t.Errorf("%s signature: %v, want BAD_INPUT", name, err)
			}
		}
	}
}
