package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// usage is where a type is used in the merged schema, with an example of each.
type usage struct {
	input, output     bool
	asInput, asOutput string
}

func (c *composer) use(name string, input bool, example string) {
	u := c.used[name]
	if input && !u.input {
		u.input, u.asInput = true, example
	}
	if !input && !u.output {
		u.output, u.asOutput = true, example
	}
	c.used[name] = u
}

// mergeEnums merges enum values by where the enum is used. Clients may be sent what any subgraph has
// (union), may send only what all have (intersection), and for an enum used both ways the subgraphs
// must agree.
func mergeEnums(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		for _, f := range t.fields {
			c.use(f.typ.Name(), t.kind == ast.InputObject, f.coordinate())
			for _, a := range f.args {
				c.use(a.typ.Name(), true, a.coordinate())
			}
		}
	}
	for _, d := range c.merged.executable {
		for _, a := range d.args {
			c.use(a.typ.Name(), true, a.coordinate())
		}
	}
	for _, name := range c.merged.order {
		if t := c.merged.types[name]; t.kind == ast.Enum {
			c.mergeEnum(t, c.used[name])
		}
	}
}

// argues reports whether a composed directive has an argument of a type.
func (c *composer) argues(typ string) bool {
	for _, cd := range c.merged.composed {
		for _, a := range cd.args {
			if a.typ.Name() == typ {
				return true
			}
		}
	}
	return false
}

func (c *composer) mergeEnum(t *mtype, u usage) {
	if !u.input && !u.output && !c.argues(t.name) {
		c.report.hintf(hintUnusedEnum, t.locations(), "Enum type %q is defined but unused. It will be included in the supergraph with all the values appearing in any subgraph (\"as if\" it was only used as an output type).", t.name)
	}
	var order []string
	seen := map[string]bool{}
	for _, src := range t.sources {
		for _, v := range src.def.EnumValues {
			if !seen[v.Name] {
				seen[v.Name] = true
				order = append(order, v.Name)
			}
		}
	}
	for _, name := range order {
		v := &mvalue{name: name}
		var descs []described
		var in, notIn []string
		hidden := false
		for _, src := range t.sources {
			def := src.def.EnumValues.ForName(name)
			if def == nil {
				notIn = append(notIn, src.sub.name)
				continue
			}
			in = append(in, src.sub.name)
			hidden = hidden || src.sub.find(def.Directives, dirInaccessible) != nil
			v.graphs = append(v.graphs, src.sub.graph)
			v.add(src.sub, def.Directives, def.Position)
			descs = append(descs, described{def.Description, src.sub})
		}
		if len(notIn) > 0 {
			switch {
			case u.input && u.output && !hidden:
				c.report.errorf(codeEnumValueMismatch, t.locations(), "Enum type %q is used as both input type (for example, as type of %q) and output type (for example, as type of %q), but value %q is not defined in all the subgraphs defining %q: %q is defined in %s but not in %s", t.name, u.asInput, u.asOutput, name, t.name, name, subgraphList(in), subgraphList(notIn))
			case u.input && !u.output && !hidden:
				c.report.hintf(hintInconsistentInputEnum, t.locations(), "Value %q of enum type %q will not be part of the supergraph as it is not defined in all the subgraphs defining %q: %q is defined in %s but not in %s.", name, t.name, t.name, name, subgraphList(in), subgraphList(notIn))
				continue
			case !u.input:
				c.report.hintf(hintInconsistentOutputEnum, t.locations(), "Value %q of enum type %q has been added to the supergraph but is only defined in a subset of the subgraphs defining %q: %q is defined in %s but not in %s.", name, t.name, t.name, name, subgraphList(in), subgraphList(notIn))
			}
		}
		v.desc = c.mergeDescription(t.name+"."+name, descs)
		t.values = append(t.values, v)
	}
	if len(t.values) == 0 {
		c.report.errorf(codeEmptyMergedEnum, t.locations(), "None of the values of enum type %q are defined consistently in all the subgraphs defining that type. As only values common to all subgraphs are merged, this would result in an empty type.", t.name)
	}
}
