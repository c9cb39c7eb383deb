package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// checkInaccessible: what remains when @inaccessible elements are taken out must be a schema.
// https://specs.apollo.dev/inaccessible/v0.2
func checkInaccessible(c *composer) {
	if !c.merged.used[dirInaccessible] {
		return
	}
	for _, s := range c.subs {
		for _, n := range s.order {
			if d := s.find(s.types[n].def.Directives, dirInaccessible); d != nil && isBuiltinScalar(n) {
				c.report.errorf(codeDisallowedInaccessible, s.at(d.Position), "[%s] Built-in type %q cannot use @inaccessible.", s.name, n)
			}
		}
	}
	for _, name := range c.merged.order {
		c.checkHidden(c.merged.types[name])
	}
	for _, d := range c.merged.definitions() {
		executable := len(executableLocations(d.def)) == len(d.def.Locations)
		for _, a := range d.args {
			if a.inaccessible() && !executable {
				c.report.errorf(codeDisallowedInaccessible, a.locations(), "Directive \"@%s\" cannot use @inaccessible because it may be applied to the schema, but argument %q does.", d.def.Name, a.coordinate())
			}
		}
		if executable {
			c.checkArguments(d.args, nil)
			continue
		}
		for _, a := range d.args { // one that is composed is in the API schema too
			c.checkArgumentType(a)
		}
	}
}

func (c *composer) hidden(typeName string) bool {
	t := c.merged.types[typeName]
	return t != nil && t.inaccessible()
}

func (c *composer) checkHidden(t *mtype) {
	if t.inaccessible() {
		if t.name == "Query" {
			c.report.errorf(codeQueryRootInaccessible, t.locations(), "Type \"Query\" is @inaccessible but is the query root type, which must be in the API schema.")
		}
		return
	}
	visible, children := 0, 0
	for _, f := range t.fields {
		children++
		if f.inaccessible() {
			if t.kind == ast.InputObject && f.typ.NonNull && f.deflt == nil {
				c.report.errorf(codeRequiredInaccessible, f.locations(), "Input field %q is @inaccessible but is a required input field of its type.", f.coordinate())
			}
			c.checkHiddenImplementation(t, f)
			continue
		}
		visible++
		c.checkVisibleField(t, f)
	}
	for _, v := range t.values {
		children++
		if !v.inaccessible() {
			visible++
		}
	}
	for _, m := range t.members {
		children++
		if !c.hidden(m) {
			visible++
		}
	}
	if children > 0 && visible == 0 {
		c.report.errorf(codeOnlyInaccessibleChildren, t.locations(), "Type %q is in the API schema but all of its members are @inaccessible.", t.name)
	}
}

// checkHiddenImplementation: a field that a visible interface promises cannot be hidden.
func (c *composer) checkHiddenImplementation(t *mtype, f *mfield) {
	for _, i := range t.interfaces {
		iface := c.merged.types[i]
		if iface.inaccessible() {
			continue
		}
		if g := iface.byName[f.name]; g != nil && !g.inaccessible() {
			c.report.errorf(codeImplementedByInaccessible, append(f.locations(), g.locations()...), "Field %q is @inaccessible but implements the interface field %q, which is in the API schema.", f.coordinate(), g.coordinate())
		}
	}
}

func (c *composer) checkVisibleField(t *mtype, f *mfield) {
	if c.hidden(f.typ.Name()) {
		c.report.errorf(codeReferencedInaccessible, append(f.locations(), c.merged.types[f.typ.Name()].locations()...), "Type %q is @inaccessible but is referenced by %q, which is in the API schema.", f.typ.Name(), f.coordinate())
	}
	if f.deflt != nil && c.hiddenInValue(f.deflt, f.typ) {
		c.report.errorf(codeDefaultValueUsesInaccessible, f.locations(), "The default value of %q, which is in the API schema, uses something that is @inaccessible.", f.coordinate())
	}
	var promised []*marg
	for _, i := range t.interfaces {
		if g := c.merged.types[i].byName[f.name]; g != nil && !g.inaccessible() {
			promised = append(promised, g.args...)
		}
	}
	c.checkArguments(f.args, promised)
}

// checkArguments checks the arguments of a visible field or directive; promised are those of the
// interface fields that the field implements.
func (c *composer) checkArguments(args, promised []*marg) {
	for _, a := range args {
		if a.inaccessible() {
			if a.typ.NonNull && a.deflt == nil {
				c.report.errorf(codeRequiredInaccessible, a.locations(), "Argument %q is @inaccessible but is a required argument.", a.coordinate())
			}
			for _, b := range promised {
				if b.name == a.name && !b.inaccessible() {
					c.report.errorf(codeImplementedByInaccessible, a.locations(), "Argument %q is @inaccessible but implements the interface argument %q, which is in the API schema.", a.coordinate(), b.coordinate())
				}
			}
			continue
		}
		c.checkArgumentType(a)
		if a.deflt != nil && c.hiddenInValue(a.deflt, a.typ) {
			c.report.errorf(codeDefaultValueUsesInaccessible, a.locations(), "The default value of %q, which is in the API schema, uses something that is @inaccessible.", a.coordinate())
		}
	}
}

func (c *composer) checkArgumentType(a *marg) {
	if c.hidden(a.typ.Name()) {
		c.report.errorf(codeReferencedInaccessible, append(a.locations(), c.merged.types[a.typ.Name()].locations()...), "Type %q is @inaccessible but is referenced by %q, which is in the API schema.", a.typ.Name(), a.coordinate())
	}
}

// hiddenInValue reports whether a default names an enum value or input field that is hidden.
func (c *composer) hiddenInValue(v *ast.Value, t *ast.Type) bool {
	if v.Kind == ast.ListValue {
		for _, child := range v.Children {
			elem := t
			if t.Elem != nil {
				elem = t.Elem
			}
			if c.hiddenInValue(child.Value, elem) {
				return true
			}
		}
		return false
	}
	def := c.merged.types[t.Name()]
	if def == nil {
		return false
	}
	switch v.Kind {
	case ast.EnumValue:
		for _, ev := range def.values {
			if ev.name == v.Raw {
				return ev.inaccessible()
			}
		}
	case ast.ObjectValue:
		for _, child := range v.Children {
			if f := def.byName[child.Name]; f != nil && (f.inaccessible() || c.hiddenInValue(child.Value, f.typ)) {
				return true
			}
		}
	}
	return false
}
