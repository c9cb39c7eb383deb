package compose

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// contextArgument is an argument whose value comes from a @context above, not from the client.
type contextArgument struct {
	context, name, typ, selection string
}

// readContexts reads @context and @fromContext: which types set a context, and which arguments take
// their value from one. https://specs.apollo.dev/context/v0.1
func readContexts(r *report, s *subgraph) {
	for _, name := range s.order {
		t := s.types[name]
		for _, d := range s.findAll(t.def.Directives, dirContext) {
			ctx := stringArg(d, "name")
			if !validContextName(ctx) {
				r.errorf(codeContextNameInvalid, s.at(d.Position), "[%s] Context name %q is invalid. It should have only alphanumeric characters and begin with a letter.", s.name, ctx)
				continue
			}
			s.contexts[ctx] = append(s.contexts[ctx], t)
		}
	}
	for _, name := range s.dirOrder {
		for _, a := range s.directives[name].Arguments {
			if d := s.find(a.Directives, dirFromContext); d != nil {
				r.errorf(codeContextNotSet, s.at(d.Position), "[%s] @fromContext argument cannot be used on a directive definition \"@%s(%s:)\".", s.name, name, a.Name)
			}
		}
	}
	for _, name := range s.order {
		for _, f := range s.types[name].fields {
			for _, a := range f.def.Arguments {
				if d := s.find(a.Directives, dirFromContext); d != nil {
					s.readFromContext(r, f, a, d)
				}
			}
		}
	}
}

func validContextName(n string) bool { return isName(n) && !strings.Contains(n, "_") }

// contextPattern is "$name selection": https://specs.apollo.dev/context/v0.1/#ContextFieldValue
var contextPattern = regexp.MustCompile(`^[\s,]*\$[\s,]*([A-Za-z_]\w*)([\s\S]*)$`)

func (s *subgraph) readFromContext(r *report, f *field, a *ast.ArgumentDefinition, d *ast.Directive) {
	at, what := s.at(d.Position), f.coordinate()+"("+a.Name+":)"
	if f.parent.def.Kind != ast.Object {
		r.errorf(codeContextNotSet, at, "[%s] @fromContext argument cannot be used on a field that exists on an abstract type %q.", s.name, what)
		return
	}
	for _, i := range f.parent.def.Interfaces {
		if iface := s.types[i]; iface != nil && iface.byName[f.def.Name] != nil {
			r.errorf(codeContextNotSet, at, "[%s] @fromContext argument cannot be used on a field implementing an interface field \"%s.%s\".", s.name, i, f.def.Name)
			return
		}
	}
	if a.DefaultValue != nil {
		r.errorf(codeContextNotSet, at, "[%s] @fromContext arguments may not have a default value: %q.", s.name, what)
		return
	}
	text := stringArg(d, "field")
	match := contextPattern.FindStringSubmatch(text)
	if match == nil || match[2] == "" {
		r.errorf(codeNoContextInSelection, at, "[%s] @fromContext argument does not reference a context %q.", s.name, text)
		return
	}
	name, selection := match[1], match[2]
	if !hasResolvable(f.parent) {
		r.errorf(codeContextNoResolvableKey, at, "[%s] Object %q has no resolvable key but has a field with a contextual argument.", s.name, f.parent.name())
	}
	types := s.contexts[name]
	if len(types) == 0 {
		r.errorf(codeContextNotSet, at, "[%s] Context %q is used at location %q but is never set.", s.name, name, what)
		return
	}
	sels, problem := parseSelections(selection)
	if problem == "" {
		problem = s.contextValue(types, sels, a.Type)
	}
	if problem != "" {
		r.errorf(codeContextInvalidSelection, at, "[%s] Context %q is used in %q but the selection is invalid: %s", s.name, name, what, problem)
		return
	}
	if f.contextual == nil {
		f.contextual = map[string]*contextArgument{}
	}
	f.contextual[a.Name] = &contextArgument{context: s.name + "__" + name, name: a.Name, typ: a.Type.String(), selection: selection}
}

func hasResolvable(t *typ) bool {
	for _, k := range t.keys {
		if k.resolvable {
			return true
		}
	}
	return false
}

// contextValue checks that a selection leads to one value of the argument's type on each type that
// sets the context: either one field for all of them, or a fragment for each. The value may always be
// absent, so the argument is nullable. It returns the problem, empty when there is none.
func (s *subgraph) contextValue(types []*typ, sels ast.SelectionSet, want *ast.Type) string {
	used := map[string]bool{}
	for _, t := range types {
		if _, isField := sels[0].(*ast.Field); isField {
			if problem := s.contextFits(t, sels, want); problem != "" {
				return problem
			}
			continue
		}
		matched := false
		for _, sel := range sels {
			frag, ok := sel.(*ast.InlineFragment)
			if !ok || frag.TypeCondition == "" || len(frag.Directives) > 0 {
				return "it must be a single field, or one inline fragment with a type condition for each type"
			}
			on := s.types[frag.TypeCondition]
			if on == nil || on.def.Kind != ast.Object {
				return "type condition \"" + frag.TypeCondition + "\" must be an object type"
			}
			if !s.overlap(t, on) {
				continue
			}
			matched, used[frag.TypeCondition] = true, true
			if problem := s.contextFits(on, frag.SelectionSet, want); problem != "" {
				return problem
			}
		}
		if !matched {
			return "no type condition matches the location \"" + t.name() + "\""
		}
	}
	for _, sel := range sels {
		if frag, ok := sel.(*ast.InlineFragment); ok && !used[frag.TypeCondition] {
			return "type condition \"" + frag.TypeCondition + "\" is never used"
		}
	}
	return ""
}

