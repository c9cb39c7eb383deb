package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"storefront/internal/identity"
	"storefront/router/gateway"
	"storefront/router/supergraph"
	"storefront/schema"
)

func TestPoliciesHold(t *testing.T) {
	held, err := readPolicies(filepath.Join("..", "..", "docs", "router.yaml"), true)
	if err != nil {
		t.Fatal(err)
	}
	if names := held.claims(); !slices.Equal(names, []string{"department"}) {
		t.Errorf("the claims that are asked for: %q", names)
	}
	person := identity.Identity{User: "usr_1"}
	with := func(change func(*identity.Identity)) identity.Identity { i := person; change(&i); return i }
	purchasing := map[string][]string{"department": {"sales", "purchasing"}}
	for what, c := range map[string]struct {
		who  identity.Identity
		want []string
	}{
		"nobody":                    {identity.Identity{}, nil},
		"a guest":                   {identity.Identity{Guest: "gst_1", Roles: []string{"staff"}}, nil},
		"a person":                  {person, nil},
		"staff":                     {with(func(i *identity.Identity) { i.Roles = []string{"staff"} }), []string{"staff"}},
		"a scope without the claim": {with(func(i *identity.Identity) { i.Scopes = []string{"orders:read"} }), nil},
		"another claim": {with(func(i *identity.Identity) {
			i.Scopes, i.Claims = []string{"orders:read"}, map[string][]string{"department": {"sales"}}
		}), nil},
		"scope and claim": {with(func(i *identity.Identity) { i.Scopes, i.Claims = []string{"orders:read"}, purchasing }), []string{"buyers"}},
	} {
		got, err := held.Policies(t.Context(), &gateway.Identity{Value: c.who}, nil, []string{"buyers", "staff", "unknown"})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s holds %q, %v; want %q", what, got, err, c.want)
		}
	}
	none, err := readPolicies("", false)
	if err != nil || len(none) != 0 {
		t.Errorf("another's subgraphs begin with the policies %v, %v", none, err)
	}
}

func TestPoliciesMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "router.yaml")
	for text, want := range map[string]string{
		"policies:\n  staff:\n    role: [a]\n":    `3: policies.staff.role: there is no such setting; there are roles, scopes, claims`,
		"policies:\n  open: {}\n":                 `2: policies.open: it asks for nothing`,
		"policies:\n  staff:\n    roles: staff\n": `3: policies.staff.roles: "staff" is no list`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readPolicies(file, false); err == nil || !strings.Contains(err.Error(), file+":"+want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestRightsAreCompared(t *testing.T) {
	one := identity.Identity{Roles: []string{"a", "b"}, Claims: map[string][]string{"x": {"1", "2"}, "y": {"3"}}}
	same := identity.Identity{Roles: []string{"b", "a"}, Claims: map[string][]string{"y": {"3"}, "x": {"2", "1"}}}
	less := identity.Identity{Roles: []string{"a", "b"}, Claims: map[string][]string{"x": {"1"}, "y": {"3"}}}
	if policyRights(one) != policyRights(same) || policyRights(one) == policyRights(less) || policyRights(identity.Identity{}) != "" {
		t.Errorf("%s\n%s\n%s", policyRights(one), policyRights(same), policyRights(less))
	}
}

// Storefront's schema asks for no policy that its router does not have, and one that nobody has is found.
func TestPoliciesOfTheSchemaAreKnown(t *testing.T) {
	sg, err := supergraph.Parse(schema.Supergraph)
	if err != nil {
		t.Fatal(err)
	}
	own, err := readPolicies("", true)
	if err != nil {
		t.Fatal(err)
	}
	if names := own.unknown(sg); len(names) > 0 {
		t.Errorf("nobody can have %q", names)
	}
	if names := (policies{}).unknown(sg); !slices.Equal(names, []string{"staff"}) {
		t.Errorf("without any policy, %q are unknown", names)
	}
}

func TestDenialSaysWhatIsNeeded(t *testing.T) {
	staff, member := &supergraph.Access{Policies: [][]string{{"staff"}}}, &supergraph.Access{Authenticated: true}
	mixed := &supergraph.Access{Policies: [][]string{{"a", "b"}, {"c"}}, Scopes: [][]string{{"orders:read"}}}
	for _, c := range []struct {
		signedIn      bool
		lacks         []*supergraph.Access
		code, message string
	}{
		{false, []*supergraph.Access{member}, "UNAUTHENTICATED", identity.SignInFirst},
		{false, []*supergraph.Access{staff, member}, "UNAUTHENTICATED", identity.SignInFirst + "; it needs the policy staff"},
		{true, []*supergraph.Access{staff, staff}, "FORBIDDEN", "your sign-in does not allow this; it needs the policy staff"},
		{true, []*supergraph.Access{mixed}, "FORBIDDEN", "your sign-in does not allow this; it needs the policy a and b or the policy c, and the scope orders:read"},
	} {
		code, message := denial(c.signedIn, c.lacks)
		if got, want := []string{code, message}, []string{c.code, c.message}; !reflect.DeepEqual(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
