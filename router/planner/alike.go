package planner

import (
	"slices"

	"storefront/router/operation"
	"storefront/router/supergraph"
)

// What is asked of objects of one type may be read of all where an @interfaceObject does not say what they are:
// it saves asking for their types. This says when it may.

// alike reports whether an item may be read for all objects at ps in one way: it applies to all, or
// what it costs to know to which it applies is spared, since the response leaves the others out, nothing
// else is kept under its key, a null of theirs takes nothing with it, and the caller may see them.
func (p *planner) alike(ps *pos, it item, f *supergraph.Field) bool {
	if it.field.On == nil || covers(it.field.On, p.runtime(ps)) {
		return true
	}
	if it.field.Exact || !slices.ContainsFunc(ps.accs, func(a *access) bool { return p.opaque(a) && p.uniformAt(a, f.Name) }) {
		return false
	}
	whole := it.field // with what is deferred beneath it
	var others []*operation.Field
	for _, o := range ps.declared {
		if o.Key == whole.Key && o.Name == whole.Name && slices.Equal(o.On, whole.On) {
			whole = o
		}
		if o.Key == whole.Key && whole.Key != "" {
			others = append(others, o)
		}
	}
	if slices.ContainsFunc(others, func(o *operation.Field) bool { return clash(o, whole) }) {
		return false
	}
	if p.bold || !slices.ContainsFunc(ps.accs, func(a *access) bool { return p.uniformAt(a, f.Name) && p.strict(a, f) }) && !p.harmful(ps, whole, others) {
		return true
	}
	p.feared = true
	return false
}

// harmful reports whether a null beneath a field may take something with it that objects of other types have
// under the same key, by the other fields there.
func (p *planner) harmful(ps *pos, f *operation.Field, others []*operation.Field) bool {
	if f.Sel == nil {
		return false
	}
	for _, typ := range p.runtime(ps) {
		if slices.Contains(f.On, typ) {
			continue
		}
		var shown []*operation.Field
		for _, o := range others {
			if o.Sel != nil && (o.On == nil || slices.Contains(o.On, typ)) {
				shown = append(shown, o.Sel.Fields...)
			}
		}
		if len(shown) > 0 && p.takes(f.Sel, shown) {
			return true
		}
	}
	return false
}

// takes reports whether a null of what a selection asks for may take objects that others are asked of: a field
// that may not be null, or one beneath it, that they do not ask for.
func (p *planner) takes(sel *operation.SelectionSet, others []*operation.Field) bool {
	t := p.sg.Type(sel.Type)
	for _, f := range sel.Fields {
		var shown []*operation.Field
		asked := false
		for _, o := range others {
			if o.Key == f.Key && (o.On == nil || f.On != nil && covers(o.On, f.On)) && (o.Cond == nil || planCond(o.Cond).String() == planCond(f.Cond).String()) {
				if asked = true; o.Sel != nil {
					shown = append(shown, o.Sel.Fields...)
				}
			}
		}
		if asked && f.Sel != nil && p.takes(f.Sel, shown) || !asked && p.nonNull(t, f) {
			return true
		}
	}
	return false
}

// nonNull reports whether a field may not be null in some subgraph, keys left out as strict does.
func (p *planner) nonNull(t *supergraph.Type, f *operation.Field) bool {
	types := f.On
	if types == nil {
		types = p.fullPossible(t.Name)
	}
	return slices.ContainsFunc(append([]string{t.Name}, types...), func(name string) bool {
		t := p.sg.Type(name)
		own := t.Field(f.Name)
		if own == nil {
			return false
		}
		for g := range own.In {
			if in := &own.In[g]; in.Present && in.Type != nil && in.Type.NonNull && !p.always(t, f.Name, g) {
				return true
			}
		}
		return false
	})
}

// always reports whether every key that a type has in a subgraph has a field.
func (p *planner) always(t *supergraph.Type, name string, sub int) bool {
	keys := t.In[sub].Keys
	return len(keys) > 0 && !slices.ContainsFunc(keys, func(k supergraph.Key) bool {
		_, ok := k.Fields.Find(p.sg, t.Name, name)
		return !ok
	})
}

// strict reports whether a field may not be null in a request's subgraph, for objects of some type that
// it can answer with: there, a null takes the whole object (GraphQL specification 6.4.4). A field that every
// key there has is left out: objects cannot be told apart without it, whoever asks for it.
func (p *planner) strict(a *access, f *supergraph.Field) bool {
	if a.group.sub == heldData {
		return f.Def.Type.NonNull
	}
	if p.always(p.sg.Type(a.node.typ), f.Name, a.group.sub) {
		return false
	}
	if f.In[a.group.sub].Type != nil && f.In[a.group.sub].Type.NonNull {
		return true
	}
	return slices.ContainsFunc(p.possibleIn(a), func(typ string) bool {
		own := p.sg.Type(typ).Field(f.Name)
		return own != nil && own.In[a.group.sub].Type != nil && own.In[a.group.sub].Type.NonNull
	})
}

// clash reports whether two fields under one key are not one field.
func clash(a, b *operation.Field) bool {
	if a.Name != b.Name || a.ArgsKey != b.ArgsKey {
		return true
	}
	if a.Sel == nil || b.Sel == nil {
		return false
	}
	for _, x := range a.Sel.Fields {
		for _, y := range b.Sel.Fields {
			if x.Key == y.Key && clash(x, y) {
				return true
			}
		}
	}
	return false
}
