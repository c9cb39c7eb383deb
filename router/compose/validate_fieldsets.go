package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// validateFieldSets checks what @key, @requires and @provides select.
func validateFieldSets(r *report, s *subgraph) {
	for _, name := range s.order {
		t := s.types[name]
		s.validateKeys(r, t)
		for _, f := range t.fields {
			s.validateRequires(r, f)
			s.validateProvides(r, f)
		}
	}
}

// setCheck checks one field set; role is the directive's canonical name.
type setCheck struct {
	s    *subgraph
	r    *report
	role string
	what string // `type "T"` or `field "T.f"`
	set  *fieldSet
}

func (v setCheck) fail(rest, format string, args ...any) {
	head := []any{v.s.name, v.what, v.set.dir.Name, v.set.raw}
	v.r.errorf(fieldSetCode(v.role, rest), v.s.at(v.set.dir.Position), "[%s] On %s, for @%s(fields: %q): "+format, append(head, args...)...)
}

func (s *subgraph) validateKeys(r *report, t *typ) {
	for _, k := range t.keys {
		v := setCheck{s, r, dirKey, "type \"" + t.name() + "\"", &k.fieldSet}
		if t.def.Kind == ast.Interface && s.version.less(version{2, 3}) {
			r.errorf(codeKeyUnsupportedOnInterface, s.at(k.dir.Position), "[%s] Cannot use @key on interface %q: @key is not yet supported on interfaces", s.name, t.name())
			continue
		}
		v.selection(t, k.sels, false)
	}
	if t.def.Kind == ast.Interface {
		s.interfaceKeys(r, t)
	}
}

// interfaceKeys: an interface's key is a key of every type that implements it, because a
// representation of the interface must lead to any of them.
func (s *subgraph) interfaceKeys(r *report, t *typ) {
	for _, k := range t.keys {
		var missing []string
		for _, impl := range s.implementers(t) {
			if impl.keyLike(k) == nil {
				missing = append(missing, impl.name())
			}
		}
		if len(missing) > 0 {
			r.errorf(codeInterfaceKeyNotOnImpl, s.at(k.dir.Position), "[%s] Key @key(fields: %q) on interface type %q is missing on implementation %s.", s.name, k.raw, t.name(), plural("type", missing))
		}
	}
}

func plural(noun string, names []string) string {
	if len(names) == 1 {
		return noun + " " + quoted(names)
	}
	return noun + "s " + quoted(names)
}

// keyLike is the type's key that selects the same fields and is as resolvable.
func (t *typ) keyLike(k *key) *key {
	want := normalSelection(k.sels)
	for _, own := range t.keys {
		if normalSelection(own.sels) == want && (own.resolvable || !k.resolvable) {
			return own
		}
	}
	return nil
}

func (s *subgraph) validateRequires(r *report, f *field) {
	if f.requires == nil {
		return
	}
	if f.parent.def.Kind == ast.Interface {
		r.errorf(codeRequiresUnsupportedInterface, s.at(f.requires.dir.Position), "[%s] Cannot use @requires on field %q of parent type %q: @requires is not supported within interfaces", s.name, f.coordinate(), f.parent.name())
		return
	}
	v := setCheck{s, r, dirRequires, "field \"" + f.coordinate() + "\"", f.requires}
	if v.selection(f.parent, f.requires.sels, true) {
		v.external(f.parent, f.requires.sels, false)
	}
}

func (s *subgraph) validateProvides(r *report, f *field) {
	if f.provides == nil {
		return
	}
	if f.parent.def.Kind == ast.Interface {
		r.errorf(codeProvidesUnsupportedInterface, s.at(f.provides.dir.Position), "[%s] Cannot use @provides on field %q of parent type %q: @provides is not supported within interfaces", s.name, f.coordinate(), f.parent.name())
		return
	}
	on := s.types[f.def.Type.Name()]
	if on == nil || on.def.Kind != ast.Object && on.def.Kind != ast.Interface && on.def.Kind != ast.Union {
		r.errorf(codeProvidesOnNonObject, s.at(f.provides.dir.Position), "[%s] Invalid @provides directive on field %q: field has type %q which is not a composite type", s.name, f.coordinate(), f.def.Type.String())
		return
	}
	v := setCheck{s, r, dirProvides, "field \"" + f.coordinate() + "\"", f.provides}
	if v.selection(on, f.provides.sels, false) {
		v.external(on, f.provides.sels, false)
	}
}

// selection checks that fields exist and may stand in this kind of field set. It reports whether
// the selection was right so far.
func (v setCheck) selection(t *typ, sels ast.SelectionSet, argsAllowed bool) bool {
	ok := true
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.FragmentSpread:
			v.fail("INVALID_FIELDS", "fragment spreads cannot be used here.")
			ok = false
		case *ast.InlineFragment:
			if len(sel.Directives) > 0 {
				v.fail("DIRECTIVE_IN_FIELDS_ARG", "cannot have directive applications in the @%s(fields:) argument but found @%s.", v.role, sel.Directives[0].Name)
				ok = false
			}
			on := t
			if sel.TypeCondition != "" {
				if on = v.s.types[sel.TypeCondition]; on == nil || !on.composite() {
					v.fail("INVALID_FIELDS", "unknown type %q in a fragment on type %q.", sel.TypeCondition, t.name())
					ok = false
					continue
				}
			}
			if v.role == dirKey && !v.s.overlap(t, on) {
				v.fail("INVALID_FIELDS", "a %q is never a %q, so that this fragment selects nothing.", t.name(), on.name())
				ok = false
				continue
			}
			ok = v.selection(on, sel.SelectionSet, argsAllowed) && ok
		case *ast.Field:
			ok = v.field(t, sel, argsAllowed) && ok
		}
	}
	return ok
}

