package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"storefront/internal/errs"
)

// Header carries the signed identity from the router to a subgraph.
const Header = "Storefront-Identity"

// lifetime bounds how long a signed identity is good for: one request, and clocks that differ a bit.
const lifetime = time.Minute

// signedFor is how long a signature is handed out again; its age begins with it.
const signedFor = 5 * time.Second

// Signer signs and checks identities with a secret that router and subgraphs share.
type Signer struct {
	secret []byte
	now    func() time.Time
}

// NewSigner returns a Signer; secret should have 32 random bytes.
func NewSigner(secret []byte, now func() time.Time) *Signer { return &Signer{secret, now} }

type envelope struct {
	Identity
	Audience string `json:"aud"`
	IssuedAt int64  `json:"iat"` // Unix milliseconds
}

// Sign makes the header's value for one subgraph. For a few seconds it is the same for the same identity,
// so that equal queries can be answered by one request.
func (s *Signer) Sign(i Identity, subgraph string) string {
	payload, _ := json.Marshal(envelope{i, subgraph, s.now().Truncate(signedFor).UnixMilli()}) // strings only: cannot fail
	body := base64.RawURLEncoding.EncodeToString(payload)
	return body + "." + s.mac(body)
}

// Verify returns the identity that Sign put into value for subgraph. Errors are Unauthenticated.
func (s *Signer) Verify(value, subgraph string) (Identity, error) {
	refused := errs.New(errs.Unauthenticated, "this subgraph answers the router only")
	body, mac, ok := strings.Cut(value, ".")
	if !ok || !hmac.Equal([]byte(mac), []byte(s.mac(body))) {
		return Identity{}, refused
	}
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return Identity{}, refused
	}
	var e envelope
	if err := json.Unmarshal(payload, &e); err != nil || e.Audience != subgraph {
		return Identity{}, refused
	}
	if age := s.now().Sub(time.UnixMilli(e.IssuedAt)); age > lifetime || age < -lifetime {
		return Identity{}, errs.New(errs.Unauthenticated, "the router's signature is %s old; set the clocks right", age.Round(time.Second))
	}
	return e.Identity, nil
}

func (s *Signer) mac(body string) string {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Middleware lets only the router's calls through and puts the identity into their context.
func (s *Signer) Middleware(subgraph string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i, err := s.Verify(r.Header.Get(Header), subgraph)
		if err != nil {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{
				"message": err.Error(), "extensions": map[string]any{"code": errs.CodeOf(err)}}}})
			return
		}
		next.ServeHTTP(w, r.WithContext(With(r.Context(), i)))
	})
}
