package supergraph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Access is what is asked of whoever reads a field or a value of a type: @authenticated,
// @requiresScopes and @policy (https://specs.apollo.dev/authenticated/v0.1, requiresScopes/v0.1 and
// policy/v0.1). All that is set must hold.
type Access struct {
	Authenticated bool
	Scopes        [][]string // all of one of the lists, unless HasScopes is false
	Policies      [][]string // likewise
	HasScopes     bool       // an empty list of Scopes then holds for nobody
	HasPolicies   bool
}

// Rights are what a caller has.
type Rights struct {
	Authenticated bool
	Scopes        []string
	Policies      []string // those that hold
}

// Granted reports whether rights are enough.
func (a *Access) Granted(r Rights) bool {
	return a == nil || (!a.Authenticated || r.Authenticated) &&
		(!a.HasScopes || anyHeld(a.Scopes, r.Scopes)) && (!a.HasPolicies || anyHeld(a.Policies, r.Policies))
}

func anyHeld(alternatives [][]string, held []string) bool {
	return slices.ContainsFunc(alternatives, func(all []string) bool {
		return !slices.ContainsFunc(all, func(one string) bool { return !slices.Contains(held, one) })
	})
}

// Guarded reports whether anything in the supergraph asks for rights.
func (s *Supergraph) Guarded() bool { return s.guarded }

// readAccess reads what types and fields ask for.
func (p *reading) readAccess() {
	for _, name := range p.s.names {
		t := p.s.types[name]
		t.Access = p.access(t.Def.Directives)
		for _, f := range t.order {
			f.Access = p.access(f.Def.Directives)
		}
	}
}

// access is nil when nothing is asked. A directive that stands several times asks for all of it.
func (p *reading) access(dirs ast.DirectiveList) *Access {
	var a Access
	for _, d := range dirs {
		switch {
		case p.links.is(d, "authenticated", "authenticated"):
			a.Authenticated = true
		case p.links.is(d, "requiresScopes", "requiresScopes"):
			a.Scopes = bothOf(a.HasScopes, a.Scopes, p.alternatives(d, "scopes"))
			a.HasScopes = true
		case p.links.is(d, "policy", "policy"):
			a.Policies = bothOf(a.HasPolicies, a.Policies, p.alternatives(d, "policies"))
			a.HasPolicies = true
		}
	}
	if !a.Authenticated && !a.HasScopes && !a.HasPolicies {
		return nil
	}
	p.s.guarded = true
	return &a
}

// bothOf is what holds when both lists of alternatives do.
func bothOf(some bool, a, b [][]string) [][]string {
	if !some {
		return b
	}
	var out [][]string
	for _, x := range a {
		for _, y := range b {
			out = append(out, append(slices.Clone(x), y...))
		}
	}
	return out
}

// alternatives reads a list of lists of names; one name or one list stands for a list of it.
func (p *reading) alternatives(d *ast.Directive, name string) [][]string {
	arg := d.Arguments.ForName(name)
	if arg == nil || arg.Value == nil {
		p.fail(d.Position, "@%s needs the argument %s", d.Name, name)
		return nil
	}
	var out [][]string
	for _, all := range itemsOf(arg.Value) {
		var names []string
		for _, one := range itemsOf(all) {
			names = append(names, one.Raw)
		}
		out = append(out, names)
	}
	return out
}

func itemsOf(v *ast.Value) []*ast.Value {
	if v.Kind != ast.ListValue {
		return []*ast.Value{v}
	}
	out := make([]*ast.Value, len(v.Children))
	for i, c := range v.Children {
		out[i] = c.Value
	}
	return out
}

// enforced are the specifications that a supergraph may link for SECURITY; composition links context so,
// because what fills an argument must not be left to clients.
var enforced = []string{"context", "inaccessible", "authenticated", "requiresScopes", "policy"}

// readSecurity refuses a supergraph that asks for protection this router does not know of, as the link
// specification demands (https://specs.apollo.dev/link/v1.0, "for").
func (p *reading) readSecurity() {
	for _, s := range p.links.specs {
		if s.purpose == "SECURITY" && !slices.Contains(enforced, s.name) {
			p.errs = append(p.errs, fmt.Errorf("the supergraph links %s for SECURITY, which this router does not enforce; it knows %s", s.url, strings.Join(enforced, ", ")))
		}
	}
}
