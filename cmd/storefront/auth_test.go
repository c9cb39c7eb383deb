package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"storefront/internal/errs"
	"storefront/internal/oidc"
)

// TestAPartnerHasAName: what a partner may send, and how much, is known by its name; without one it is nobody.
func TestAPartnerHasAName(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	defer s.Close()
	for path, v := range map[string]any{
		"/.well-known/openid-configuration": vars{"issuer": s.URL, "jwks_uri": s.URL + "/keys"},
		"/keys":                             jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "rsa", Key: key.Public(), Use: "sig"}}},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v)
		})
	}
	verifier, err := oidc.NewVerifier(t.Context(), oidc.Config{Issuers: []oidc.Issuer{{URL: s.URL, Audiences: []string{"storefront"}}}})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "rsa"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		claim, partner string
		roles          []string
		refused        bool
	}{{"client_id", "acme", []string{"partner"}, false}, {"cid", "acme", []string{"partner"}, false}, {"other", "", []string{"partner"}, true}, {"other", "", []string{"staff"}, false}} {
		body, err := json.Marshal(vars{"iss": s.URL, "sub": "acme", "aud": "storefront", "exp": time.Now().Add(time.Hour).Unix(), "roles": c.roles, c.claim: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(body)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		id, err := authenticator{verifier: verifier}.Authenticate(t.Context(), http.Header{"Authorization": {"Bearer " + raw}})
		if c.refused != errs.Is(err, errs.Unauthenticated) || !c.refused && (err != nil || id.Partner != c.partner) {
			t.Errorf("a token with %s and the roles %q: %+v, %v", c.claim, c.roles, id, err)
		}
	}
}
