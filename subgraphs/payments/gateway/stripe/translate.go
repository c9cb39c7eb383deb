package stripe

import (
	"net/http"
	"strings"

	api "github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/webhook"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
)

// charge reads a PaymentIntent. It is confirmed when it is made, so one that wants a payment method has
// been declined; without a reason it is only being confirmed, and is asked for again.
func charge(p *api.PaymentIntent) payments.Charge {
	c := payments.Charge{ID: p.ID, Status: payments.ChargeProcessing}
	switch p.Status {
	case api.PaymentIntentStatusRequiresAction:
		c.Status = payments.ChargeActionRequired
		if p.NextAction != nil && p.NextAction.RedirectToURL != nil {
			c.ActionURL = p.NextAction.RedirectToURL.URL
		}
	case api.PaymentIntentStatusRequiresCapture:
		c.Status = payments.ChargeAuthorized
	case api.PaymentIntentStatusSucceeded:
		c.Status = payments.ChargeCaptured
	case api.PaymentIntentStatusCanceled:
		c.Status = payments.ChargeVoided
	case api.PaymentIntentStatusRequiresPaymentMethod:
		if p.LastPaymentError != nil {
			c.Status = payments.ChargeFailed
			c.Code, c.Message = failure(p.LastPaymentError)
		}
	}
	return c
}

func refund(r *api.Refund) payments.ChargeRefund {
	currency := strings.ToUpper(string(r.Currency))
	out := payments.ChargeRefund{ID: r.ID, Key: r.Metadata[metaKey], Amount: money.New(r.Amount/units(money.New(1, currency)), currency), Status: payments.RefundPending}
	switch r.Status {
	case api.RefundStatusSucceeded:
		out.Status = payments.RefundSucceeded
	case api.RefundStatusFailed, api.RefundStatusCanceled:
		out.Status, out.Message = payments.RefundFailed, string(r.FailureReason)
	}
	return out
}

// failure is Stripe's error in our codes. The message of a card error is meant for the customer, any
// other is for developers.
func failure(e *api.Error) (code, message string) {
	switch {
	case e.Type != api.ErrorTypeCard && e.Code != api.ErrorCodePaymentIntentAuthenticationFailure:
		return "INVALID_PAYMENT_METHOD", "The payment could not be made; choose another payment method."
	case e.DeclineCode == api.DeclineCodeInsufficientFunds:
		code = "INSUFFICIENT_FUNDS"
	case e.Code == api.ErrorCodePaymentIntentAuthenticationFailure:
		code = "AUTHENTICATION_FAILED"
	default:
		code = strings.ToUpper(string(e.Code)) // CARD_DECLINED, EXPIRED_CARD, INCORRECT_CVC, ...
	}
	return code, e.Msg
}

// units is the amount as Stripe counts it: https://docs.stripe.com/currencies says which currencies
// without minor units are still sent in hundredths.
func units(m money.Money) int64 {
	if m.Currency == "ISK" || m.Currency == "UGX" {
		return m.Amount * 100
	}
	return m.Amount
}

// ParseWebhook checks Stripe's signature and its age. The event's own picture of the object is not used:
// it may be older than what is known.
func (g *Gateway) ParseWebhook(header http.Header, body []byte) (payments.Webhook, error) {
	event, err := webhook.ConstructEventWithOptions(body, header.Get("Stripe-Signature"), g.cfg.WebhookSecret,
		webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
	if err != nil {
		return payments.Webhook{}, errs.Wrap(errs.BadInput, err, "the webhook is not signed by Stripe")
	}
	if event.Data == nil {
		return payments.Webhook{}, nil
	}
	object := event.Data.Object
	text := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	metadata, _ := object["metadata"].(map[string]any)
	w := payments.Webhook{PaymentID: text(metadata, metaPayment), ChargeID: text(object, "payment_intent")}
	if text(object, "object") == "payment_intent" {
		w.ChargeID = text(object, "id")
	}
	return w, nil
}
