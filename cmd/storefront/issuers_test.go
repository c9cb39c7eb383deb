package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"storefront/internal/embedded/oidc"
	tokens "storefront/internal/oidc"
)

// TestIssuersGiveTheirRoles: an issuer's tokens give the roles that the configuration file allows it, and those of one
// that it does not name give none. Where it names no issuer at all, each gives all.
func TestIssuersGiveTheirRoles(t *testing.T) {
	t.Parallel()
	supergraph := serveEchoOf(t, `extend schema @link(url: "https://specs.apollo.dev/federation/v2.6", import: ["@policy"])
type Query {
  trace: String
  identity: String
  authorization: String @policy(policies: [["staff"]])
}`)
	issuer := func() string {
		t.Helper()
		s, err := oidc.Start(t.Context(), oidc.Config{Users: demoUsers(), Clients: demoClients(SecretFlags{})})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s.Issuer()
	}
	names := []string{"ours", "any", "some", "none", "unnamed"}
	issuers, args := map[string]string{}, []string{"--supergraph", supergraph}
	for _, name := range names {
		issuers[name] = issuer()
		args = append(args, "--oidc-issuer", issuers[name])
	}
	const policy = "policies: {staff: {roles: [staff]}}\n"
	for text, allowed := range map[string][]string{
		policy: names,
		policy + "issuers:\n  " + issuers["ours"] + ":\n    roles: [staff]\n  " + issuers["any"] + ": {roles: ['*']}\n  " + issuers["some"] + ": {roles: [partner]}\n  " +
			issuers["none"] + ": {roles: []}\n": {"ours", "any"},
	} {
		config := filepath.Join(t.TempDir(), "router.yaml")
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, _ := startRouter(t, append([]string{"--config", config}, args...)...)
		var sees []string
		for _, name := range names {
			token, err := tokens.SignIn(t.Context(), issuers[name], webClient, "sam", "demo")
			if err != nil {
				t.Fatal(err)
			}
			a, err := p.with("Authorization", "Bearer "+token.AccessToken).send(t.Context(), vars{"query": `{ trace authorization }`})
			switch {
			case err != nil:
				t.Fatal(err)
			case len(a.errors) == 0:
				sees = append(sees, name)
			case a.code() != "UNAUTHORIZED_FIELD_OR_TYPE":
				t.Errorf("%s: %v", name, a.errors)
			}
		}
		if !reflect.DeepEqual(sees, allowed) {
			t.Errorf("with\n%sstaff of %q are believed, want %q", text, sees, allowed)
		}
	}
}

func TestIssuersInTheFile(t *testing.T) {
	t.Parallel()
	flags := OIDCFlags{Issuers: []string{"https://login.example.com/realms/storefront storefront", "https://login.acme.example"}}
	may, err := flags.readIssuers(filepath.Join("..", "..", "docs", "router.yaml"))
	if want := (issuerRoles{"https://login.example.com/realms/storefront": {"*"}, "https://login.acme.example": {"partner"}}); err != nil || !reflect.DeepEqual(may, want) {
		t.Errorf("the example says %v, %v", may, err)
	}
	if may, err := flags.readIssuers(""); may != nil || err != nil || may.of("https://login.acme.example") != nil {
		t.Errorf("without a file: %v, %v", may, err)
	}
	file := filepath.Join(t.TempDir(), "router.yaml")
	for text, want := range map[string]string{
		"issuers:\n":     "1: issuers: it names none",
		"issuers: {}\n":  "1: issuers: it names none",
		"issuers: [a]\n": "1: issuers: a list is no group of settings",
		"issuers:\n  https://login.acme.example/: {roles: [staff]}\n":      "2: issuers.https://login.acme.example/: --oidc-issuer does not name it; it names https://login.example.com/realms/storefront, https://login.acme.example",
		"issuers:\n  https://login.acme.example: {}\n":                     "2: issuers.https://login.acme.example: write the roles that its tokens may give",
		"issuers:\n  https://login.acme.example:\n":                        "2: issuers.https://login.acme.example: write the roles that its tokens may give",
		"issuers:\n  https://login.acme.example:\n    roles: staff\n":      `3: issuers.https://login.acme.example.roles: "staff" is no list`,
		"issuers:\n  https://login.acme.example:\n    audiences: [shop]\n": "3: issuers.https://login.acme.example.audiences: there is no such setting; there are roles",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := flags.readIssuers(file); err == nil || !strings.HasPrefix(err.Error(), file+":"+want) {
			t.Errorf("%q gives %v, want %s", text, err, want)
		}
	}
}