func (s *subgraph) contextFits(t *typ, sels ast.SelectionSet, want *ast.Type) string {
	got, problem := s.contextType(t, sels)
	if problem == "" && got.String() != want.String() {
		problem = "the type of the selection \"" + got.String() + "\" does not match the expected type \"" + want.String() + "\""
	}
	return problem
}

// contextType is the type of what a selection of one field leads to, nullable all through; lists on
// the way make it a list.
func (s *subgraph) contextType(t *typ, sels ast.SelectionSet) (*ast.Type, string) {
	if t.interfaceObject {
		return nil, "\"" + t.name() + "\" is an @interfaceObject"
	}
	if len(sels) != 1 {
		return nil, "multiple selections are made"
	}
	sel, ok := sels[0].(*ast.Field)
	switch {
	case !ok:
		return nil, "it must lead to a single field"
	case len(sel.Directives) > 0:
		return nil, "directives are not allowed in the selection"
	case sel.Alias != "" && sel.Alias != sel.Name:
		return nil, "aliases are not allowed in the selection"
	}
	f := t.byName[sel.Name]
	if f == nil || t.def.Kind == ast.Union {
		return nil, "cannot query field \"" + sel.Name + "\" on type \"" + t.name() + "\""
	}
	f.used = true
	on := s.types[f.def.Type.Name()]
	composite := on != nil && on.def.Kind != ast.Scalar && on.def.Kind != ast.Enum
	if composite != (len(sel.SelectionSet) > 0) {
		return nil, "\"" + f.coordinate() + "\" is of type \"" + f.def.Type.String() + "\": the selection must end at a leaf"
	}
	value := ast.NamedType(f.def.Type.Name(), nil)
	if composite {
		var problem string
		if value, problem = s.contextType(on, sel.SelectionSet); problem != "" {
			return nil, problem
		}
	}
	for wrapped := f.def.Type; wrapped.Elem != nil; wrapped = wrapped.Elem {
		value = ast.ListType(value, nil)
	}
	return value, ""
}

// contextUsed reports whether some argument of the subgraph takes the field from a context.
func (f *field) contextUsed() bool {
	s := f.parent.sub
	for _, name := range s.order {
		for _, g := range s.types[name].fields {
			for _, a := range g.def.Arguments {
				d := s.find(a.Directives, dirFromContext)
				if d == nil {
					continue
				}
				m := contextPattern.FindStringSubmatch(stringArg(d, "field"))
				if m != nil && slices.Contains(strings.FieldsFunc(m[2], func(r rune) bool { return !isLetter(r) && (r < '0' || r > '9') }), f.def.Name) {
					return true
				}
			}
		}
	}
	return false
}

// mergeContexts carries @context with its subgraph's name before its own: contexts are local.
func (c *composer) mergeContexts(e *element) {
	seen := map[string]bool{}
	for _, a := range e.applied {
		for _, d := range a.sub.findAll(a.list, dirContext) {
			c.merged.used[dirContext] = true
			name := a.sub.name + "__" + stringArg(d, "name")
			if seen[name] {
				continue
			}
			seen[name] = true
			e.dirs = append(e.dirs, &ast.Directive{Name: dirContext, Arguments: ast.ArgumentList{
				{Name: "name", Value: &ast.Value{Kind: ast.StringValue, Raw: name}},
			}})
		}
	}
}

// outOfContext reports whether a subgraph needs a context for a field that nothing above the visit sets.
func (r *reach) outOfContext(v visit, s *subgraph, name string) bool {
	t := s.types[v.typ]
	if t == nil || t.byName[name] == nil {
		return false
	}
	for _, arg := range t.byName[name].contextual {
		if !slices.Contains(v.contexts, arg.context) {
			return true
		}
	}
	return false
}

// contextsBelow are the contexts that are set for what is below a visit: above it, and by its own type or
// an abstract one that it is of.
func (r *reach) contextsBelow(v visit) []string {
	out := slices.Clone(v.contexts)
	for _, s := range r.c.subs {
		for name, types := range s.contexts {
			if slices.ContainsFunc(types, func(t *typ) bool { return t.name() == v.typ || r.c.merged.subtype(v.typ, t.name()) }) {
				out = append(out, s.name+"__"+name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
