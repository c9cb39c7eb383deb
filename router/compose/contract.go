package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Contract is a variant of the public schema, chosen by @tag.
type Contract struct {
	// Include keeps, when it is not empty, only the fields of objects and interfaces that have one of
	// these tags, on themselves or on their type, and those that implement a kept interface field.
	Include []string
	// Exclude takes out every element that has one of these tags.
	Exclude []string
}

func (c Contract) empty() bool { return len(c.Include)+len(c.Exclude) == 0 }

// ComposeContract composes a variant: what the contract leaves out is @inaccessible in the
// supergraph, so that subgraphs may still use it for keys and requirements and clients cannot see it.
// Types that nothing leads to any more are left out as well. What cannot be left out alone, such as a
// required argument, is an error with the code that the same @inaccessible would have.
func ComposeContract(subgraphs []Subgraph, contract Contract) (*Result, Errors) {
	c := newComposer(subgraphs)
	c.contract = contract
	return c.compose()
}

// applyContract marks what the contract leaves out.
func applyContract(c *composer) {
	if c.contract.empty() {
		return
	}
	if c.unknownTags() {
		return
	}
	h := &hiding{composer: c}
	h.exclude()
	h.include()
	for h.changed = true; h.changed; {
		h.changed = false
		h.follow()
	}
	h.unreachable()
}

// unknownTags reports tags of the contract that no element has. They are errors: a misspelt tag would make
// a variant that shows everything it should leave out, or nothing.
func (c *composer) unknownTags() (found bool) {
	known := map[string]bool{}
	c.merged.elements(func(e *element) {
		for _, d := range e.dirs {
			if name := d.Arguments.ForName("name"); d.Name == dirTag && name != nil {
				known[name.Value.Raw] = true
			}
		}
	})
	have := "no element has a tag"
	if len(known) > 0 {
		have = "there are " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	}
	for _, list := range []struct {
		flag string
		tags []string
	}{{"included", c.contract.Include}, {"excluded", c.contract.Exclude}} {
		for _, tag := range list.tags {
			if !known[tag] {
				c.report.errorf(codeTagUnknown, nil, "The contract's %s tag %q is on no element of any subgraph; %s.", list.flag, tag, have)
				found = true
			}
		}
	}
	return found
}

type hiding struct {
	*composer
	changed bool
}

func (h *hiding) hide(e *element) {
	if e.inaccessible() {
		return
	}
	e.dirs = append(e.dirs, &ast.Directive{Name: dirInaccessible})
	h.merged.used[dirInaccessible] = true
	h.changed = true
}

// tagged reports whether an element has one of the tags.
func (e *element) tagged(tags []string) bool {
	return slices.ContainsFunc(e.dirs, func(d *ast.Directive) bool {
		if d.Name != dirTag {
			return false
		}
		name := d.Arguments.ForName("name")
		return name != nil && slices.Contains(tags, name.Value.Raw)
	})
}

func (h *hiding) exclude() {
	h.merged.elements(func(e *element) {
		if e.tagged(h.contract.Exclude) {
			h.hide(e)
		}
	})
}

func (h *hiding) include() {
	if len(h.contract.Include) == 0 {
		return
	}
	kept := func(t *mtype, f *mfield) bool { return t.tagged(h.contract.Include) || f.tagged(h.contract.Include) }
	for _, name := range h.merged.order {
		t := h.merged.types[name]
		if t.kind != ast.Object && t.kind != ast.Interface {
			continue
		}
		for _, f := range t.fields {
			promised := slices.ContainsFunc(t.interfaces, func(i string) bool {
				iface := h.merged.types[i]
				g := iface.byName[f.name]
				return g != nil && kept(iface, g)
			})
			if !kept(t, f) && !promised {
				h.hide(&f.element)
			}
		}
	}
}

// follow hides what means nothing without what is hidden.
func (h *hiding) follow() {
	for _, name := range h.merged.order {
		t := h.merged.types[name]
		if t.inaccessible() {
			continue
		}
		for _, f := range t.fields {
			if h.hidden(f.typ.Name()) {
				h.hide(&f.element)
			}
			for _, a := range f.args {
				if h.hidden(a.typ.Name()) {
					h.hide(&a.element)
				}
			}
		}
		if h.bare(t) && t.name != "Query" {
			h.hide(&t.element)
		}
	}
}

// bare reports whether all that a type is made of is hidden.
func (h *hiding) bare(t *mtype) bool {
	return len(t.fields)+len(t.values)+len(t.members) > 0 &&
		!slices.ContainsFunc(t.fields, func(f *mfield) bool { return !f.inaccessible() }) &&
		!slices.ContainsFunc(t.values, func(v *mvalue) bool { return !v.inaccessible() }) &&
		!slices.ContainsFunc(t.members, func(m string) bool { return !h.hidden(m) })
}

// unreachable hides types that no visible field or argument leads to.
func (h *hiding) unreachable() {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		t := h.merged.types[name]
		if t == nil || seen[name] || t.inaccessible() {
			return
		}
		seen[name] = true
		for _, f := range t.fields {
			if f.inaccessible() {
				continue
			}
			visit(f.typ.Name())
			for _, a := range f.args {
				if !a.inaccessible() {
					visit(a.typ.Name())
				}
			}
		}
		for _, p := range h.merged.possible(name) {
			visit(p)
		}
		for _, i := range t.interfaces {
			visit(i)
		}
	}
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		visit(root)
	}
	for _, d := range h.merged.executable {
		for _, a := range d.args {
			if !a.inaccessible() {
				visit(a.typ.Name())
			}
		}
	}
	for _, name := range h.merged.order {
		if t := h.merged.types[name]; !seen[name] && !isBuiltinScalar(name) {
			h.hide(&t.element)
		}
	}
}
