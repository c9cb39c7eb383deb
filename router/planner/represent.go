package planner

import (
	"slices"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// represent says where the values of a key's or requirement's fields are kept, and which groups must
// have answered before they are there.
func (p *planner) represent(ps *pos, set supergraph.FieldSet, by *group) (fields []plan.RepField, deps []*group, ok bool) {
	fields, deps, ok = p.representFor(by, ps, p.internalFields(ps.typ, set, nil, by.sub))
	if ok && ps.base != nil && p.veiled(ps.base) { // which objects these are must be known
		teller := p.teller(ps.base)
		if teller == nil {
			return nil, nil, false
		}
		deps = append(deps, teller.group)
	}
	return fields, deps, ok
}

// representFor does so for a group, which makes sure that they are read for it.
func (p *planner) representFor(by *group, ps *pos, fields []*operation.Field) ([]plan.RepField, []*group, bool) {
	p.sender = by
	defer func() { p.sender = nil }()
	return p.representFields(ps, fields)
}

func (p *planner) representFields(ps *pos, fields []*operation.Field) (out []plan.RepField, deps []*group, ok bool) {
	for _, f := range fields {
		if f.Name == "__typename" {
			if ps.abstract && p.veiled(ps) {
				teller := p.teller(ps)
				if teller == nil {
					return nil, nil, false
				}
				deps = append(deps, teller.group)
			}
			continue
		}
		if !ps.abstract && f.On != nil && !slices.Contains(f.On, ps.typ) {
			continue // selected where other objects could stand
		}
		if ps.abstract {
			rf, d, ok := p.representAbstract(ps, f)
			if !ok {
				return nil, nil, false
			}
			out, deps = mergeReps(out, rf), append(deps, d...)
			continue
		}
		rf, d, ok := p.representField(ps, f)
		if !ok {
			return nil, nil, false
		}
		out, deps = mergeReps(out, []plan.RepField{rf}), append(deps, d...)
	}
	return out, deps, true
}

// representField looks a field up where the position keeps it; for one object type, also where it was
// read for all.
func (p *planner) representField(ps *pos, f *operation.Field) (plan.RepField, []*group, bool) {
	rf, deps, ok := p.representKey(ps, f, p.keyOf(ps, f.Name, f.ArgsKey))
	if !ok && ps.base != nil {
		if key := ps.base.keys.internal(f.Name, f.ArgsKey); key != "" {
			return p.representKey(ps, f, key)
		}
	}
	return rf, deps, ok
}

func (p *planner) representKey(ps *pos, f *operation.Field, key string) (plan.RepField, []*group, bool) {
	rf := plan.RepField{Name: f.Name, Key: key}
	var slots []*slot
	if s := ps.slot(key); s != nil {
		slots = append(slots, s)
	}
	if ps.base != nil {
		if s := ps.base.slot(key); s != nil {
			slots = append(slots, s)
		}
	}
	if f.Sel == nil {
		first := p.earliest(ps, slots...)
		return rf, []*group{first}, first != nil
	}
	for _, s := range slots {
		if s.child == nil {
			continue
		}
		sub, deps, ok := p.representFields(s.child, f.Sel.Fields)
		if ok && len(sub) == 0 { // nothing that is selected applies, but that the object is there
			first := p.earliest(ps, s)
			deps, ok = append(deps, first), first != nil
		}
		if ok {
			rf.Sub, rf.Typename = sub, p.tells(p.sg.Type(f.Def.Type.Name()), p.sender.sub)
			return rf, deps, true
		}
	}
	return rf, nil, false
}

// earliest is the group that reads a slot soonest, nil for none. Of several in one round it is the one that
// was asked to for the sender: others may read the slot only under a condition of the client's.
func (p *planner) earliest(ps *pos, slots ...*slot) *group {
	var first *placement
	for _, s := range slots {
		for i := range s.placed {
			pl := &s.placed[i]
			if (pl.acc.group.id >= 0 || pl.acc.group.sub == heldData) && p.readable(ps, pl.acc) {
				if first == nil || pl.acc.group.depth < first.acc.group.depth ||
					pl.acc.group.depth == first.acc.group.depth && !first.field.readFor(p.sender) && pl.field.readFor(p.sender) {
					first = pl
				}
			}
		}
	}
	if first == nil {
		return nil
	}
	p.sends(ps, *first)
	return first.acc.group
}

// readFor reports whether a field is read for a group, whatever the client's conditions.
func (f *gfield) readFor(by *group) bool {
	return slices.ContainsFunc(f.demands, func(d demand) bool { return d.by != nil && by != nil && d.by.final() == by.final() })
}

// representAbstract looks a field up for all objects of a position at once, else for each type.
func (p *planner) representAbstract(ps *pos, f *operation.Field) (out []plan.RepField, deps []*group, ok bool) {
	if f.On == nil {
		if rf, d, ok := p.representField(ps, f); ok {
			return []plan.RepField{rf}, d, true
		}
	}
	variants := ps.variants
	if f.On != nil { // none, where no object is of a type it is selected on
		variants = nil
		for _, typ := range p.runtime(ps) {
			if slices.Contains(f.On, typ) {
				variants = append(variants, p.variant(ps, typ))
			}
		}
		if len(variants) > 0 && p.veiled(ps) {
			teller := p.teller(ps)
			if teller == nil {
				return nil, nil, false
			}
			deps = append(deps, teller.group)
		}
	} else if len(variants) == 0 {
		return nil, nil, false
	}
	for _, v := range variants {
		rf, d, ok := p.representField(v, f)
		if !ok {
			return nil, nil, false
		}
		rf.On = []string{v.typ}
		out, deps = append(out, rf), append(deps, d...)
	}
	return out, deps, true
}

// mergeReps adds fields to a representation, each once.
func mergeReps(a, b []plan.RepField) []plan.RepField {
	out := a[:len(a):len(a)]
	for _, f := range b {
		at := slices.IndexFunc(out, func(h plan.RepField) bool {
			return h.Name == f.Name && h.Key == f.Key && slices.Equal(h.On, f.On)
		})
		if at < 0 {
			out = append(out, f)
			continue
		}
		if len(f.Sub) > 0 {
			out = slices.Clone(out)
			out[at].Sub = mergeReps(out[at].Sub, f.Sub)
		}
	}
	return out
}

// collide reports whether two representations cannot be one, because a field that both have was read with
// other arguments for each.
func collide(a, b []plan.RepField) bool {
	for _, x := range a {
		for _, y := range b {
			if x.Name != y.Name || len(x.On) > 0 && len(y.On) > 0 && !slices.ContainsFunc(x.On, func(t string) bool { return slices.Contains(y.On, t) }) {
				continue
			}
			if x.Key != y.Key || collide(x.Sub, y.Sub) {
				return true
			}
		}
	}
	return false
}
