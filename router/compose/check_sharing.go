package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// checkSharing: a field that several subgraphs resolve must be @shareable in all of them, so that
// sharing is never an accident. A field of an interface object counts for every implementation.
func checkSharing(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		if t.kind != ast.Object {
			continue
		}
		for _, f := range t.fields {
			c.checkFieldSharing(t, f)
		}
	}
}

func (c *composer) checkFieldSharing(t *mtype, m *mfield) {
	sources := append([]*field(nil), m.sources...)
	if !m.bare {
		sources = append(sources, c.abstracted(t, m.name)...)
	}
	var all, unshared []string
	var at []Location
	for _, f := range sources {
		// An overridden field is not resolved; with a label, the two are never resolved both.
		if f.external != nil && !f.providedTo || f.overriddenBy != nil {
			continue
		}
		all = append(all, f.parent.sub.name)
		at = append(at, f.at()...)
		if !f.shareable && !f.providedTo {
			unshared = append(unshared, f.parent.sub.name)
		}
	}
	if len(all) < 2 || len(unshared) == 0 {
		if len(all) > 1 {
			c.checkRuntimeTypes(m)
		}
		return
	}
	where := "in " + subgraphList(unshared)
	if len(unshared) == len(all) {
		where = "in all of them"
	}
	c.report.errorf(codeInvalidFieldSharing, at, "Non-shareable field %q is resolved from multiple subgraphs: it is resolved from %s and defined as non-shareable %s", m.coordinate(), subgraphList(all), where)
}

func labelKeeps(f *field) bool { return f.overriddenBy.override.label != "" }

// abstracted are the fields of that name that interface objects give to an implementation.
func (c *composer) abstracted(t *mtype, name string) []*field {
	var out []*field
	for _, i := range t.interfaces {
		for _, src := range c.merged.types[i].sources {
			if f := src.byName[name]; f != nil && src.interfaceObject && f.resolves() {
				out = append(out, f)
			}
		}
	}
	return out
}

// checkRuntimeTypes: subgraphs that resolve one field to an abstract type should mean the same
// objects; with no type in common they cannot.
func (c *composer) checkRuntimeTypes(m *mfield) {
	if len(m.active()) < 2 {
		return
	}
	var common map[string]bool
	differ, abstract := false, 0
	var at []Location
	for i, f := range m.active() {
		s := f.parent.sub
		on := s.types[f.def.Type.Name()]
		if m.incompatible || on == nil || on.interfaceObject || on.def.Kind != ast.Object && on.def.Kind != ast.Interface && on.def.Kind != ast.Union {
			return
		}
		if on.def.Kind != ast.Object {
			abstract++
		}
		at = append(at, f.at()...)
		here := map[string]bool{}
		for _, p := range s.possible(on) {
			here[p.name()] = true
		}
		if i == 0 {
			common = here
			continue
		}
		next := map[string]bool{}
		for n := range common {
			if here[n] {
				next[n] = true
			}
		}
		differ = differ || len(next) != len(common) || len(next) != len(here)
		common = next
	}
	switch {
	case abstract < 2: // one type, or one subgraph that is more precise than the others
	case len(common) == 0:
		c.report.errorf(codeShareableRuntimeTypes, at, "For the following shared field %q: its possible runtime types have nothing in common between the subgraphs that resolve it", m.coordinate())
	case differ:
		c.report.hintf(hintRuntimeTypesInShareable, at, "For the field %q: the possible runtime types differ between the subgraphs that resolve it; it should resolve the same way in all of them.", m.coordinate())
	}
}
