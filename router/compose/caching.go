package compose

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// The directives of what a router may keep of answers, a specification of our own:
//
//	directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE
//	directive @cacheInvalidate(topic: String!, types: [String!], event: [String!], key: String! = "id") repeatable on OBJECT | FIELD_DEFINITION
//
// router/supergraph says what they mean.
const (
	idCache            = "https://storefront.dev/cache"
	dirCacheControl    = "cacheControl"
	dirCacheInvalidate = "cacheInvalidate"
)

// caching is the canonical name of a directive of that specification, "" for any other.
func (s *subgraph) caching(d *ast.Directive) string {
	if f, origin := s.featureOf(d.Name); f != nil && f.identity == idCache {
		return origin
	}
	return ""
}

// validateCaching checks where @cacheControl and @cacheInvalidate stand, and what they say.
func validateCaching(r *report, s *subgraph) {
	if s.feature(idCache) == nil {
		return
	}
	for _, name := range s.order {
		t := s.types[name]
		for _, d := range t.def.Directives {
			switch s.caching(d) {
			case dirCacheControl:
				s.validateHint(r, t, t.name(), d)
			case dirCacheInvalidate:
				s.validateInvalidation(r, t, t.name(), d)
			}
		}
		for _, f := range t.fields {
			for _, d := range f.def.Directives {
				switch s.caching(d) {
				case dirCacheControl:
					s.validateHint(r, t, f.coordinate(), d)
				case dirCacheInvalidate:
					s.validateInvalidation(r, t, f.coordinate(), d)
				}
			}
		}
	}
}

func (s *subgraph) validateHint(r *report, t *typ, what string, d *ast.Directive) {
	fail := func(format string, args ...any) {
		r.errorf(codeCacheControl, s.at(d.Position), "[%s] @%s on %q "+format, append([]any{s.name, d.Name, what}, args...)...)
	}
	age, inherits := given(d, "maxAge"), given(d, "inheritMaxAge")
	switch {
	case t.def.Kind == ast.Union:
		fail("cannot be carried to the supergraph: put it on the union's members, or on the fields that return it")
	case t.name() == "Mutation" || t.name() == "Subscription":
		fail("has no meaning: only what queries answer is kept")
	case age == nil && inherits == nil && given(d, "scope") == nil:
		fail("says nothing: give maxAge, inheritMaxAge or scope")
	case age != nil && inherits != nil && inherits.Raw == "true":
		fail("gives both maxAge and inheritMaxAge")
	case age != nil:
		if n, err := strconv.Atoi(age.Raw); err != nil || n < 0 {
			fail("has the maxAge %s, which is no number of seconds", age.Raw)
		}
	}
}

func (s *subgraph) validateInvalidation(r *report, t *typ, what string, d *ast.Directive) {
	fail := func(format string, args ...any) {
		r.errorf(codeCacheInvalidate, s.at(d.Position), "[%s] @%s on %q "+format, append([]any{s.name, d.Name, what}, args...)...)
	}
	key := "id"
	if v := given(d, "key"); v != nil {
		key = v.Raw
	}
	f := t.byName[key]
	if stringArg(d, "topic") == "" {
		fail("names no topic")
	}
	switch {
	case len(t.keys) == 0:
		fail("stands on no entity: give %s a @key, or put the directive where one is", t.name())
	case f == nil:
		fail("has the key %q, which is no field of %s", key, t.name())
	case f.def.Type.Elem != nil || s.types[f.def.Type.Name()] != nil && s.types[f.def.Type.Name()].composite():
		fail("has the key %q, which is no scalar", key)
	}
}

// given is the value of an argument, nil for none or null.
func given(d *ast.Directive, name string) *ast.Value {
	if a := d.Arguments.ForName(name); a != nil && a.Value != nil && a.Value.Kind != ast.NullValue {
		return a.Value
	}
	return nil
}

// joined carries applications as @join__directive, which says of which graphs they hold: a hint is a
// subgraph's word about what that subgraph answers. Equal ones become one.
func joined(found []applied, name string) []*ast.Directive {
	byArgs := map[string]*ast.Directive{}
	var out []*ast.Directive
	for _, a := range found {
		graph := &ast.ChildValue{Value: &ast.Value{Kind: ast.EnumValue, Raw: a.sub.graph}}
		if known := byArgs[argsText(a.dir)]; known != nil {
			list := known.Arguments[0].Value
			list.Children = append(list.Children, graph)
			continue
		}
		args := &ast.Value{Kind: ast.ObjectValue}
		for _, arg := range a.dir.Arguments {
			args.Children = append(args.Children, &ast.ChildValue{Name: arg.Name, Value: arg.Value})
		}
		d := &ast.Directive{Name: "join__directive", Arguments: ast.ArgumentList{
			{Name: "graphs", Value: &ast.Value{Kind: ast.ListValue, Children: ast.ChildValueList{graph}}},
			{Name: "name", Value: &ast.Value{Kind: ast.StringValue, Raw: name}},
			{Name: "args", Value: args},
		}}
		byArgs[argsText(a.dir)] = d
		out = append(out, d)
	}
	return out
}
