// Package stripe is the payment gateway of stripe.com: a payment is a PaymentIntent that is confirmed
// when it is made and captured by hand. Our keys are Stripe's idempotency keys, and are in the metadata
// too, so that a call whose answer was lost can be found.
package stripe

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	api "github.com/stripe/stripe-go/v82"

	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/subgraphs/payments"
)

// Metadata of our objects at Stripe.
const (
	metaPayment = "storefront_payment"
	metaOrder   = "storefront_order"
	metaKey     = "storefront_key"
	metaReason  = "storefront_reason"
)

// Config of a Gateway.
type Config struct {
	Key            string // secret key, sk_...
	PublishableKey string // pk_..., for clients
	WebhookSecret  string // whsec_...
	URL            string // of the API; Stripe's own when empty
	Client         *http.Client
}

// Gateway implements payments.Gateway.
type Gateway struct {
	client *api.Client
	cfg    Config
}

var _ payments.Gateway = (*Gateway)(nil)

// New returns the gateway. BadInput names what is missing.
func New(cfg Config) (*Gateway, error) {
	switch {
	case cfg.Key == "":
		return nil, errs.New(errs.BadInput, "Stripe wants a secret key; it begins with sk_")
	case cfg.WebhookSecret == "":
		return nil, errs.New(errs.BadInput, "Stripe wants the signing secret of its webhook; it begins with whsec_")
	}
	backend := &api.BackendConfig{
		HTTPClient: cfg.Client, EnableTelemetry: api.Bool(false), MaxNetworkRetries: api.Int64(1),
		LeveledLogger: &api.LeveledLogger{Level: api.LevelNull}, // errors are returned, and logged by who asked
	}
	if cfg.URL != "" {
		backend.URL = &cfg.URL
	}
	return &Gateway{api.NewClient(cfg.Key, api.WithBackends(api.NewBackendsWithConfig(backend))), cfg}, nil
}

// Configuration carries the publishable key.
func (g *Gateway) Configuration() payments.PaymentConfiguration {
	c := payments.PaymentConfiguration{Gateway: "stripe"}
	if g.cfg.PublishableKey != "" {
		c.PublishableKey = &g.cfg.PublishableKey
	}
	return c
}

// Authorize makes and confirms a PaymentIntent. A token that begins with ctoken_ is a ConfirmationToken,
// any other a PaymentMethod.
func (g *Gateway) Authorize(ctx context.Context, key string, a payments.Authorization) (payments.Charge, error) {
	params := &api.PaymentIntentCreateParams{
		Amount: api.Int64(units(a.Amount)), Currency: api.String(strings.ToLower(a.Amount.Currency)),
		CaptureMethod: api.String("manual"), Confirm: api.Bool(true), PaymentMethodTypes: []*string{api.String("card")},
		ReturnURL: api.String(a.URL), // with it, 3-D Secure is a page to go to and needs no script of Stripe's
		Metadata:  map[string]string{metaPayment: a.PaymentID, metaOrder: a.OrderID, metaKey: key},
	}
	if strings.HasPrefix(a.Token, "ctoken_") {
		params.ConfirmationToken = &a.Token
	} else {
		params.PaymentMethod = &a.Token
	}
	params.SetIdempotencyKey(key)
	intent, err := g.client.V1PaymentIntents.Create(ctx, params)
	if err == nil {
		return charge(intent), nil
	}
	e, final := refusal(err)
	if !final {
		return payments.Charge{}, away(err, "authorize %s", a.PaymentID)
	}
	c := payments.Charge{Status: payments.ChargeFailed}
	if e.PaymentIntent != nil {
		c.ID = e.PaymentIntent.ID
	}
	c.Code, c.Message = failure(e)
	return c, nil
}

// Capture takes what is held.
func (g *Gateway) Capture(ctx context.Context, key, chargeID string) (payments.Charge, error) {
	params := &api.PaymentIntentCaptureParams{}
	params.SetIdempotencyKey(key)
	intent, err := g.client.V1PaymentIntents.Capture(ctx, chargeID, params)
	return g.changed(ctx, chargeID, intent, err, payments.ChargeAuthorized)
}

// Void cancels the PaymentIntent.
func (g *Gateway) Void(ctx context.Context, key, chargeID string) (payments.Charge, error) {
	params := &api.PaymentIntentCancelParams{}
	params.SetIdempotencyKey(key)
	intent, err := g.client.V1PaymentIntents.Cancel(ctx, chargeID, params)
	return g.changed(ctx, chargeID, intent, err, payments.ChargeAuthorized, payments.ChargeActionRequired)
}

