package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// contextArgument is an argument whose value comes from a @context above, not from the client.
type contextArgument struct {
	context, name, typ, selection string
}

// readContexts reads @context and @fromContext: which types set a context, and which arguments take
// their value from one. https://specs.apollo.dev/context/v0.1
func readContexts(c *composer) {
	for _, s := range c.subs {
		for _, name := range s.order {
			t := s.types[name]
			for _, d := range s.findAll(t.def.Directives, dirContext) {
				ctx := stringArg(d, "name")
				if !validContextName(ctx) {
					c.report.errorf(codeContextNameInvalid, s.at(d.Position), "[%s] Context name %q is invalid. It should have only alphanumeric characters and begin with a letter.", s.name, ctx)
					continue
				}
				s.contexts[ctx] = append(s.contexts[ctx], t)
			}
		}
		for _, name := range s.order {
			for _, f := range s.types[name].fields {
				for _, a := range f.def.Arguments {
					if d := s.find(a.Directives, dirFromContext); d != nil {
						s.readFromContext(c.report, f, a, d)
					}
				}
			}
		}
	}
}

func validContextName(n string) bool { return isName(n) && !strings.Contains(n, "_") }

func (s *subgraph) readFromContext(r *report, f *field, a *ast.ArgumentDefinition, d *ast.Directive) {
	at, what := s.at(d.Position), f.coordinate()+"("+a.Name+":)"
	text := strings.TrimSpace(stringArg(d, "field"))
	name, selection, ok := strings.Cut(strings.TrimPrefix(text, "$"), "{")
	name = strings.TrimSpace(name)
	if first := strings.IndexAny(name, " \n\t"); first > 0 && !ok {
		name = name[:first]
	}
	if !strings.HasPrefix(text, "$") || !ok {
		r.errorf(codeNoContextInSelection, at, "[%s] @fromContext argument does not reference a context %q.", s.name, text)
		return
	}
	// One context may carry several selections, one for each type that sets it.
	if i := strings.IndexAny(name, " \n\t."); i > 0 {
		selection = name[i:] + "{" + selection
		name = name[:i]
	} else {
		selection = "{" + selection
	}
	types := s.contexts[name]
	if len(types) == 0 {
		r.errorf(codeContextNotSet, at, "[%s] Context %q is used at location %q but is never set.", s.name, name, what)
		return
	}
	if f.parent.def.Kind == ast.Interface {
		r.errorf(codeContextInvalidSelection, at, "[%s] @fromContext argument cannot be used on a field that exists on an abstract type %q.", s.name, what)
		return
	}
	if len(f.parent.keys) == 0 || !hasResolvable(f.parent) {
		r.errorf(codeContextNoResolvableKey, at, "[%s] Object %q has no resolvable key but has a field with a contextual argument.", s.name, f.parent.name())
		return
	}
	sels, problem := parseSelections(strings.TrimSpace(selection))
	if problem != "" {
		r.errorf(codeContextInvalidSelection, at, "[%s] Context %q is used in %q but the selection is invalid: %s", s.name, name, what, problem)
		return
	}
	for _, t := range types {
		if problem := s.contextSelection(t, sels, a.Type); problem != "" {
			r.errorf(codeContextInvalidSelection, at, "[%s] Context %q is used in %q but the selection is invalid: %s", s.name, name, what, problem)
			return
		}
	}
	if f.contextual == nil {
		f.contextual = map[string]*contextArgument{}
	}
	f.contextual[a.Name] = &contextArgument{
		context: s.name + "__" + name, name: a.Name, typ: a.Type.String(), selection: " " + strings.TrimSpace(selection),
	}
}

func hasResolvable(t *typ) bool {
	for _, k := range t.keys {
		if k.resolvable {
			return true
		}
	}
	return false
}

// contextSelection checks that a selection on a type that sets the context leads to one value of the
// argument's type. Leading to it through something nullable makes it nullable.
func (s *subgraph) contextSelection(t *typ, sels ast.SelectionSet, want *ast.Type) string {
	var matched bool
	for _, sel := range sels {
		if frag, ok := sel.(*ast.InlineFragment); ok {
			on := t
			if frag.TypeCondition != "" {
				on = s.types[frag.TypeCondition]
				if on == nil {
					return "unknown type \"" + frag.TypeCondition + "\""
				}
				if !s.overlap(t, on) {
					continue
				}
			}
			matched = true
			if p := s.contextSelection(on, frag.SelectionSet, want); p != "" {
				return p
			}
		}
	}
	if matched {
		return ""
	}
	if len(sels) != 1 {
		return "multiple selections are made"
	}
	sel, ok := sels[0].(*ast.Field)
	if !ok {
		return "no type matches the selection"
	}
	if len(sel.Directives) > 0 {
		return "selection cannot contain directives"
	}
	if sel.Alias != "" && sel.Alias != sel.Name {
		return "selection should not contain aliases"
	}
	f := t.byName[sel.Name]
	if f == nil {
		return "cannot query field \"" + sel.Name + "\" on type \"" + t.name() + "\""
	}
	f.used = true
	if len(sel.SelectionSet) > 0 {
		on := s.types[f.def.Type.Name()]
		if on == nil || f.def.Type.Elem != nil {
			return "\"" + f.coordinate() + "\" leads to no single object"
		}
		inner := want
		if !f.def.Type.NonNull && want.NonNull {
			return "the selection may be null but the argument may not"
		}
		return s.contextSelection(on, sel.SelectionSet, inner)
	}
	if !s.covariant(f.def.Type, want) {
		return "the type of the selection \"" + f.def.Type.String() + "\" does not match the expected type \"" + want.String() + "\""
	}
	return ""
}

// contextUsed reports whether the field may be wanted by a context set on its type.
func (f *field) contextUsed() bool {
	return f.parent.sub.find(f.parent.def.Directives, dirContext) != nil
}

// mergeContexts carries @context with its subgraph's name before its own: contexts are local.
func (c *composer) mergeContexts(e *element) {
	for _, a := range e.applied {
		for _, d := range a.sub.findAll(a.list, dirContext) {
			c.merged.used[dirContext] = true
			e.dirs = append(e.dirs, &ast.Directive{Name: dirContext, Arguments: ast.ArgumentList{
				{Name: "name", Value: &ast.Value{Kind: ast.StringValue, Raw: a.sub.name + "__" + stringArg(d, "name")}},
			}})
		}
	}
}
