package planner

import (
	"slices"
	"sort"

	"storefront/router/supergraph"
)

// satisfyAbstract places items at objects of an interface or union: for all objects at once where a
// request resolves the field on the interface itself, or where a subgraph is entered under the
// interface's name; else type by type.
func (p *planner) satisfyAbstract(ps *pos, items []item) (failed []item) {
	t := p.sg.Type(ps.typ)
	var byType []item
	var plain, needy []want // fields of the interface that are read under its name
	var typed []item        // fields read of all objects that only some of them show
	enter := func(it item, f *supergraph.Field) bool {
		subs, requiring := p.candidates(ps, f)
		switch {
		case len(subs) > 0:
			plain = append(plain, want{item: it, field: f, subs: subs})
		case len(requiring) > 0:
			needy = append(needy, want{item: it, field: f, subs: requiring})
		default:
			return false
		}
		return true
	}
	for _, it := range items {
		if it.field.Name == "__typename" {
			failed = append(failed, p.identify(ps, []item{it})...)
			continue
		}
		f := t.Field(it.field.Name)
		if f == nil || !p.alike(ps, it, f) {
			byType = append(byType, it)
			continue
		}
		if it.field.On != nil && (p.veiled(ps) || !covers(it.field.On, p.runtime(ps))) {
			typed = append(typed, it)
		}
		able := p.able(ps, ps.typ, f, it)
		if len(able) == 0 {
			if !enter(it, f) {
				byType = append(byType, it)
			}
			continue
		}
		for _, m := range p.placeThrough(able, ps, it, f) {
			if !enter(m, f) {
				byType = append(byType, m)
			}
		}
	}
	for _, w := range needy {
		byType = append(byType, p.require(ps, w, w.subs)...)
	}
	byType = append(byType, p.cover(ps, p.forced(ps, plain))...)
	failed = append(failed, p.satisfyTypes(ps, byType)...)
	if len(typed) > 0 {
		failed = append(failed, p.identify(ps, typed)...)
	}
	return failed
}

// satisfyTypes places items type by type.
func (p *planner) satisfyTypes(ps *pos, items []item) (failed []item) {
	var byType, typed []item
	for _, it := range items {
		f := p.sg.Type(ps.typ).Field(it.field.Name)
		if f == nil || it.field.On == nil || !p.alike(ps, it, f) {
			byType = append(byType, it)
			continue
		}
		able := p.able(ps, ps.typ, f, it) // a request that came meanwhile
		if len(able) == 0 {
			byType = append(byType, it)
			continue
		}
		if p.veiled(ps) || !covers(it.field.On, p.runtime(ps)) {
			typed = append(typed, it)
		}
		byType = append(byType, p.placeThrough(able, ps, it, f)...)
	}
	if len(typed) > 0 {
		failed = p.identify(ps, typed)
	}
	if len(byType) == 0 {
		return failed
	}
	if len(p.fullPossible(ps.typ)) == 0 { // nothing implements the interface
		p.explain(ps, byType[0].field)
		return byType
	}
	p.tellTypes(ps)
	if p.veiled(ps) {
		if unknown := p.identify(ps, byType); len(unknown) > 0 {
			return append(failed, unknown...)
		}
	}
	byType, apart := p.coherent(ps, byType)
	failed = append(failed, apart...)
	public := p.sg.Possible(ps.typ)
	for _, typ := range p.runtime(ps) {
		var mine []item
		for _, it := range byType {
			if it.by == nil && !slices.Contains(public, typ) {
				continue // the client sees null there
			}
			if it.field.On == nil || slices.Contains(it.field.On, typ) {
				mine = append(mine, it)
			}
		}
		if len(mine) == 0 {
			continue
		}
		for _, it := range p.satisfyVariant(ps, typ, mine) {
			if it.field.On == nil && it.field.Sel == nil && slices.ContainsFunc(ps.accs, func(a *access) bool { return p.blocked(a, it.field.Name) }) {
				failed = append(failed, it) // another request must know all types
				continue
			}
			f := *it.field
			f.On = []string{typ}
			failed = append(failed, it.with(&f))
		}
	}
	return failed
}

// tellTypes makes sure that the objects at a position say their types.
func (p *planner) tellTypes(ps *pos) {
	if accs := p.leading(ps); len(accs) > 0 {
		p.touch(accs[0].node)
		p.claim(ps, accs[0], nil)
	}
}

func (p *planner) satisfyVariant(ps *pos, typ string, items []item) []item {
	v := p.variant(ps, typ)
	for _, a := range ps.accs {
		if a.group.sub != heldData && (p.opaque(a) || !slices.Contains(p.possibleIn(a), typ)) {
			continue
		}
		n := p.frag(a.node, typ)
		if !slices.ContainsFunc(v.accs, func(have *access) bool { return have.node == n }) {
			p.addAccess(v, &access{group: a.group, node: n, lead: a.lead, up: a.up, provides: a.provides})
		}
	}
	p.steps += len(items) + 1
	return p.satisfyObject(v, items)
}

// opaque reports whether a request's objects do not say what they are: their type is an
// @interfaceObject in its subgraph.
func (p *planner) opaque(a *access) bool {
	t := p.sg.Type(a.node.typ)
	return t != nil && a.group.sub != heldData && t.Opaque(a.group.sub)
}

// veiled reports whether some request at ps does not tell the objects' types.
func (p *planner) veiled(ps *pos) bool { return slices.ContainsFunc(ps.accs, p.opaque) }

