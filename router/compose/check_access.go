package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// inheritAccess gives interfaces the access rules of what implements them, and implementations those
// of the fields that interface objects add: who asks for the interface may get any of them.
func inheritAccess(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		if t.kind != ast.Interface {
			continue
		}
		for _, n := range c.merged.possible(name) {
			impl := c.merged.types[n]
			t.inheritFrom(impl.applied)
			for _, f := range t.fields {
				if own := impl.byName[f.name]; own != nil {
					f.inheritFrom(own.applied)
				}
			}
		}
		for _, f := range t.fields {
			for _, src := range f.active() {
				if src.parent.interfaceObject {
					c.spreadAccess(t, f, src)
				}
			}
		}
	}
}

// spreadAccess carries the rules of an interface object's field to every implementation of the
// interface, and to the other interfaces these implement.
func (c *composer) spreadAccess(t *mtype, f *mfield, src *field) {
	rules := []appliedIn{{src.parent.sub, src.def.Directives, src.def.Position}}
	for _, n := range c.merged.possible(t.name) {
		impl := c.merged.types[n]
		if own := impl.byName[f.name]; own != nil {
			own.inheritFrom(rules)
		}
		for _, i := range impl.interfaces {
			if other := c.merged.types[i]; other != t && other.byName[f.name] != nil {
				other.byName[f.name].inheritFrom(rules)
			}
		}
	}
}

func (e *element) inheritFrom(rules []appliedIn) {
	for _, a := range rules {
		var access ast.DirectiveList
		for _, d := range a.list {
			switch a.sub.roles[d.Name] {
			case dirAuthenticated, dirRequiresScopes, dirPolicy:
				access = append(access, d)
			}
		}
		if len(access) > 0 {
			e.inherited = append(e.inherited, appliedIn{a.sub, access, a.pos})
		}
	}
}

// access is what an element asks of who reads it; scopes and policies are ORs of ANDs, and nil asks
// nothing.
type access struct {
	authenticated    bool
	scopes, policies [][]string
}

func (e *element) access() access {
	var a access
	for _, d := range e.dirs {
		switch d.Name {
		case dirAuthenticated:
			a.authenticated = true
		case dirRequiresScopes:
			a.scopes = alternativesOf(d, "scopes")
		case dirPolicy:
			a.policies = alternativesOf(d, "policies")
		}
	}
	return a
}

func (a access) and(b access) access {
	return access{a.authenticated || b.authenticated, bothOf(a.scopes, b.scopes), bothOf(a.policies, b.policies)}
}

func bothOf(a, b [][]string) [][]string {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return allOf(a, b)
}

// grants reports whether whoever meets a also meets b.
func (a access) grants(b access) bool {
	return (a.authenticated || !b.authenticated) && implies(a.scopes, b.scopes) && implies(a.policies, b.policies)
}

func implies(a, b [][]string) bool {
	if len(b) == 0 {
		return true
	}
	if len(a) == 0 {
		return slices.ContainsFunc(b, func(y []string) bool { return len(y) == 0 })
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y []string) bool { return subset(y, x) }) {
			return false
		}
	}
	return true
}

// checkTransitiveAccess: a field that needs others for its value asks for the rights to read them,
// since its value may give them away.
func checkTransitiveAccess(c *composer) {
	if !c.merged.used[dirAuthenticated] && !c.merged.used[dirRequiresScopes] && !c.merged.used[dirPolicy] {
		return
	}
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		for _, m := range t.fields {
			has := t.access().and(m.access())
			for _, f := range m.active() {
				v := accessCheck{c, f, has, "@requires"}
				if f.requires != nil {
					v.selection(t, f.requires.sels)
				}
				v.directive = "@fromContext"
				for _, a := range f.def.Arguments {
					if f.contextual[a.Name] != nil {
						v.context(f.contextual[a.Name])
					}
				}
			}
		}
	}
}

// accessCheck is the check of one field that needs others, which are selected in its directive.
type accessCheck struct {
	c         *composer
	field     *field
	has       access
	directive string
}

func (v accessCheck) fail(what string) bool {
	s := v.field.parent.sub
	v.c.report.errorf(codeMissingTransitiveAccess, v.field.at(), "[%s] Field %q does not specify necessary @authenticated, @requiresScopes and/or @policy auth requirements to access the transitive %s from %s selection set.", s.name, v.field.coordinate(), what, v.directive)
	return false
}

func (v accessCheck) context(arg *contextArgument) {
	s := v.field.parent.sub
	sels, _ := parseSelections(arg.selection)
	for _, src := range s.contexts[strings.TrimPrefix(arg.context, s.name+"__")] {
		t := v.c.merged.types[src.name()]
		if t == nil {
			continue
		}
		if !v.has.grants(t.access()) {
			v.fail("data in context " + arg.context)
			return
		}
		if !v.selection(t, sels) {
			return
		}
	}
}

// selection reports whether all that is selected may be read; it stops at the first that may not.
func (v accessCheck) selection(t *mtype, sels ast.SelectionSet) bool {
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			on := t
			if sel.TypeCondition != "" {
				if on = v.c.merged.types[sel.TypeCondition]; on == nil {
					continue
				}
				if !v.has.grants(on.access()) {
					return v.fail("data in inline fragment type condition \"... on " + on.name + "\"")
				}
			}
			if !v.selection(on, sel.SelectionSet) {
				return false
			}
		case *ast.Field:
			f := t.byName[sel.Name]
			if f == nil {
				continue
			}
			on := v.c.merged.types[f.typ.Name()]
			if !v.has.grants(f.access()) || on != nil && !v.has.grants(on.access()) {
				return v.fail("field \"" + f.coordinate() + "\" data")
			}
			if on != nil && !v.selection(on, sel.SelectionSet) {
				return false
			}
		}
	}
	return true
}
