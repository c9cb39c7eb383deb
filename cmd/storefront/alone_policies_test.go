package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"storefront/internal/embedded/oidc"
	tokens "storefront/internal/oidc"
)

// TestRouterDecidesPolicies: by roles and claims of the token, as the configuration file says. What it does not say
// holds for nobody.
func TestRouterDecidesPolicies(t *testing.T) {
	t.Parallel()
	supergraph := serveEchoOf(t, `extend schema @link(url: "https://specs.apollo.dev/federation/v2.6", import: ["@policy", "@authenticated"])
type Query {
  trace: String
  identity: String @authenticated
  authorization: String @policy(policies: [["british"], ["staff"]])
  british: String @policy(policies: [["british"]])
  unknown: String @policy(policies: [["never", "british"]])
}`)
	config := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(config, []byte("policies:\n  british:\n    claims: {locale: en-GB}\n  staff:\n    roles: [staff]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	users := append(demoUsers(), oidc.User{Username: "eva", Password: "demo", Subject: "eva", Locale: "de-DE", Roles: []string{"staff"}})
	issuer, err := oidc.Start(t.Context(), oidc.Config{Users: users, Clients: demoClients(SecretFlags{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { issuer.Close() })
	p, _ := startRouter(t, "--supergraph", supergraph, "--config", config, "--oidc-issuer", issuer.Issuer())
	const ask = `{ trace identity authorization british unknown }`
	for _, c := range []struct{ user, refused string }{
		{"", "[identity authorization british unknown]"},
		{"ada", "[unknown]"},                       // en-GB
		{"ben", "[authorization british unknown]"}, // de-DE
		{"eva", "[british unknown]"},               // de-DE, staff
	} {
		who := p
		if c.user != "" {
			token, err := tokens.SignIn(t.Context(), issuer.Issuer(), webClient, c.user, "demo")
			if err != nil {
				t.Fatal(err)
			}
			who = p.with("Authorization", "Bearer "+token.AccessToken)
		}
		a, err := who.send(t.Context(), vars{"query": ask})
		var refused []any
		for _, e := range a.errors {
			if e.Extensions["code"] == "UNAUTHORIZED_FIELD_OR_TYPE" {
				refused = append(refused, e.Path...)
			}
		}
		if err != nil || fmt.Sprint(refused) != c.refused || len(refused) != len(a.errors) {
			t.Errorf("%q is refused %v, want %s: %v %v", c.user, refused, c.refused, a.errors, err)
		}
	}
}
