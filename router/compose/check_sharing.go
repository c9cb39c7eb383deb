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
	sources = append(sources, c.abstracted(t, m.name)...)
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
