package payments

import (
	"context"
	"html/template"
	"io"
	"net/http"

	"storefront/internal/errs"
)

const maxWebhook = 1 << 20 // bytes

// HTTP serves what is not GraphQL: POST /webhooks/{gateway}, and GET and POST /3ds/{payment}, the page
// on which a customer passes 3-D Secure or sees what became of it. Both are for the public: a webhook is
// signed, and the page is found only by who knows the payment's id.
func (s *Service) HTTP() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/"+s.gateway.Configuration().Gateway, s.webhook)
	mux.HandleFunc("GET /3ds/{payment}", s.page)
	mux.HandleFunc("POST /3ds/{payment}", s.page)
	return mux
}

// webhook answers 204 once the effect is written; anything else makes the gateway send it again.
func (s *Service) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
	if err != nil {
		http.Error(w, "the body could not be read", http.StatusBadRequest)
		return
	}
	switch err := s.Receive(r.Context(), r.Header, body); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errs.Is(err, errs.BadInput):
		http.Error(w, "the webhook is not signed as it should be", http.StatusBadRequest)
	default:
		s.log.WarnContext(r.Context(), "receive webhook", "error", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}
}

// Receive handles a webhook: it says only that something happened; what happened is asked for, so
// repeated and reordered ones do no harm. BadInput when it is not signed.
func (s *Service) Receive(ctx context.Context, header http.Header, body []byte) error {
	hook, err := s.gateway.ParseWebhook(header, body)
	if err != nil || hook.PaymentID == "" || hook.ChargeID == "" {
		return err
	}
	err = s.refresh(ctx, hook.PaymentID, hook.ChargeID)
	if errs.Is(err, errs.NotFound) {
		return nil // another shop's, on the same account
	}
	return err
}

var resultPage = template.Must(template.New("result").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Payment</title>
<style>:root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;font:16px/1.5 system-ui,sans-serif}
main{width:min(24rem,calc(100vw - 4rem));padding:2rem;border-radius:16px;border:1px solid color-mix(in srgb,CanvasText 15%,transparent)}
h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0;opacity:.75}</style></head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p></main></body></html>
`))

func (s *Service) page(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	id := r.PathValue("payment")
	found, err := s.store.Payments(r.Context(), []string{id})
	if err != nil {
		s.log.WarnContext(r.Context(), "show payment page", "error", err)
		s.result(w, http.StatusServiceUnavailable, "One moment", "The shop cannot answer right now. Load this page again in a moment.")
		return
	}
	p, ok := found[id]
	if !ok || !p.Placed {
		s.result(w, http.StatusNotFound, "No such payment", "Check the address of this page.")
		return
	}
	challenger, hasPage := s.gateway.(Challenger)
	if p.Status == ActionRequired && p.CalledOff == "" && hasPage {
		challenger.Challenge(w, r, p, func(h http.Header, body []byte) error { return s.Receive(r.Context(), h, body) })
		return
	}
	if p.Status == ActionRequired { // the customer is back from the bank; the webhook may still be under way
		if err := s.refresh(r.Context(), p.ID, p.ChargeID); err != nil {
			s.log.WarnContext(r.Context(), "ask for payment", "payment", p.ID, "error", err)
		}
		if found, err = s.store.Payments(r.Context(), []string{id}); err == nil {
			p = found[id]
		}
	}
	switch {
	case p.Status == Failed:
		s.result(w, http.StatusOK, "Not paid", *p.FailureMessage+" Nothing was taken.")
	case p.Status == Voided:
		s.result(w, http.StatusOK, "Not paid", "The order was called off before the payment was approved. Nothing was taken.")
	case p.CalledOff != "":
		s.result(w, http.StatusOK, "Not paid", "The order was called off. What is held or taken for it goes back.")
	case p.Status == Authorized || p.Status == Captured:
		s.result(w, http.StatusOK, "Thank you", "The payment of "+p.Amount.String()+" is approved. You can go back to the shop.")
	default:
		s.result(w, http.StatusOK, "One moment", "The payment is under way. Load this page again in a moment.")
	}
}

func (s *Service) result(w http.ResponseWriter, status int, title, text string) {
	w.WriteHeader(status)
	resultPage.Execute(w, map[string]string{"Title": title, "Text": text})
}