// teller is the earliest request at ps that tells the objects' types, nil when none does.
func (p *planner) teller(ps *pos) *access {
	var out *access
	read := len(p.leading(ps)) > 0
	for _, a := range ps.accs {
		if !p.opaque(a) && p.stage.after(a.group.stage) && (a.group.stage == p.stage || p.lenient || !read) && (out == nil || a.group.depth < out.group.depth) {
			out = a
		}
	}
	return out
}

// identify makes some request tell the objects' types for items; where none can, a subgraph that
// knows the interface's implementers is entered under the interface's name.
func (p *planner) identify(ps *pos, items []item) (failed []item) {
	teller := p.teller(ps)
	if teller == nil && len(ps.accs) > 0 {
		for _, sub := range p.tellers(ps, items) {
			if teller = p.hop(ps, sub); teller != nil {
				break
			}
		}
	}
	if teller == nil {
		if len(ps.accs) > 0 {
			p.explain(ps, items[0].field)
			return items
		}
		return nil
	}
	if lead := p.leading(ps); len(lead) > 0 && teller == lead[0] {
		p.tellTypes(ps)
		return nil
	}
	for _, it := range items {
		p.want(teller.node, it.demand())
		p.claim(ps, teller, it.by)
	}
	return nil
}

// tellers lists the subgraphs that can be entered under the interface's name and know its
// implementers, the most useful for items first.
func (p *planner) tellers(ps *pos, items []item) []int {
	t := p.sg.Type(ps.typ)
	var subs []int
	reach := make([]int, p.sg.SubgraphCount())
	for g := range t.In {
		if !t.In[g].Present || t.Opaque(g) || !p.enterable(ps, t, g) {
			continue
		}
		subs = append(subs, g)
		for _, it := range items {
			for _, typ := range t.In[g].Possible {
				if it.field.On == nil || slices.Contains(it.field.On, typ) {
					reach[g] += p.reach(it.field, typ)[g]
				}
			}
		}
	}
	sort.SliceStable(subs, func(i, j int) bool { return reach[subs[i]] > reach[subs[j]] })
	return subs
}

func (p *planner) possibleIn(a *access) []string {
	t := p.sg.Type(a.node.typ)
	if t == nil || a.group.sub == heldData {
		return nil
	}
	return t.In[a.group.sub].Possible
}

// runtime lists the object types that the requests present can answer with: of those that tell types, if any does.
func (p *planner) runtime(ps *pos) []string {
	var out []string
	told := slices.ContainsFunc(ps.accs, func(a *access) bool { return !p.opaque(a) })
	for _, a := range ps.accs {
		if a.group.sub == heldData {
			out = append(out, p.fullPossible(ps.typ)...)
		}
		if told && p.opaque(a) {
			continue
		}
		out = append(out, p.possibleIn(a)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func covers(on, all []string) bool {
	for _, t := range all {
		if !slices.Contains(on, t) {
			return false
		}
	}
	return true
}

// uniformAt reports whether a request resolves a field of an interface for every type that it can
// answer with.
func (p *planner) uniformAt(a *access, name string) bool {
	t := p.sg.Type(a.node.typ)
	if t == nil {
		return false
	}
	f := t.Field(name)
	if f == nil || !t.Abstract() {
		return f != nil && p.can(a, t.Name, f)
	}
	if a.group.sub == heldData || t.Opaque(a.group.sub) {
		return p.can(a, t.Name, f)
	}
	if in := &f.In[a.group.sub]; !in.Present {
		return false
	}
	for _, typ := range p.possibleIn(a) {
		of := p.sg.Type(typ).Field(name)
		if of == nil || !p.can(a, typ, of) {
			return false
		}
	}
	return true
}

// coherent leaves out the items that are wanted of all objects and that every request present is
// blocked at: read from several, one type here and another there, such a field would be answered only
// as long as all of them speak of the same objects, which a subgraph that marks it @external does not
// promise.
func (p *planner) coherent(ps *pos, items []item) (kept, failed []item) {
	for _, it := range items {
		if len(ps.accs) > 1 && it.field.On == nil && !slices.ContainsFunc(ps.accs, func(a *access) bool { return !p.blocked(a, it.field.Name) }) {
			p.explain(ps, it.field)
			failed = append(failed, it)
			continue
		}
		kept = append(kept, it)
	}
	return kept, failed
}

// blocked reports whether a request's subgraph marks a field @external on some type that it can answer
// with, and knows no key by which the objects of that type could be entered elsewhere.
func (p *planner) blocked(a *access, name string) bool {
	return a.group.sub != heldData && slices.ContainsFunc(p.possibleIn(a), func(typ string) bool {
		t := p.sg.Type(typ)
		f := t.Field(name)
		return f != nil && f.In[a.group.sub].External && !p.can(a, typ, f) && !p.leaves(a, t)
	})
}

// leaves reports whether objects can be entered elsewhere with what a request's subgraph knows of them.
func (p *planner) leaves(a *access, t *supergraph.Type) bool {
	for g := range t.In {
		for _, k := range t.In[g].Keys {
			if g != a.group.sub && k.Resolvable && !slices.ContainsFunc(k.Fields, func(s supergraph.FieldSelection) bool {
				f := t.Field(s.Name)
				return f == nil || !p.can(a, t.Name, f)
			}) {
				return true
			}
		}
	}
	return false
}
