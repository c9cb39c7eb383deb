package main

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"storefront/internal/errs"
	"storefront/internal/oidc"
)

// ownIssuer is an issuer whose tokens say what a test likes, and who verifies them. issue gives the headers of a request
// with a token of an hour that has these claims beside the necessary ones.
func ownIssuer(t *testing.T, skew time.Duration) (who authenticator, issue func(claims vars) http.Header) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for path, v := range map[string]any{
		"/.well-known/openid-configuration": vars{"issuer": s.URL, "jwks_uri": s.URL + "/keys"},
		"/keys":                             jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "rsa", Key: key.Public(), Use: "sig"}}},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(v)
		})
	}
	verifier, err := oidc.NewVerifier(t.Context(), oidc.Config{Issuers: []oidc.Issuer{{URL: s.URL, Audiences: []string{"storefront"}}}, ClockSkew: skew})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "rsa"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return authenticator{verifier: verifier}, func(claims vars) http.Header {
		t.Helper()
		all := vars{"iss": s.URL, "sub": "acme", "aud": "storefront", "exp": time.Now().Add(time.Hour).Unix()}
		maps.Copy(all, claims)
		body, err := json.Marshal(all)
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
		return http.Header{"Authorization": {"Bearer " + raw}}
	}
}

// TestAPartnerHasAName: what a partner may send, and how much, is known by its name; without one it is nobody.
func TestAPartnerHasAName(t *testing.T) {
	t.Parallel()
	who, issue := ownIssuer(t, 0)
	for _, c := range []struct {
		claim, partner string
		roles          []string
		refused        bool
	}{{"client_id", "acme", []string{"partner"}, false}, {"cid", "acme", []string{"partner"}, false}, {"other", "", []string{"partner"}, true}, {"other", "", []string{"staff"}, false}} {
		id, err := who.Authenticate(t.Context(), issue(vars{"roles": c.roles, c.claim: "acme"}))
		if c.refused != errs.Is(err, errs.Unauthenticated) || !c.refused && (err != nil || id.Partner != c.partner) {
			t.Errorf("a token with %s and the roles %q: %+v, %v", c.claim, c.roles, id, err)
		}
	}
}

// TestStreamsEndWithTheirTokens: where clocks differ, a token is good for a while after its end, and opens no stream
// that is over at once.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	t.Parallel()
	who, issue := ownIssuer(t, time.Minute)
	now := time.Now().Truncate(time.Second)
	for end, want := range map[time.Time]time.Time{
		now.Add(time.Hour):         now.Add(time.Hour),
		now.Add(-10 * time.Second): now.Add(50 * time.Second),
	} {
		if id, err := who.Authenticate(t.Context(), issue(vars{"exp": end.Unix()})); err != nil || !id.Expiry.Equal(want) {
			t.Errorf("a token that ends at %s opens streams until %+v, want %s; %v", end, id, want, err)
		}
	}
}
