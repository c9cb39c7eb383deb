package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// upgradeFederation1 gives a schema without @link the meaning it has in Federation 2:
//   - directives on interfaces and their fields, which Federation 1 took and ignored, go;
//   - @external fields that nothing uses go, and so do @requires and @provides of fields that are not
//     external, and @provides on scalars;
//   - the fields of the key are an extension's own, whether or not it says the key;
//   - what several subgraphs resolve is shareable, because Federation 1 had no word for it;
//   - a type that another subgraph defines is no extension, and each is an equal part of it.
//
// https://www.apollographql.com/docs/graphos/reference/federation/versions
func upgradeFederation1(c *composer) {
	for _, s := range c.subs {
		if s.fed2 {
			continue
		}
		for _, name := range s.order {
			c.ownKey(s.types[name])
		}
		for _, name := range s.order {
			s.upgradeType(s.types[name])
		}
		s.clearUses()
		s.markUses()
		s.dropUnusedExternals(c.report)
	}
	for _, s := range c.subs {
		if s.fed2 {
			continue
		}
		for _, name := range s.order {
			c.upgradeSharing(s.types[name])
			c.upgradeExtension(s.types[name])
		}
	}
}

// ownKey: an extension without a key of its own has the fields of the first key of each other subgraph
// itself, whatever it says.
func (c *composer) ownKey(t *typ) {
	if !t.extension || len(t.keys) > 0 {
		return
	}
	for _, other := range c.subs {
		o := other.types[t.name()]
		if other == t.sub || o == nil || len(o.keys) == 0 {
			continue
		}
		for _, sel := range o.keys[0].sels {
			if f, ok := sel.(*ast.Field); ok && t.byName[f.Name] != nil {
				t.byName[f.Name].external = nil
			}
		}
	}
}

func (s *subgraph) upgradeType(t *typ) {
	if t.def.Kind == ast.Interface {
		t.keys = nil
		for _, f := range t.fields {
			f.external, f.requires, f.provides = nil, nil, nil
		}
		return
	}
	for _, f := range t.fields {
		if f.external != nil && s.find(t.def.Directives, dirExternal) != nil && s.find(f.def.Directives, dirExternal) == nil {
			f.external = nil // Federation 1 ignored @external on types
		}
		if f.requires != nil {
			f.requires.sels = s.keepExternal(t, f.requires.sels)
			if len(f.requires.sels) == 0 {
				f.requires = nil
			}
		}
		if on := s.types[f.def.Type.Name()]; on == nil || !on.composite() {
			f.provides = nil
		}
		if f.provides != nil {
			f.provides.sels = s.keepExternal(s.types[f.def.Type.Name()], f.provides.sels)
			if len(f.provides.sels) == 0 {
				f.provides = nil
			}
		}
	}
}

// keepExternal is a selection without what the subgraph resolves itself.
func (s *subgraph) keepExternal(t *typ, sels ast.SelectionSet) ast.SelectionSet {
	if t == nil {
		return sels
	}
	var out ast.SelectionSet
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			on := t
			if sel.TypeCondition != "" {
				on = s.types[sel.TypeCondition]
			}
			if kept := s.keepExternal(on, sel.SelectionSet); len(kept) > 0 {
				own := *sel
				own.SelectionSet = kept
				out = append(out, &own)
			}
		case *ast.Field:
			f := t.byName[sel.Name]
			if sel.Name == "__typename" {
				continue
			}
			if f == nil || s.externalHere(t, f) {
				out = append(out, sel)
				continue
			}
			if kept := s.keepExternal(s.types[f.def.Type.Name()], sel.SelectionSet); len(kept) > 0 {
				own := *sel
				own.SelectionSet = kept
				out = append(out, &own)
			}
		}
	}
	return out
}

// externalHere reports whether a field is external, or for an interface's field, whether it is in
// some implementing type.
func (s *subgraph) externalHere(t *typ, f *field) bool {
	if f.external != nil {
		return true
	}
	for _, impl := range s.implementers(t) {
		if g := impl.byName[f.def.Name]; g != nil && g.external != nil {
			return true
		}
	}
	return false
}

