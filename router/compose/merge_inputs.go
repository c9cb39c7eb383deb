package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// mergeInputFields keeps the input fields that every subgraph with the type has: a client must not
// send what one of them does not know. Types tighten.
func mergeInputFields(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		if t.kind == ast.InputObject {
			c.mergeInput(t)
		}
	}
}

func (c *composer) mergeInput(t *mtype) {
	var order []string
	seen := map[string]bool{}
	for _, src := range t.sources {
		for _, f := range src.fields {
			if !seen[f.def.Name] {
				seen[f.def.Name] = true
				order = append(order, f.def.Name)
			}
		}
	}
	for _, name := range order {
		m := &mfield{parent: t, name: name}
		var in, notIn, required []string
		hidden := false
		var refs []typeRef
		var descs []described
		var defaults []defaultIn
		var at []Location
		for _, src := range t.sources {
			f := src.byName[name]
			if f == nil {
				notIn = append(notIn, src.sub.name)
				continue
			}
			in = append(in, src.sub.name)
			hidden = hidden || src.sub.find(f.def.Directives, dirInaccessible) != nil
			at = append(at, f.at()...)
			if f.def.Type.NonNull && f.def.DefaultValue == nil {
				required = append(required, src.sub.name)
			}
			refs = append(refs, typeRef{f.def.Type, src.sub, f.def.Position})
			descs = append(descs, described{f.def.Description, src.sub})
			defaults = append(defaults, defaultIn{f.def.DefaultValue, src.sub})
			m.sources = append(m.sources, f)
			m.add(src.sub, f.def.Directives, f.def.Position)
		}
		m.typ = c.mergeTypeRefs(refs, true, codeFieldTypeMismatch, hintInconsistentFieldType, "field", m.coordinate())
		m.desc = c.mergeDescription(m.coordinate(), descs)
		m.deflt = c.mergeDefault(defaults, codeInputFieldDefaultMismatch, "Input field", m.coordinate(), at)
		if len(notIn) > 0 && !hidden {
			if len(required) > 0 {
				c.report.errorf(codeRequiredInputFieldMissing, at, "Input object field %q is required in some subgraphs but does not appear in all subgraphs: it is required in %s but does not appear in %s", m.coordinate(), subgraphList(required), subgraphList(notIn))
			} else {
				c.report.hintf(hintInconsistentInputField, at, "Input object field %q will not be added to %q in the supergraph as it does not appear in all subgraphs: it is defined in %s but not in %s.", name, t.name, subgraphList(in), subgraphList(notIn))
			}
			continue
		}
		m.joins = c.joinFields(m)
		t.addField(m)
	}
	if len(t.fields) == 0 {
		c.report.errorf(codeEmptyMergedInput, t.locations(), "None of the fields of input object type %q are consistently defined in all the subgraphs defining that type. As only fields common to all subgraphs are merged, this would result in an empty type.", t.name)
	}
}
