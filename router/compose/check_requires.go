package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// checkRequiredArguments: a required field is asked for with arguments that it has, and all those it
// must have, once merging has taken away what not every subgraph knows.
func checkRequiredArguments(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		for _, m := range t.fields {
			for _, f := range m.sources {
				if f.requires != nil {
					v := requiredArguments{c, f}
					v.selection(t, f.requires.sels)
					v.once(c.merged.possible(name), f.requires.sels)
				}
			}
		}
	}
}

type requiredArguments struct {
	c     *composer
	field *field
}

func (v requiredArguments) fail(format string, args ...any) {
	s := v.field.parent.sub
	head := []any{s.name, v.field.coordinate(), v.field.requires.raw}
	v.c.report.errorf(codeRequiresInvalidFields, s.at(v.field.requires.dir.Position), "[%s] On field %q, for @requires(fields: %q): "+format, append(head, args...)...)
}

func (v requiredArguments) selection(t *mtype, sels ast.SelectionSet) {
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			on := t
			if sel.TypeCondition != "" {
				on = v.c.merged.types[sel.TypeCondition]
			}
			if on != nil {
				v.selection(on, sel.SelectionSet)
			}
		case *ast.Field:
			f := t.byName[sel.Name]
			if f == nil {
				continue
			}
			v.arguments(f, sel)
			if on := v.c.merged.types[f.typ.Name()]; on != nil {
				v.selection(on, sel.SelectionSet)
			}
		}
	}
}

func (v requiredArguments) arguments(f *mfield, sel *ast.Field) {
	known := map[string]bool{}
	for _, a := range f.args {
		known[a.name] = true
		if a.typ.NonNull && a.deflt == nil && sel.Arguments.ForName(a.name) == nil {
			v.fail("no value provided for argument %q of field %q but a value is mandatory", a.name, f.coordinate())
		}
	}
	for _, given := range sel.Arguments {
		if known[given.Name] {
			for _, a := range f.args {
				if a.name == given.Name && !v.c.merged.knows(given.Value, a.typ) {
					v.fail("the value %s for argument %q of field %q is not known in every subgraph that has it", printValue(given.Value), given.Name, f.coordinate())
				}
			}
			continue
		}
		var lacking []string
		for _, src := range f.active() {
			if src.def.Arguments.ForName(given.Name) == nil {
				lacking = append(lacking, src.parent.sub.name)
			}
		}
		if len(lacking) > 0 {
			v.fail("cannot provide a value for argument %q of field %q as it is not defined in %s", given.Name, f.coordinate(), subgraphList(lacking))
		} else {
			v.fail("cannot provide a value for argument %q of field %q as it is contextual", given.Name, f.coordinate())
		}
	}
}

// knows reports whether a value has only what the merged types have: enums and inputs lose what not every
// subgraph takes.
func (m *schema) knows(value *ast.Value, t *ast.Type) bool {
	if value.Kind == ast.ListValue && t.Elem != nil {
		return !slices.ContainsFunc(value.Children, func(c *ast.ChildValue) bool { return !m.knows(c.Value, t.Elem) })
	}
	of := m.types[t.Name()]
	switch {
	case of == nil:
	case of.kind == ast.Enum && value.Kind == ast.EnumValue:
		return slices.ContainsFunc(of.values, func(e *mvalue) bool { return e.name == value.Raw })
	case of.kind == ast.InputObject && value.Kind == ast.ObjectValue:
		for _, c := range value.Children {
			if !slices.ContainsFunc(of.fields, func(f *mfield) bool { return f.name == c.Name && m.knows(c.Value, f.typ) }) {
				return false
			}
		}
	}
	return true
}
