package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// checkMerged checks what only the merged schema shows.
func checkMerged(c *composer) {
	if q := c.merged.types["Query"]; q == nil || len(q.fields) == 0 {
		c.report.errorf(codeNoQueries, nil, "No queries found in any subgraph: a supergraph must have a query root type.")
	}
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		switch t.kind {
		case ast.Object, ast.Interface:
			for _, i := range t.interfaces {
				c.checkImplements(t, c.merged.types[i])
			}
		}
		for _, f := range t.fields {
			if t.kind == ast.InputObject && f.typ.NonNull && f.deflt == nil {
				c.checkDeprecated(&f.element, "input field", f.coordinate())
			}
			c.checkDefault(f.deflt, f.typ, &f.element, f.coordinate())
			c.checkMergedArguments(f.args)
		}
	}
	for _, d := range c.merged.definitions() {
		c.checkMergedArguments(d.args)
	}
}

func (c *composer) checkMergedArguments(args []*marg) {
	for _, a := range args {
		c.checkDefault(a.deflt, a.typ, &a.element, a.coordinate())
		if a.typ.NonNull && a.deflt == nil {
			c.checkDeprecated(&a.element, "argument", a.coordinate())
		}
	}
}

// checkDefault: a default is a value that clients could give too.
func (c *composer) checkDefault(value *ast.Value, t *ast.Type, e *element, coordinate string) {
	if value != nil && !c.merged.knows(value, t) {
		c.report.errorf(codeInvalidGraphQL, e.locations(), "Invalid default value (got: %s) provided for %q of type %s: not every subgraph knows it.", printValue(value), coordinate, t.String())
	}
}

// checkDeprecated: an argument that some subgraph deprecates may be required by another one only.
func (c *composer) checkDeprecated(e *element, what, coordinate string) {
	for _, d := range e.dirs {
		if d.Name == dirDeprecated {
			c.report.errorf(codeInvalidGraphQL, e.locations(), "Required %s %q cannot be deprecated.", what, coordinate)
		}
	}
}

func checkInterfaceEntities(c *composer) {
	for _, name := range c.merged.order {
		if t := c.merged.types[name]; t.kind == ast.Interface {
			c.checkInterfaceEntity(t)
		}
	}
}

// checkImplements: an interface merged from several subgraphs asks for all their fields.
func (c *composer) checkImplements(t, iface *mtype) {
	for _, f := range iface.fields {
		if t.byName[f.name] != nil || t.kind == ast.Interface && c.fromInterfaceObject(f) {
			continue
		}
		var in, by []string
		for _, src := range f.sources {
			in = append(in, src.parent.sub.name)
		}
		for _, src := range t.sources {
			if has(src.def.Interfaces, iface.name) {
				by = append(by, src.sub.name)
			}
		}
		c.report.errorf(codeInterfaceFieldNoImplem, append(f.locations(), t.locations()...), "Interface field %q is declared in %s but type %q, which implements %q in %s, does not have field %q.", f.coordinate(), subgraphList(in), t.name, iface.name, subgraphList(by), f.name)
	}
}

func (c *composer) fromInterfaceObject(f *mfield) bool {
	for _, src := range f.active() {
		if src.parent.interfaceObject {
			return true
		}
	}
	return false
}

// checkInterfaceEntity: a subgraph that can be asked for any object of an interface by key knows all
// of its types; one that has the interface object knows none.
func (c *composer) checkInterfaceEntity(t *mtype) {
	impls := c.merged.possible(t.name)
	for _, src := range t.sources {
		if src.interfaceObject {
			for _, n := range impls {
				if own := src.sub.types[n]; own != nil {
					c.report.errorf(codeInterfaceObjectUsage, append(src.sub.at(src.def.Position), src.sub.at(own.def.Position)...), "[%s] Interface type %q is defined as an @interfaceObject in subgraph %q so that subgraph should not define any of the implementation types of %q, but it defines type %q", src.sub.name, t.name, src.sub.name, t.name, n)
				}
			}
			continue
		}
		if len(src.keys) == 0 {
			continue
		}
		resolvable := false
		for _, k := range src.keys {
			resolvable = resolvable || k.resolvable
		}
		var missing []string
		for _, n := range impls {
			if own := src.sub.types[n]; own == nil || !has(own.def.Interfaces, t.name) {
				missing = append(missing, n)
			}
		}
		if resolvable && len(missing) > 0 {
			c.report.errorf(codeInterfaceKeyMissingImpl, src.sub.at(src.keys[0].dir.Position), "[%s] Interface type %q has a resolvable key in subgraph %q but that subgraph is missing some of the supergraph implementation types of %q. Subgraph %q should define %s and let each implement %q.", src.sub.name, t.name, src.sub.name, t.name, src.sub.name, plural("type", missing), t.name)
		}
	}
}
