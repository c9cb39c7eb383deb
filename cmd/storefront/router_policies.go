package main

// Who may see what the schema guards: the policies that @policy names, and what is told to those who may not.

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// policySettings is what one policy asks of a caller: all of it.
type policySettings struct {
	Roles  []string          `yaml:"roles"`
	Scopes []string          `yaml:"scopes"`
	Claims map[string]string `yaml:"claims"` // of the token: the value, or one of the values, that each is to have
}

// policies are what is asked for by each; one that is not here holds for nobody.
type policies map[string]policySettings

// readPolicies reads the policies of a configuration file, none when path is "". own: the subgraphs are
// Storefront's, and their policy staff need not be written.
func readPolicies(path string, own bool) (policies, error) {
	all := policies{}
	if own {
		all["staff"] = policySettings{Roles: []string{identity.RoleStaff}}
	}
	file, check, err := openRouterFile(path)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(file.Policies)) {
		var p policySettings
		if err := settings(file.Policies[name], &p); err != nil {
			return nil, yamlMistake(path, err)
		}
		if len(p.Roles)+len(p.Scopes)+len(p.Claims) == 0 {
			return nil, errs.New(errs.BadInput, "%s:%d: policies.%s: it asks for nothing; name the roles, scopes or claims that it needs", path, check.lines["policies."+name], name)
		}
		all[name] = p
	}
	return all, nil
}

// claims are those of a token that policies look at.
func (p policies) claims() []string {
	names := map[string]bool{}
	for _, one := range p {
		for name := range one.Claims {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Policies implements gateway.PolicyDecider.
func (p policies) Policies(_ context.Context, id *gateway.Identity, _ http.Header, names []string) (hold []string, err error) {
	who, _ := id.Value.(identity.Identity)
	for _, name := range names {
		if asked, known := p[name]; known && asked.heldBy(who) {
			hold = append(hold, name)
		}
	}
	return hold, nil
}

func (s policySettings) heldBy(who identity.Identity) bool {
	if !who.SignedIn() {
		return false
	}
	for name, value := range s.Claims {
		if !slices.Contains(who.Claims[name], value) {
			return false
		}
	}
	return holdsAll(who.Roles, s.Roles) && holdsAll(who.Scopes, s.Scopes)
}

// policyRights is all that policies are decided by, other than scopes, as one text.
func policyRights(who identity.Identity) string {
	if len(who.Roles)+len(who.Claims) == 0 {
		return ""
	}
	claims := make(map[string][]string, len(who.Claims))
	for name, values := range who.Claims {
		claims[name] = slices.Sorted(slices.Values(values))
	}
	return fmt.Sprintf("%q %q", slices.Sorted(slices.Values(who.Roles)), claims) // maps are printed in the order of their keys
}

func holdsAll(held, asked []string) bool {
	return !slices.ContainsFunc(asked, func(one string) bool { return !slices.Contains(held, one) })
}

// unknown are the policies that a supergraph names and nobody has configured.
func (p policies) unknown(sg *supergraph.Supergraph) []string {
	names := map[string]bool{}
	add := func(a *supergraph.Access) {
		if a == nil {
			return
		}
		for _, name := range slices.Concat(a.Policies...) {
			if _, known := p[name]; !known {
				names[name] = true
			}
		}
	}
	for name, def := range sg.Full().Types {
		t := sg.Type(name)
		if t == nil {
			continue
		}
		add(t.Access)
		for _, f := range def.Fields {
			if field := t.Field(f.Name); field != nil {
				add(field.Access)
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// tellUnknown says which policies hold for nobody, rather than when the first client asks for what they guard.
func (c routerConfig) tellUnknown(sg *supergraph.Supergraph) {
	if names := c.policies.unknown(sg); len(names) > 0 {
		c.log.Warn("the supergraph asks for policies that the configuration file does not have: what they guard is refused to everybody", "policies", strings.Join(names, ", "))
	}
}

// denial is what callers are told of what the schema keeps from them, with the codes of Storefront's services.
func denial(signedIn bool, lacks []*supergraph.Access) (code, message string) {
	var list []string
	for _, a := range lacks {
		if text := needs(a); text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	asked := ""
	if len(list) > 0 {
		asked = "; it needs " + strings.Join(list, "; ")
	}
	if !signedIn {
		return string(errs.Unauthenticated), identity.SignInFirst + asked
	}
	return string(errs.Forbidden), "your sign-in does not allow this" + asked
}

// needs is what a caller must have in words, "" where it need only sign in.
func needs(a *supergraph.Access) string {
	var parts []string
	for _, asked := range []struct {
		what         string
		alternatives [][]string
	}{{"policy", a.Policies}, {"scope", a.Scopes}} {
		var ways []string
		for _, all := range asked.alternatives {
			ways = append(ways, "the "+asked.what+" "+strings.Join(all, " and "))
		}
		if len(ways) > 0 {
			parts = append(parts, strings.Join(ways, " or "))
		}
	}
	return strings.Join(parts, ", and ")
}
