package payments

import (
	"context"
	"net/http"

	"storefront/internal/money"
)

// Gateway moves money. Calls with the same key are the same call, however often they are made: the
// answer is the first one's. A decline is an answer, not an error. An error means that the outcome is
// not known, and the caller asks Lookup or Fetch, or repeats the call with the same key.
type Gateway interface {
	// Configuration is what a client needs to collect a payment method; its Gateway is the name.
	Configuration() PaymentConfiguration
	// Authorize holds an amount on the customer's payment method.
	Authorize(ctx context.Context, key string, a Authorization) (Charge, error)
	// Capture takes the whole of what is held.
	Capture(ctx context.Context, key, chargeID string) (Charge, error)
	// Void gives back what is held. A charge that was captured stays so, and the answer says it.
	Void(ctx context.Context, key, chargeID string) (Charge, error)
	// Refund gives back part of what was captured.
	Refund(ctx context.Context, key, chargeID string, amount money.Money, reason string) (ChargeRefund, error)
	// Lookup finds the charge that Authorize made with key; NotFound when it is not known (yet).
	Lookup(ctx context.Context, key string) (Charge, error)
	// Fetch returns a charge as it is, with its refunds; NotFound when there is none.
	Fetch(ctx context.Context, chargeID string) (Charge, error)
	// ParseWebhook checks the signature of what the gateway sent. Errors are BadInput.
	ParseWebhook(header http.Header, body []byte) (Webhook, error)
}

// Challenger is a gateway whose 3-D Secure page this service shows itself.
type Challenger interface {
	// Challenge handles GET and POST of a payment's page; deliver brings the webhook that a decision causes.
	Challenge(w http.ResponseWriter, r *http.Request, p Payment, deliver func(http.Header, []byte) error)
}

// Authorization is what is to be held.
type Authorization struct {
	PaymentID string
	OrderID   string
	Amount    money.Money
	Token     string // the payment method, as the client's form got it from the gateway
	URL       string // the payment's page here: the customer comes back to it after 3-D Secure
}

// ChargeStatus is how far the gateway is.
type ChargeStatus string

// What a charge can be.
const (
	ChargeActionRequired ChargeStatus = "ACTION_REQUIRED"
	ChargeAuthorized     ChargeStatus = "AUTHORIZED"
	ChargeCaptured       ChargeStatus = "CAPTURED"
	ChargeVoided         ChargeStatus = "VOIDED"
	ChargeFailed         ChargeStatus = "FAILED"
	ChargeProcessing     ChargeStatus = "PROCESSING" // ask again later
)

// Charge is a payment as the gateway sees it.
type Charge struct {
	ID        string
	Status    ChargeStatus
	ActionURL string // while ACTION_REQUIRED
	Code      string // why FAILED: CARD_DECLINED, INSUFFICIENT_FUNDS, ...
	Message   string // the same, for the customer
	Refunds   []ChargeRefund
}

// ChargeRefund is a refund as the gateway sees it.
type ChargeRefund struct {
	ID      string // "" when it was refused before it began
	Key     string // ours; "" when somebody else made it
	Amount  money.Money
	Status  RefundStatus
	Message string // why FAILED
}

// Webhook says that something happened to a charge; Fetch says what. Empty ids mean that it is of no
// interest here.
type Webhook struct {
	PaymentID string
	ChargeID  string
}

// PaymentConfiguration is what a client needs to collect a payment method.
type PaymentConfiguration struct {
	Gateway        string
	PublishableKey *string
	TestTokens     []TestToken
}

// TestToken is a payment method that is none.
type TestToken struct{ Token, Description string }
