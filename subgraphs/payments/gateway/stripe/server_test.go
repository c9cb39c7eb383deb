package stripe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// server answers as Stripe documents it for PaymentIntents and Refunds, with idempotency keys: an
// answer is kept under its key, and another body under the same key is refused.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	intents map[string]*intent
	refunds []map[string]any
	answers map[string]answer
	outage  int // so many requests are answered with 500, after they took effect
	made    int
}

type intent struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Status   string            `json:"status"`
	Amount   int64             `json:"amount"`
	Currency string            `json:"currency"`
	Metadata map[string]string `json:"metadata"`
	Next     any               `json:"next_action"`
	Last     any               `json:"last_payment_error"`
	Refunded int64             `json:"-"`
}

type answer struct {
	form   string
	status int
	body   any
}

const secretKey = "sk_test_123"

func newServer(t *testing.T) *server {
	s := &server{intents: map[string]*intent{}, answers: map[string]answer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/payment_intents", s.post(s.create))
	mux.HandleFunc("POST /v1/payment_intents/{id}/capture", s.post(s.change("requires_capture", "succeeded")))
	mux.HandleFunc("POST /v1/payment_intents/{id}/cancel", s.post(s.change("requires_capture requires_action requires_payment_method", "canceled")))
	mux.HandleFunc("POST /v1/refunds", s.post(s.refund))
	mux.HandleFunc("GET /v1/payment_intents/{id}", s.get(func(r *http.Request) (int, any) {
		if p := s.intents[r.PathValue("id")]; p != nil {
			return 200, *p
		}
		return failed(404, "invalid_request_error", "resource_missing", "", nil)
	}))
	mux.HandleFunc("GET /v1/payment_intents/search", s.get(s.search))
	mux.HandleFunc("GET /v1/refunds", s.get(func(r *http.Request) (int, any) {
		list := []any{}
		for _, x := range s.refunds {
			if x["payment_intent"] == r.FormValue("payment_intent") {
				list = append(list, x)
			}
		}
		return 200, map[string]any{"object": "list", "url": "/v1/refunds", "has_more": false, "data": list}
	}))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *server) get(f func(*http.Request) (int, any)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer "+secretKey {
			write(w, 401, map[string]any{"error": map[string]any{"type": "invalid_request_error", "message": "Invalid API Key"}})
			return
		}
		status, body := f(r)
		write(w, status, body)
	}
}

func (s *server) post(f func(*http.Request) (int, any)) http.HandlerFunc {
	return s.get(func(r *http.Request) (int, any) {
		r.ParseForm()
		key := r.Header.Get("Idempotency-Key")
		if key == "" {
			return failed(400, "invalid_request_error", "test_needs_a_key", "", nil)
		}
		was, ok := s.answers[key]
		if ok && was.form != r.URL.Path+r.PostForm.Encode() {
			return failed(400, "idempotency_error", "", "", nil)
		}
		if !ok {
			status, body := f(r)
			was = answer{r.URL.Path + r.PostForm.Encode(), status, body}
			s.answers[key] = was
		}
		if s.outage > 0 {
			s.outage--
			return failed(500, "api_error", "", "", nil)
		}
		return was.status, was.body
	})
}

func (s *server) create(r *http.Request) (int, any) {
	f := r.PostForm
	if f.Get("capture_method") != "manual" || f.Get("confirm") != "true" || f.Get("return_url") == "" {
		return failed(400, "invalid_request_error", "parameter_missing", "", nil)
	}
	amount, _ := strconv.ParseInt(f.Get("amount"), 10, 64)
	s.made++
	p := &intent{ID: fmt.Sprintf("pi_%d", s.made), Object: "payment_intent", Status: "requires_capture", Amount: amount, Currency: f.Get("currency"), Metadata: metadata(f)}
	switch f.Get("payment_method") {
	case "pm_card_visa":
	case "pm_card_authenticationRequired":
		p.Status = "requires_action"
		p.Next = map[string]any{"type": "redirect_to_url", "redirect_to_url": map[string]any{
			"url": "https://hooks.stripe.com/3d_secure_2/redirect", "return_url": f.Get("return_url")}}
	case "pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds":
		p.Status = "requires_payment_method"
		s.intents[p.ID] = p
		decline := "generic_decline"
		if strings.HasSuffix(f.Get("payment_method"), "Funds") {
			decline = "insufficient_funds"
		}
		p.Last = map[string]any{"type": "card_error", "code": "card_declined", "decline_code": decline, "message": "Your card was declined."}
		return failed(402, "card_error", "card_declined", decline, p)
	default:
		return failed(400, "invalid_request_error", "resource_missing", "", nil)
	}
	s.intents[p.ID] = p
	return 200, *p
}

func (s *server) change(from, to string) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		p := s.intents[r.PathValue("id")]
		if p == nil {
			return failed(404, "invalid_request_error", "resource_missing", "", nil)
		}
		if !strings.Contains(from, p.Status) {
			return failed(400, "invalid_request_error", "payment_intent_unexpected_state", "", p)
		}
		p.Status, p.Next = to, nil
		return 200, *p
	}
}

func (s *server) refund(r *http.Request) (int, any) {
	p := s.intents[r.PostForm.Get("payment_intent")]
	amount, _ := strconv.ParseInt(r.PostForm.Get("amount"), 10, 64)
	if p == nil || p.Status != "succeeded" || amount > p.Amount-p.Refunded {
		return failed(400, "invalid_request_error", "charge_already_refunded", "", nil)
	}
	p.Refunded += amount
	x := map[string]any{"id": fmt.Sprintf("re_%d", len(s.refunds)), "object": "refund", "status": "succeeded", "amount": amount,
		"currency": p.Currency, "payment_intent": p.ID, "metadata": metadata(r.PostForm)}
	s.refunds = append(s.refunds, x)
	return 200, x
}

func (s *server) search(r *http.Request) (int, any) {
	list := []any{}
	for _, p := range s.intents {
		if r.FormValue("query") == "metadata['storefront_key']:'"+p.Metadata["storefront_key"]+"'" {
			list = append(list, p)
		}
	}
	return 200, map[string]any{"object": "search_result", "url": "/v1/payment_intents/search", "has_more": false, "data": list}
}

// decide is the customer at the bank's page.
func (s *server) decide(id string, approve bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.intents[id]
	p.Status, p.Next = "requires_capture", nil
	if !approve {
		p.Status = "requires_payment_method"
		p.Last = map[string]any{"type": "invalid_request_error", "code": "payment_intent_authentication_failure",
			"message": "The provided PaymentMethod has failed authentication."}
	}
}

func metadata(f url.Values) map[string]string {
	m := map[string]string{}
	for k, v := range f {
		if name, ok := strings.CutPrefix(k, "metadata["); ok {
			m[strings.TrimSuffix(name, "]")] = v[0]
		}
	}
	return m
}

func failed(status int, kind, code, decline string, p *intent) (int, any) {
	e := map[string]any{"type": kind, "code": code, "message": "Your card was declined."}
	if decline != "" {
		e["decline_code"] = decline
	}
	if p != nil {
		e["payment_intent"] = *p
	}
	return status, map[string]any{"error": e}
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