func (v setCheck) field(t *typ, sel *ast.Field, argsAllowed bool) bool {
	if len(sel.Directives) > 0 {
		v.fail("DIRECTIVE_IN_FIELDS_ARG", "cannot have directive applications in the @%s(fields:) argument but found @%s.", v.role, sel.Directives[0].Name)
		return false
	}
	if sel.Alias != "" && sel.Alias != sel.Name {
		v.fail("INVALID_FIELDS", "cannot use alias %q in the @%s(fields:) argument: aliases are not supported here.", sel.Alias, v.role)
		return false
	}
	if sel.Name == "__typename" {
		return true
	}
	f := t.byName[sel.Name]
	if f == nil || t.def.Kind == ast.Union {
		v.fail("INVALID_FIELDS", "cannot query field %q on type %q.%s", sel.Name, t.name(), v.s.lacking(t))
		return false
	}
	for _, a := range f.def.Arguments {
		given := sel.Arguments.ForName(a.Name)
		if given == nil && a.Type.NonNull && a.DefaultValue == nil {
			v.fail("INVALID_FIELDS", "field %q argument %q of type %q is required, but it was not provided.", sel.Name, a.Name, a.Type.String())
			return false
		}
		if given != nil && !v.s.fits(given.Value, a.Type) {
			v.fail("INVALID_FIELDS", "invalid value %s for argument \"%s(%s:)\" of type %q.", printValue(given.Value), f.coordinate(), a.Name, a.Type.String())
			return false
		}
	}
	for _, a := range sel.Arguments {
		if f.def.Arguments.ForName(a.Name) == nil {
			v.fail("INVALID_FIELDS", "unknown argument %q on field %q.", a.Name, f.coordinate())
			return false
		}
	}
	on := v.s.types[f.def.Type.Name()]
	composite := on != nil && (on.def.Kind == ast.Object || on.def.Kind == ast.Interface || on.def.Kind == ast.Union)
	if v.role == dirKey && composite && on.def.Kind != ast.Object {
		v.fail("FIELDS_SELECT_INVALID_TYPE", "field %q is a %s which is not allowed in @key", f.coordinate(), kindName(on.def.Kind))
		return false
	}
	if composite != (len(sel.SelectionSet) > 0) {
		if composite {
			v.fail("INVALID_FIELDS", "invalid empty selection set for field %q of non-leaf type %s", f.coordinate(), f.def.Type.String())
		} else {
			v.fail("INVALID_FIELDS", "field %q must not have a selection since type %q has no subfields.", f.coordinate(), f.def.Type.String())
		}
		return false
	}
	if !argsAllowed && len(f.def.Arguments) > 0 {
		v.fail("FIELDS_HAS_ARGS", "field %s cannot be included because it has arguments (fields with argument are not allowed in @%s)", f.coordinate(), v.role)
	}
	return !composite || v.selection(on, sel.SelectionSet, argsAllowed)
}

// lacking tells the likely reason why a field set of an old schema names a field that is not there.
func (s *subgraph) lacking(t *typ) string {
	if !s.fed2 || t.def.Kind == ast.Union {
		return ""
	}
	return " If the field is defined in another subgraph, declare it here and mark it @external."
}

// external checks that what is required or provided comes from elsewhere: each leaf, or something
// above it, is @external.
func (v setCheck) external(t *typ, sels ast.SelectionSet, above bool) {
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			on := t
			if sel.TypeCondition != "" {
				on = v.s.types[sel.TypeCondition]
			}
			v.external(on, sel.SelectionSet, above)
		case *ast.Field:
			f := t.byName[sel.Name]
			if f == nil { // __typename
				if !above {
					v.fail("FIELDS_MISSING_EXTERNAL", "field \"%s.__typename\" should not be part of a @%s since every subgraph gives it itself", t.name(), v.role)
				}
				continue
			}
			external := above || v.s.externalHere(t, f)
			if len(sel.SelectionSet) > 0 {
				v.external(v.s.types[f.def.Type.Name()], sel.SelectionSet, external)
			} else if !external {
				v.fail("FIELDS_MISSING_EXTERNAL", "field %q should not be part of a @%s since it is already provided by this subgraph (it is not marked @external)", f.coordinate(), v.role)
			}
		}
	}
}

// overlap reports whether some object type can be both.
func (s *subgraph) overlap(a, b *typ) bool {
	if a == b {
		return true
	}
	for _, x := range s.possible(a) {
		for _, y := range s.possible(b) {
			if x == y {
				return true
			}
		}
	}
	return false
}