func (s *subgraph) clearUses() {
	for _, name := range s.order {
		for _, f := range s.types[name].fields {
			f.used, f.providedTo = false, false
		}
	}
}

func (s *subgraph) dropUnusedExternals(r *report) {
	for _, name := range append([]string(nil), s.order...) {
		t := s.types[name]
		var kept []*field
		for _, f := range t.fields {
			if f.external == nil || f.used {
				kept = append(kept, f)
				continue
			}
			delete(t.byName, f.def.Name)
		}
		if len(kept) == 0 && len(t.fields) > 0 {
			if !s.refersTo(name) {
				s.remove(name)
				continue
			}
			r.errorf(codeTypeWithOnlyUnusedExternal, s.at(t.def.Position), "[%s] Type %s contains only external fields and all those fields are all unused (they do not appear in any @key, @provides or @requires).", s.name, t.name())
		}
		t.fields = kept
	}
}

// refersTo reports whether a field, a union or a key's type still needs the type here.
func (s *subgraph) refersTo(name string) bool {
	for _, n := range s.order {
		t := s.types[n]
		if has(t.def.Types, name) || has(t.def.Interfaces, name) {
			return true
		}
		for _, f := range t.fields {
			if n != name && f.def.Type.Name() == name {
				return true
			}
		}
	}
	return false
}

// upgradeSharing marks as shareable what another subgraph resolves too. Root fields are left: one
// root field resolved twice was an error in Federation 1 as well, except when both are equal.
func (c *composer) upgradeSharing(t *typ) {
	if t.def.Kind != ast.Object || t.name() == "Subscription" {
		return
	}
	for _, f := range t.fields {
		if f.external != nil || f.shareable {
			continue
		}
		for _, other := range c.subs {
			if other == t.sub || other.types[t.name()] == nil {
				continue
			}
			if g := other.types[t.name()].byName[f.def.Name]; g != nil && (g.external == nil || g.providedTo) {
				f.shareable = true
				break
			}
		}
	}
}

func (c *composer) upgradeExtension(t *typ) {
	if !t.extension || t.sub.find(t.def.Directives, dirExtends) != nil {
		return
	}
	for _, other := range c.subs {
		if o := other.types[t.name()]; other != t.sub && o != nil && !o.extension {
			for _, k := range t.keys {
				k.extension = false
			}
			return
		}
	}
}

// checkFederation1Extensions: in Federation 1 an extension extends a type that another subgraph
// defines, and a key on an interface does not tell the types of its objects, which an interface object
// relies on.
func checkFederation1Extensions(c *composer) {
	for _, s := range c.subs {
		if s.fed2 {
			continue
		}
		for _, name := range s.order {
			t := s.types[name]
			if t.isExtensionOf(s) && !isRootName(name) && !c.definedOutside(s, name) {
				c.report.errorf(codeExtensionWithNoBase, s.at(t.def.Position), "[%s] Type %q is an extension type, but there is no type definition for %q in any subgraph.", s.name, name, name)
			}
			if t.def.Kind == ast.Interface && s.find(t.def.Directives, dirKey) != nil {
				c.checkInterfaceKeyFederation1(t)
			}
		}
	}
}

func (t *typ) isExtensionOf(s *subgraph) bool {
	return t.extension || s.find(t.def.Directives, dirExtends) != nil
}

func (c *composer) definedOutside(s *subgraph, name string) bool {
	for _, other := range c.subs {
		if o := other.types[name]; other != s && o != nil && !o.extends() {
			return true
		}
	}
	return false
}

func (c *composer) checkInterfaceKeyFederation1(t *typ) {
	for _, other := range c.subs {
		if o := other.types[t.name()]; o != nil && other.isInterfaceObject(o) {
			c.report.errorf(codeInterfaceObjectUsage, append(other.at(o.def.Position), t.sub.at(t.def.Position)...), "The @interfaceObject directive is used on type %q in subgraph %q, which requires other subgraphs to resolve its type name via an interface @key. A key on an interface in a federation 1 schema, as in subgraph %q, does not promise that: upgrade that subgraph to federation 2, or remove the key.", t.name(), other.name, t.sub.name)
		}
	}
}
