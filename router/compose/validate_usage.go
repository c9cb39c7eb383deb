package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// validateUsage checks where @external, @shareable, @override and the merged directives stand.
func validateUsage(r *report, s *subgraph) {
	for _, name := range s.order {
		t := s.types[name]
		s.validateAuth(r, t)
		for _, decl := range t.decls {
			s.validateShareableOnce(r, decl.Directives, t.name())
		}
		for _, f := range t.fields {
			s.validateShareableOnce(r, f.def.Directives, f.coordinate())
			if t.def.Kind == ast.Interface {
				s.validateInterfaceField(r, f)
			}
			s.validateExternal(r, f)
			if t.name() == "Subscription" && t.def.Kind == ast.Object && f.shareable && s.fed2 {
				r.errorf(codeInvalidFieldSharing, f.at(), "[%s] Fields on root level subscription object cannot be marked as shareable: %q", s.name, f.coordinate())
			}
		}
	}
}

func (s *subgraph) validateInterfaceField(r *report, f *field) {
	if d := s.find(f.def.Directives, dirExternal); d != nil && s.fed2 {
		r.errorf(codeExternalOnInterface, s.at(d.Position), "[%s] Interface type field %q is marked @external but @external is not allowed on interface fields.", s.name, f.coordinate())
	}
	if d := s.find(f.def.Directives, dirShareable); d != nil {
		r.errorf(codeInvalidShareableUsage, s.at(d.Position), "[%s] Invalid use of @shareable on field %q: only object type fields can be marked with @shareable", s.name, f.coordinate())
	}
	if f.override != nil {
		r.errorf(codeOverrideOnInterface, s.at(f.override.dir.Position), "[%s] @override cannot be used on field %q on subgraph %q: @override is not supported on interface type fields.", s.name, f.coordinate(), s.name)
	}
}

// validateShareableOnce: @shareable is repeatable only so that a definition and its extensions can
// each have it.
func (s *subgraph) validateShareableOnce(r *report, list ast.DirectiveList, what string) {
	if all := s.findAll(list, dirShareable); len(all) > 1 {
		r.errorf(codeInvalidShareableUsage, s.at(all[1].Position), "[%s] Invalid duplicate application of @shareable on the same declaration of %q: once is enough", s.name, what)
	}
}

func (s *subgraph) validateExternal(r *report, f *field) {
	if f.external == nil || f.parent.def.Kind == ast.Interface {
		return
	}
	if s.fed2 && !f.used && !f.contextUsed() {
		r.errorf(codeExternalUnused, f.at(), "[%s] Field %q is marked @external but is not used in any federation directive (@key, @provides, @requires) or to satisfy an interface; the field declaration has no use and should be removed (or the field should not be @external).", s.name, f.coordinate())
	}
	for _, d := range f.def.Directives {
		switch s.roles[d.Name] {
		case dirProvides:
			if s.fed2 {
				r.errorf(codeExternalCollision, s.at(d.Position), "[%s] Field %q is both @external and @%s: a field that this subgraph does not resolve cannot have it.", s.name, f.coordinate(), d.Name)
			}
		}
	}
}

// validateAuth: access rules belong to what resolves, so not to interfaces and their fields; what an
// interface needs follows from its implementations.
func (s *subgraph) validateAuth(r *report, t *typ) {
	if t.def.Kind != ast.Interface && !t.interfaceObject {
		return
	}
	what := "interface type"
	if t.interfaceObject {
		what = "interface object"
	}
	check := func(list ast.DirectiveList, where string) {
		for _, d := range list {
			switch s.roles[d.Name] {
			case dirAuthenticated, dirRequiresScopes, dirPolicy:
				r.errorf(codeAuthOnInterface, s.at(d.Position), "[%s] Invalid use of @%s on %s: @authenticated, @requiresScopes and @policy cannot be applied on %ss, their fields or interface objects", s.name, d.Name, where, what)
			}
		}
	}
	check(t.def.Directives, "\""+t.name()+"\"")
	if t.interfaceObject {
		return
	}
	for _, f := range t.fields {
		check(f.def.Directives, "\""+f.coordinate()+"\"")
	}
}

// validateInterfaceObjects: an @interfaceObject stands for all implementations of an interface, so it
// has a key to meet them by, and its subgraph knows none of them.
func validateInterfaceObjects(r *report, s *subgraph) {
	for _, name := range s.order {
		t := s.types[name]
		if !t.interfaceObject {
			continue
		}
		if t.def.Kind != ast.Object {
			continue
		}
		if len(t.keys) == 0 {
			r.errorf(codeInterfaceObjectUsage, s.at(t.def.Position), "[%s] The @interfaceObject directive can only be applied to entity types but type %q has no @key in this subgraph.", s.name, name)
		}
	}
}
