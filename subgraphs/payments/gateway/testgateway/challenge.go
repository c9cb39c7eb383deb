package testgateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"html/template"
	"net/http"

	"storefront/internal/errs"
	"storefront/subgraphs/payments"
)

const (
	signatureHeader = "Storefront-Test-Signature"
	maxForm         = 16 << 10 // bytes
)

//go:embed challenge.html
var challengeHTML string

var challengePage = template.Must(template.New("challenge").Parse(challengeHTML))

// webhook is what the gateway sends when a customer has decided.
type webhook struct {
	Type    string `json:"type"`
	Payment string `json:"payment"`
	Charge  string `json:"charge"`
}

// ParseWebhook checks the signature.
func (g *Gateway) ParseWebhook(header http.Header, body []byte) (payments.Webhook, error) {
	if !hmac.Equal([]byte(header.Get(signatureHeader)), []byte(g.mac(string(body)))) {
		return payments.Webhook{}, errs.New(errs.BadInput, "the signature in %s is not this body's", signatureHeader)
	}
	var w webhook
	if err := json.Unmarshal(body, &w); err != nil {
		return payments.Webhook{}, errs.Wrap(errs.BadInput, err, "the body is not a webhook")
	}
	return payments.Webhook{PaymentID: w.Payment, ChargeID: w.Charge}, nil
}

// Sign makes the webhook that a change of a charge causes.
func (g *Gateway) Sign(paymentID, chargeID string) (http.Header, []byte) {
	body, _ := json.Marshal(webhook{"charge.updated", paymentID, chargeID}) // strings only: cannot fail
	return http.Header{signatureHeader: {g.mac(string(body))}}, body
}

func (g *Gateway) mac(text string) string {
	m := hmac.New(sha256.New, g.cfg.Secret)
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// Challenge is the bank's page: a form whose token belongs to a cookie of this browser, so that another
// site cannot send it.
func (g *Gateway) Challenge(w http.ResponseWriter, r *http.Request, p payments.Payment, deliver func(http.Header, []byte) error) {
	cookie, err := r.Cookie("storefront-3ds")
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err != nil || !hmac.Equal([]byte(r.PostFormValue("token")), []byte(g.mac(cookie.Value+p.ID))) {
			http.Error(w, "This form is out of date; open the page again.", http.StatusForbidden)
			return
		}
		decision := r.PostFormValue("decision")
		if decision != "approve" && decision != "decline" {
			http.Error(w, "Choose to approve or to decline the payment.", http.StatusBadRequest)
			return
		}
		if err := g.Decide(p.ChargeID, decision == "approve"); err != nil {
			http.Error(w, "The decision could not be kept; try again.", http.StatusServiceUnavailable)
			return
		}
		header, body := g.Sign(p.ID, p.ChargeID)
		if err := deliver(header, body); err != nil {
			http.Error(w, "The decision is kept, but the shop does not answer yet; it will ask again by itself.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
		return
	}
	if err != nil {
		cookie = &http.Cookie{Name: "storefront-3ds", Value: rand.Text(), Path: "/3ds/", HttpOnly: true, SameSite: http.SameSiteStrictMode}
		http.SetCookie(w, cookie)
	}
	challengePage.Execute(w, map[string]string{"Amount": p.Amount.String(), "Order": p.OrderID, "Token": g.mac(cookie.Value + p.ID)})
}

// Decide is the customer's decision on a charge that waits for it; on another it changes nothing.
func (g *Gateway) Decide(chargeID string, approve bool) error {
	if err := g.decide(chargeID, approve); err != nil || g.ledger == nil {
		return err
	}
	return g.ledger.keep()
}

func (g *Gateway) decide(chargeID string, approve bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, err := g.charge(chargeID)
	if err != nil || c.Status != payments.ChargeActionRequired {
		return err
	}
	e := entry{Op: opApprove, Charge: chargeID, Amount: c.amount, Currency: c.currency}
	if !approve {
		e.Op, e.Code, e.Message = opDecline, "AUTHENTICATION_FAILED", "3-D Secure was declined."
	}
	return g.write(e)
}
