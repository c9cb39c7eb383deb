package main

import (
	"testing"

	"storefront/internal/embedded/oidc"
	tokens "storefront/internal/oidc"
)

// TestPeopleOfSeveralIssuers: the same name at two issuers is two people, and an issuer that is down keeps nobody of
// the others out.
func TestPeopleOfSeveralIssuers(t *testing.T) {
	t.Parallel()
	provider := func() *oidc.Server {
		t.Helper()
		s, err := oidc.Start(t.Context(), oidc.Config{Users: demoUsers(), Clients: demoClients(SecretFlags{})})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	one, two, other, gone := provider(), provider(), provider(), provider()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	h := ownShop(t, "--oidc-issuer", one.Issuer(), "--oidc-issuer", gone.Issuer(), "--oidc-issuer", two.Issuer()+" bookshop storefront", "--oidc-issuer", other.Issuer()+" bookshop")
	sign := func(s *oidc.Server) *person {
		t.Helper()
		token, err := tokens.SignIn(t.Context(), s.Issuer(), webClient, "ada", "demo")
		if err != nil {
			t.Fatal(err)
		}
		return h.caller("Authorization", "Bearer "+token.AccessToken)
	}
	const who = `{ me { id name } }`
	a, b := sign(one).ask(t, who, nil), sign(two).ask(t, who, nil)
	if a.text("me.id") == "" || b.text("me.id") == "" || a.text("me.id") == b.text("me.id") || a.text("me.name") != b.text("me.name") {
		t.Errorf("ada at two issuers: %s and %s", a, b)
	}
	sign(other).refused(t, "UNAUTHENTICATED", who, nil)
}

func TestIssuersAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{"": "", "https://a": "https://a", "https://a one two": "https://a", " https://a one, https://b": "https://a"} {
		if got := issuerURL(list); got != want {
			t.Errorf("the first of %q is %q, want %q", list, got, want)
		}
	}
	if _, err := (OIDCFlags{Issuers: []string{"login.example"}, Audiences: []string{"storefront"}}).verifier(t.Context(), nil, nil, nil); err == nil {
		t.Error("an issuer that is no URL is taken")
	}
	if v, err := (OIDCFlags{}).verifier(t.Context(), nil, nil, nil); v != nil || err != nil {
		t.Errorf("without an issuer: %v, %v", v, err)
	}
}
