package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// mergeFields merges the fields of objects and interfaces: the union over subgraphs, each with the
// loosest type any subgraph gives it.
func mergeFields(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		if t.kind != ast.Object && t.kind != ast.Interface {
			continue
		}
		for _, src := range t.sources {
			for _, f := range src.fields {
				if t.byName[f.def.Name] == nil {
					m := &mfield{parent: t, name: f.def.Name}
					t.addField(m)
				}
				m := t.byName[f.def.Name]
				m.sources = append(m.sources, f)
			}
		}
		var kept []*mfield
		for _, m := range t.fields {
			if c.mergeField(m) {
				kept = append(kept, m)
			} else {
				delete(t.byName, m.name)
			}
		}
		t.fields = kept
	}
}

// active are the sources whose word counts: those that do not leave the field to others. One that another
// subgraph has taken over still says what the field is, and who may see it, until it is removed.
func (m *mfield) active() []*field {
	var out []*field
	for _, f := range m.sources {
		if f.external == nil {
			out = append(out, f)
		}
	}
	return out
}

func (c *composer) mergeField(m *mfield) bool {
	active := m.active()
	if len(active) == 0 && len(c.abstracted(m.parent, m.name)) > 0 {
		active, m.abstracted = m.sources, true
	}
	if len(active) == 0 {
		var at []Location
		var names []string
		for _, f := range m.sources {
			at = append(at, f.at()...)
			names = append(names, f.parent.sub.name)
		}
		c.report.errorf(codeExternalMissingOnBase, at, "Field %q is marked @external on all the subgraphs in which it is listed (%s).", m.coordinate(), subgraphList(names))
		return false
	}
	var refs []typeRef
	var descs []described
	for _, f := range active {
		refs = append(refs, typeRef{f.def.Type, f.parent.sub, f.def.Position})
		descs = append(descs, described{f.def.Description, f.parent.sub})
		if !m.abstracted {
			m.add(f.parent.sub, f.def.Directives, f.def.Position)
		}
	}
	m.desc = c.mergeDescription(m.coordinate(), descs)
	before := len(c.report.errs)
	m.typ = c.mergeTypeRefs(refs, false, codeFieldTypeMismatch, hintInconsistentFieldType, "field", m.coordinate())
	m.incompatible = len(c.report.errs) > before
	m.sameType = !slices.ContainsFunc(refs, func(r typeRef) bool { return r.typ.String() != m.typ.String() })
	m.args = c.mergeArguments(m.coordinate(), fieldArguments(active))
	m.joins = c.joinFields(m)
	return true
}

type typeRef struct {
	typ *ast.Type
	sub *subgraph
	pos *ast.Position
}

// mergeTypeRefs takes the supertype of all for output, the subtype of all for input. One of the
// given types must be it.
func (c *composer) mergeTypeRefs(refs []typeRef, input bool, code, hint, noun, what string) *ast.Type {
	best := refs[0]
	compatible := true
	for _, r := range refs[1:] {
		fits, widens := c.narrows(r, best), c.narrows(best, r)
		if input {
			fits, widens = widens, fits
		}
		switch {
		case r.typ.String() == best.typ.String():
			best = r // the same, as the latest has it: it may be an interface where others have its object
		case fits:
		case widens:
			best = r
		default:
			compatible = false
		}
	}
	var at []Location
	var texts []string
	from := map[string][]string{}
	for _, r := range refs {
		at = append(at, r.sub.at(r.pos)...)
		s := r.typ.String()
		if from[s] == nil {
			texts = append(texts, s)
		}
		from[s] = append(from[s], r.sub.name)
	}
	if len(texts) > 1 {
		list := ""
		for i, s := range texts {
			if i > 0 {
				list += " but "
			}
			list += "type \"" + s + "\" in " + subgraphList(from[s])
		}
		if !compatible {
			c.report.errorf(code, at, "Type of %s %q is incompatible across subgraphs: it has %s", noun, what, list)
		} else {
			c.report.hintf(hint, at, "Type of %s %q is inconsistent but compatible across subgraphs: will use type %q in supergraph; it has %s", noun, what, best.typ.String(), list)
		}
	}
	return best.typ
}

// narrows reports whether every value of one type is of the other. An interface object does not tell the
// types of its objects, so that none of them is known to be one.
func (c *composer) narrows(r, of typeRef) bool {
	if t := of.sub.types[of.typ.Name()]; t != nil && t.interfaceObject && r.typ.Name() != t.name() {
		return false
	}
	return c.merged.isSubtypeRef(r.typ, of.typ)
}

// joinFields are the @join__field of a merged field; none when every graph that has the type resolves
// the field in the same way.
func (c *composer) joinFields(m *mfield) []joinField {
	needed := false
	holders := len(m.parent.sources)
	if m.parent.name == "Query" {
		holders = len(c.subs)
	}
	if len(m.sources) != holders {
		needed = true
	}
	sameType := true
	for _, f := range m.sources {
		if f.def.Type.String() != m.typ.String() {
			sameType = false
		}
	}
	var joins []joinField
	for _, f := range m.sources {
		j := joinField{graph: f.parent.sub.graph}
		if f.replaced() {
			if !f.used {
				needed = true
				continue
			}
			j.usedOverridden = true
		} else if f.overriddenBy != nil {
			j.label, j.usedOverridden = f.overriddenBy.override.label, f.used
		}
		if f.override != nil {
			j.override, j.label = f.override.from, f.override.label
			if !c.labelled(f) {
				j.label = ""
			}
		}
		j.external = f.external != nil
		if f.requires != nil {
			j.requires = printSelection(f.requires.sels)
		}
		if f.provides != nil {
			j.provides = printSelection(f.provides.sels)
		}
		if !sameType {
			j.typ = f.def.Type.String()
		}
		for _, a := range f.def.Arguments {
			if ctx := f.contextual[a.Name]; ctx != nil {
				j.context = append(j.context, ctx)
			}
		}
		if j.usedOverridden || j.label != "" || j.external || j.requires != "" || j.provides != "" || j.typ != "" || len(j.context) > 0 {
			needed = true
		}
		joins = append(joins, j)
	}
	if !needed {
		return nil
	}
	return joins
}

// labelled reports whether an @override still has a source, so that its label decides anything.
func (c *composer) labelled(f *field) bool {
	for _, s := range c.subs {
		if t := s.types[f.parent.name()]; t != nil {
			if g := t.byName[f.def.Name]; g != nil && g.overriddenBy == f {
				return true
			}
		}
	}
	return false
}

// copyInterfaceObjectFields gives every implementation the fields that interface objects add to their
// interface, so that a client can ask for them there too.
func copyInterfaceObjectFields(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		if t.kind != ast.Interface {
			continue
		}
		for _, f := range t.fields {
			abstract := false
			for _, src := range f.active() {
				abstract = abstract || src.parent.interfaceObject
			}
			if !abstract {
				continue
			}
			for _, impl := range c.merged.order {
				o := c.merged.types[impl]
				if o.kind != ast.Object || !has(o.interfaces, name) {
					continue
				}
				if own := o.byName[f.name]; own == nil {
					o.addField(&mfield{element: f.element, parent: o, name: f.name, typ: f.typ, args: f.args, bare: true})
				} else if own.abstracted {
					own.applied = f.applied
				}
			}
		}
	}
}
