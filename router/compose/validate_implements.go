package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// validateImplementations checks that types have what their interfaces ask for.
func validateImplementations(r *report, s *subgraph) {
	v := graphqlCheck{s, r}
	for _, name := range s.order {
		v.implements(s.types[name])
	}
}

// implements checks that a type has what its interfaces ask for.
// https://spec.graphql.org/September2025/#IsValidImplementation()
func (v graphqlCheck) implements(t *typ) {
	seen := map[string]bool{}
	for _, name := range t.def.Interfaces {
		if seen[name] {
			v.fail(t.def.Position, "Type %q can only implement %q once.", t.name(), name)
			continue
		}
		seen[name] = true
		iface := v.s.types[name]
		if iface == nil || iface.def.Kind != ast.Interface {
			if iface == nil || !v.s.isInterfaceObject(iface) {
				v.fail(t.def.Position, "Type %q must only implement interface types, it cannot implement %q.", t.name(), name)
			}
			continue
		}
		if name == t.name() {
			v.fail(t.def.Position, "Type %q cannot implement itself.", name)
			continue
		}
		for _, up := range iface.def.Interfaces {
			if !has(t.def.Interfaces, up) {
				v.fail(t.def.Position, "Type %q must implement %q because it is implemented by %q.", t.name(), up, name)
			}
		}
		for _, want := range iface.fields {
			v.implementsField(t, iface, want)
		}
	}
}

func (s *subgraph) isInterfaceObject(t *typ) bool {
	return s.find(t.def.Directives, dirInterfaceObject) != nil
}

func (v graphqlCheck) implementsField(t, iface *typ, want *field) {
	got := t.byName[want.def.Name]
	if got == nil {
		v.fail(t.def.Position, "Interface field %q is expected but %q does not provide it.", want.coordinate(), t.name())
		return
	}
	if !v.s.covariant(got.def.Type, want.def.Type) {
		v.fail(got.def.Position, "Interface field %q expects type %q but %q is of type %q.", want.coordinate(), want.def.Type.String(), got.coordinate(), got.def.Type.String())
	}
	for _, a := range want.def.Arguments {
		own := got.def.Arguments.ForName(a.Name)
		if own == nil {
			v.fail(got.def.Position, "Interface field argument \"%s(%s:)\" expected but %q does not provide it.", want.coordinate(), a.Name, got.coordinate())
		} else if own.Type.String() != a.Type.String() {
			v.fail(own.Position, "Interface field argument \"%s(%s:)\" expects type %q but \"%s(%s:)\" is type %q.", want.coordinate(), a.Name, a.Type.String(), got.coordinate(), a.Name, own.Type.String())
		}
	}
	for _, a := range got.def.Arguments {
		if want.def.Arguments.ForName(a.Name) == nil && a.Type.NonNull && a.DefaultValue == nil && v.s.find(a.Directives, dirFromContext) == nil {
			v.fail(a.Position, "Argument \"%s(%s:)\" must not be required: interface field %q does not have it.", got.coordinate(), a.Name, want.coordinate())
		}
	}
}

// covariant reports whether got may stand where an interface promises want.
func (s *subgraph) covariant(got, want *ast.Type) bool {
	if want.NonNull && !got.NonNull {
		return false
	}
	if (want.Elem == nil) != (got.Elem == nil) {
		return false
	}
	if want.Elem != nil {
		return s.covariant(got.Elem, want.Elem)
	}
	if got.NamedType == want.NamedType {
		return true
	}
	return s.isSubtype(got.NamedType, want.NamedType)
}

// isSubtype reports whether sub implements super or is a member of it, in this subgraph.
func (s *subgraph) isSubtype(sub, super string) bool {
	st, pt := s.types[sub], s.types[super]
	if st == nil || pt == nil {
		return false
	}
	return pt.def.Kind == ast.Interface && has(st.def.Interfaces, super) || pt.def.Kind == ast.Union && has(pt.def.Types, sub)
}

func has(list []string, name string) bool {
	for _, n := range list {
		if n == name {
			return true
		}
	}
	return false
}
