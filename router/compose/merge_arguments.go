package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// argumentsIn are the arguments a field or a directive has in one subgraph.
type argumentsIn struct {
	sub        *subgraph
	list       ast.ArgumentDefinitionList
	contextual map[string]*contextArgument
}

func fieldArguments(active []*field) []argumentsIn {
	var out []argumentsIn
	for _, f := range active {
		out = append(out, argumentsIn{f.parent.sub, f.def.Arguments, f.contextual})
	}
	return out
}

// mergeArguments keeps the arguments that every subgraph resolving the field takes, each with the
// strictest type. A required one must be everywhere. An argument that some subgraph takes from a
// context is not the client's to give.
func (c *composer) mergeArguments(owner string, sources []argumentsIn) []*marg {
	var out []*marg
	var order []string
	seen := map[string]bool{}
	for _, src := range sources {
		for _, a := range src.list {
			if !seen[a.Name] {
				seen[a.Name] = true
				order = append(order, a.Name)
			}
		}
	}
	for _, name := range order {
		arg := &marg{owner: owner, name: name}
		var in, notIn, required, optional, contextual []string
		var refs []typeRef
		var descs []described
		var defaults []defaultIn
		var at []Location
		for _, src := range sources {
			s := src.sub
			a := src.list.ForName(name)
			switch {
			case a == nil:
				notIn = append(notIn, s.name)
				continue
			case src.contextual[name] != nil:
				contextual = append(contextual, s.name)
				continue
			}
			in = append(in, s.name)
			at = append(at, s.at(a.Position)...)
			if a.Type.NonNull && a.DefaultValue == nil {
				required = append(required, s.name)
			} else {
				optional = append(optional, s.name)
			}
			refs = append(refs, typeRef{a.Type, s, a.Position})
			descs = append(descs, described{a.Description, s})
			defaults = append(defaults, defaultIn{a.DefaultValue, s})
			arg.add(s, a.Directives, a.Position)
		}
		if len(contextual) > 0 {
			if len(required) > 0 {
				c.report.errorf(codeContextualArgumentNotEvery, at, "Argument %q is contextual in %s but is required in %s: it must be contextual, optional or absent there", arg.coordinate(), subgraphList(contextual), subgraphList(required))
			}
			if len(optional) > 0 {
				c.report.hintf(hintContextualNotEvery, at, "Argument %q will not be included in the supergraph: it is contextual in %s, though not in %s.", arg.coordinate(), subgraphList(contextual), subgraphList(optional))
			}
			continue
		}
		if len(notIn) > 0 {
			if len(required) > 0 {
				c.report.errorf(codeRequiredArgumentMissing, at, "Argument %q is required in some subgraphs but does not appear in all subgraphs: it is required in %s but does not appear in %s", arg.coordinate(), subgraphList(required), subgraphList(notIn))
			} else {
				c.report.hintf(hintInconsistentArgument, at, "Optional argument %q will not be included in the supergraph as it does not appear in all subgraphs: it is defined in %s but not in %s.", arg.coordinate(), subgraphList(in), subgraphList(notIn))
			}
			continue
		}
		arg.typ = c.mergeTypeRefs(refs, true, codeFieldArgumentTypeMismatch, hintInconsistentArgumentType, "argument", arg.coordinate())
		arg.desc = c.mergeDescription(arg.coordinate(), descs)
		arg.deflt = c.mergeDefault(defaults, codeFieldArgumentDefaultMismatch, "Argument", arg.coordinate(), at)
		out = append(out, arg)
	}
	return out
}

type defaultIn struct {
	value *ast.Value
	sub   *subgraph
}

// mergeDefault is the default all subgraphs agree on. Some having none means none; two different ones
// are an error.
func (c *composer) mergeDefault(list []defaultIn, code, noun, what string, at []Location) *ast.Value {
	var first *ast.Value
	var without []string
	texts := map[string][]string{}
	var order []string
	for _, d := range list {
		if d.value == nil {
			without = append(without, d.sub.name)
			continue
		}
		if first == nil {
			first = d.value
		}
		text := printValue(ordered(d.value))
		if texts[text] == nil {
			order = append(order, text)
		}
		texts[text] = append(texts[text], d.sub.name)
	}
	switch {
	case len(order) > 1:
		msg := ""
		for i, text := range order {
			if i > 0 {
				msg += " but "
			}
			msg += "default value " + text + " in " + subgraphList(texts[text])
		}
		c.report.errorf(code, at, "%s %q has incompatible default values across subgraphs: it has %s", noun, what, msg)
	case first != nil && len(without) > 0:
		c.report.hintf(hintInconsistentDefault, at, "%s %q has a default value in only some subgraphs: will not use a default in the supergraph (there is no default in %s).", noun, what, subgraphList(without))
		return nil
	}
	return first
}