// changed answers with the charge as it is. A change that Stripe refuses came too late: what it is now
// says why. When it still is what it was before, the refusal is an error.
func (g *Gateway) changed(ctx context.Context, id string, intent *api.PaymentIntent, err error, before ...payments.ChargeStatus) (payments.Charge, error) {
	if err == nil {
		return charge(intent), nil
	}
	if _, final := refusal(err); !final {
		return payments.Charge{}, away(err, "change payment intent %s", id)
	}
	c, fetchErr := g.Fetch(ctx, id)
	if fetchErr != nil {
		return c, fetchErr
	}
	if slices.Contains(before, c.Status) {
		return c, away(err, "change payment intent %s", id)
	}
	return c, nil
}

// Refund gives back part of what was captured.
func (g *Gateway) Refund(ctx context.Context, key, chargeID string, amount money.Money, reason string) (payments.ChargeRefund, error) {
	params := &api.RefundCreateParams{
		PaymentIntent: &chargeID, Amount: api.Int64(units(amount)), Reason: api.String("requested_by_customer"),
		Metadata: map[string]string{metaKey: key, metaReason: short(reason), metaPayment: strings.SplitN(key, ":", 2)[0]},
	}
	params.SetIdempotencyKey(key)
	r, err := g.client.V1Refunds.Create(ctx, params)
	if err == nil {
		return refund(r), nil
	}
	if e, final := refusal(err); final {
		return payments.ChargeRefund{Key: key, Status: payments.RefundFailed, Message: e.Msg}, nil
	}
	return payments.ChargeRefund{}, away(err, "refund payment intent %s", chargeID)
}

// Lookup searches by key. Stripe's search lags behind by up to a minute, so NotFound only means that
// the call has to be repeated with its key.
func (g *Gateway) Lookup(ctx context.Context, key string) (payments.Charge, error) {
	params := &api.PaymentIntentSearchParams{SearchParams: api.SearchParams{
		Query: "metadata['" + metaKey + "']:'" + strings.ReplaceAll(key, "'", `\'`) + "'", Limit: api.Int64(1)}}
	for intent, err := range g.client.V1PaymentIntents.Search(ctx, params) {
		if _, final := refusal(err); final {
			break // search is not open to every account
		}
		if err != nil {
			return payments.Charge{}, away(err, "search payment intent")
		}
		return charge(intent), nil
	}
	return payments.Charge{}, errs.New(errs.NotFound, "no payment intent was found by key %s", key)
}

// Fetch reads a PaymentIntent and its refunds.
func (g *Gateway) Fetch(ctx context.Context, chargeID string) (payments.Charge, error) {
	intent, err := g.client.V1PaymentIntents.Retrieve(ctx, chargeID, nil)
	if e, final := refusal(err); final && e.HTTPStatusCode == http.StatusNotFound {
		return payments.Charge{}, errs.Wrap(errs.NotFound, err, "there is no payment intent %s", chargeID)
	}
	if err != nil {
		return payments.Charge{}, away(err, "get payment intent %s", chargeID)
	}
	c := charge(intent)
	if c.Status != payments.ChargeCaptured {
		return c, nil
	}
	list := &api.RefundListParams{PaymentIntent: &chargeID}
	list.Limit = api.Int64(100)
	for r, err := range g.client.V1Refunds.List(ctx, list) {
		if err != nil {
			return c, away(err, "list refunds of payment intent %s", chargeID)
		}
		c.Refunds = append(c.Refunds, refund(r))
	}
	return c, nil
}

// refusal returns Stripe's error when it is an answer: the request was understood and declined, and
// would be again. Everything else (keys in use, limits, wrong credentials, servers in trouble) is not.
func refusal(err error) (*api.Error, bool) {
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		return nil, false
	}
	final := e.Type == api.ErrorTypeCard || e.Type == api.ErrorTypeInvalidRequest
	switch e.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		return e, final
	}
	return e, false
}

// short keeps a text within what a value of the metadata may hold.
func short(text string) string {
	if runes := []rune(text); len(runes) > 500 {
		return string(runes[:500])
	}
	return text
}

func away(err error, format string, args ...any) error {
	return errs.Wrap(errs.Unavailable, err, "the payment gateway does not answer ("+format+")", args...)
}
