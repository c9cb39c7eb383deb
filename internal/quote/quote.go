// Package quote is a shipping rate as shipping offers it and an order takes it: signed, so that a client
// carries it from one to the other and neither has to ask the other.
package quote

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/money"
)

// Lifetime is how long a quote is good for.
const Lifetime = time.Hour

// Quote is a price for sending up to Grams to a country by a method.
type Quote struct {
	Method    string      `json:"m"`
	Title     string      `json:"t"`
	Price     money.Money `json:"p"`
	Grams     int         `json:"g"`
	Country   string      `json:"c"`
	Value     money.Money `json:"v"` // of the goods it was made for
	ExpiresAt time.Time   `json:"e"`
}

// Signer signs quotes with a secret that shipping and orders share.
type Signer struct{ secret []byte }

// NewSigner returns a Signer; secret should have 32 random bytes.
func NewSigner(secret []byte) *Signer { return &Signer{secret} }

// Sign returns q as a token.
func (s *Signer) Sign(q Quote) string {
	payload, _ := json.Marshal(q) // plain data: cannot fail
	body := base64.RawURLEncoding.EncodeToString(payload)
	return body + "." + s.mac(body)
}

// Open returns the quote that Sign made token of. Errors are BadInput.
func (s *Signer) Open(token string, now time.Time) (Quote, error) {
	body, mac, ok := strings.Cut(token, ".")
	if !ok || !hmac.Equal([]byte(mac), []byte(s.mac(body))) {
		return Quote{}, errs.Input([]string{"rate"}, "this is not a shipping quote; take one from cart.shippingRates.quote")
	}
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return Quote{}, errs.Input([]string{"rate"}, "this is not a shipping quote; take one from cart.shippingRates.quote")
	}
	var q Quote
	if err := json.Unmarshal(payload, &q); err != nil {
		return Quote{}, errs.Input([]string{"rate"}, "this is not a shipping quote; take one from cart.shippingRates.quote")
	}
	if now.After(q.ExpiresAt) {
		return q, errs.Input([]string{"rate"}, "this shipping quote has expired; take a fresh one from cart.shippingRates.quote")
	}
	return q, nil
}

func (s *Signer) mac(body string) string {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte("quote\x00" + body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
