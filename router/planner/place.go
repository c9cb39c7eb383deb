package planner

import (
	"slices"
	"strconv"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

func itoa(i int) string { return strconv.Itoa(i) }

// satisfy places items at a position and returns those it could not, cut down to what is missing.
func (p *planner) satisfy(ps *pos, items []item) []item {
	p.steps += len(items) + 1
	if ps.abstract {
		return p.satisfyAbstract(ps, items)
	}
	return p.satisfyObject(ps, items)
}

// can reports whether the request at acc resolves a field of typ, counting what its parent provides
// and what its representation carries.
func (p *planner) can(acc *access, typ string, f *supergraph.Field) bool {
	if len(acc.provides) > 0 {
		if _, ok := acc.provides.Find(p.sg, typ, f.Name); ok {
			return true
		}
	}
	if acc.group.sub == heldData {
		return false
	}
	in := &f.In[acc.group.sub]
	if !in.Present || in.External && !p.keeps(typ, f, acc.group.sub) {
		return false
	}
	return !in.Needs() || slices.Contains(acc.satisfied, typ+"."+f.Name)
}

// keeps reports whether a subgraph goes on to resolve a field that an @override gave to another: one of
// its keys, since they are what it refers to entities by.
func (p *planner) keeps(typ string, f *supergraph.Field, sub int) bool {
	return f.In[sub].Moved && p.inKey(typ, sub, f.Name)
}

// inKey reports whether a field is part of a key of its type in a subgraph.
func (p *planner) inKey(typ string, sub int, name string) bool {
	return sub != heldData && slices.ContainsFunc(p.sg.Type(typ).In[sub].Keys, func(k supergraph.Key) bool {
		_, ok := k.Fields.Find(p.sg, typ, name)
		return ok
	})
}

// place reads an item through acc, and returns its slot.
func (p *planner) place(acc *access, ps *pos, it item, f *supergraph.Field) *slot {
	key := it.field.Key
	if key == "" {
		key = p.keyOf(ps, it.field.Name, it.field.ArgsKey)
	}
	s := p.slotFor(ps, key)
	d := it.demand()
	var gf *gfield
	for _, have := range acc.node.fields {
		if have.key == key {
			gf = have
		}
	}
	if gf == nil {
		gf = &gfield{key: key, name: f.Name, args: it.field.Args, argsKey: it.field.ArgsKey, typ: f.Def.Type}
		if in := p.known(acc, f); in != nil && in.Type != nil {
			gf.typ = in.Type
		}
		for _, c := range acc.contexts {
			if c.name == ps.typ+"."+f.Name {
				gf.context = c.args
			}
		}
		node := acc.node
		node.fields = append(node.fields, gf)
		p.did(func() { node.fields = node.fields[:len(node.fields)-1] })
		if t := p.sg.Type(gf.typ.Name()); t != nil && t.Composite() {
			gf.node = &gnode{group: acc.group, typ: t.Name, named: t.Name != f.Def.Type.Name()}
		} else {
			acc.group.used++
			p.did(func() { acc.group.used-- })
		}
	}
	gf.demands = append(gf.demands, d)
	p.did(func() { gf.demands = gf.demands[:len(gf.demands)-1] })
	p.claim(ps, acc, it.by)
	if !slices.ContainsFunc(s.placed, func(pl placement) bool { return pl.field == gf }) {
		s.placed = append(s.placed, placement{acc, gf})
		p.did(func() { s.placed = s.placed[:len(s.placed)-1] })
	}
	if gf.node != nil {
		p.name(gf.node, it)
		p.descend(acc, ps, s, gf, it, f)
	}
	return s
}

// name makes objects say their types where a field was selected of an interface, which promises less than
// what its objects have.
func (p *planner) name(n *gnode, it item) {
	if !n.named && it.field.Def != nil && it.field.Def.Type.Name() != n.typ {
		n.named = true
		p.did(func() { n.named = false })
	}
}

// descend brings the request to the position under a composite field.
func (p *planner) descend(acc *access, ps *pos, s *slot, gf *gfield, it item, f *supergraph.Field) {
	if s.child == nil {
		t := p.sg.Type(f.Def.Type.Name())
		elem := plan.PathElem{Key: s.key, List: listDepth(f.Def.Type)}
		if ps.base != nil {
			elem.On = []string{ps.typ}
		}
		s.child = &pos{
			typ: t.Name, abstract: t.Abstract(), up: ps,
			path:     append(ps.path[:len(ps.path):len(ps.path)], elem),
			declared: ps.declaredAt(s.key), keys: ps.owner().keys.under(s.key),
		}
		p.did(func() { s.child = nil })
	}
	for _, a := range s.child.accs {
		if a.node == gf.node {
			return
		}
	}
	var provides supergraph.FieldSet
	if sub, ok := acc.provides.Find(p.sg, ps.typ, f.Name); ok {
		provides = append(provides, sub...)
		if len(sub) == 0 && acc.group.sub == heldData {
			provides = everything(p.sg, f.Def.Type.Name())
		}
	}
	if in := p.known(acc, f); in != nil {
		provides = append(provides, in.Provides...)
	}
	p.addAccess(s.child, &access{group: acc.group, node: gf.node, lead: gf, up: acc, provides: provides})
}

// known is what the request's subgraph knows of a field, by the type it has there.
func (p *planner) known(acc *access, f *supergraph.Field) *supergraph.FieldIn {
	if acc.group.sub == heldData {
		return nil
	}
	if t := p.sg.Type(acc.node.typ); t != nil {
		if own := t.Field(f.Name); own != nil && own.In[acc.group.sub].Present {
			return &own.In[acc.group.sub]
		}
	}
	return &f.In[acc.group.sub]
}

// everything is a selection of all leaves of a type: what an event carries of a provided object that
// it does not spell out.
func everything(sg *supergraph.Supergraph, name string) supergraph.FieldSet {
	t := sg.Type(name)
	if t == nil {
		return nil
	}
	var out supergraph.FieldSet
	for _, f := range t.Fields() {
		if ft := sg.Type(f.Def.Type.Name()); ft == nil || !ft.Composite() {
			out = append(out, supergraph.FieldSelection{Name: f.Name})
		}
	}
	return out
}

// best picks the request that an item is read through: for others' sake the earliest, for the
// client's one that is read from anyway, then the earliest.
func best(accs []*access, it item) *access {
	var out *access
	for _, a := range accs {
		if out == nil || a.less(out, it) {
			out = a
		}
	}
	return out
}

func (a *access) less(b *access, it item) bool {
	if x, y := a.group.sub == heldData, b.group.sub == heldData; x != y {
		return x
	}
	if it.by == nil {
		if x, y := a.node.empty(), b.node.empty(); x != y {
			return y
		}
	}
	return a.group.depth < b.group.depth
}

func (n *gnode) empty() bool {
	if n.touched || len(n.demands) > 0 {
		return false
	}
	for _, f := range n.fields {
		if f.node == nil || !f.node.empty() {
			return false
		}
	}
	for _, f := range n.frags {
		if !f.empty() {
			return false
		}
	}
	return true
}

// able lists the requests present at ps that resolve a field.
func (p *planner) able(ps *pos, typ string, f *supergraph.Field, it item) []*access {
	var out []*access
	for _, a := range ps.accs {
		if p.ableTo(a, ps, typ, f, it) {
			out = append(out, a)
		}
	}
	return out
}

func (p *planner) ableTo(a *access, ps *pos, typ string, f *supergraph.Field, it item) bool {
	if !p.usable(ps, a, it) {
		return false
	}
	if a.group.sub == heldData && len(it.field.Args) > 0 {
		return false // an event carries what a field is without arguments
	}
	if ps.abstract {
		return p.uniformAt(a, f.Name)
	}
	return p.can(a, typ, f)
}

// placeThrough places an item through every request that resolves it and returns what is missing
// under it.
func (p *planner) placeThrough(accs []*access, ps *pos, it item, f *supergraph.Field) (missing []item) {
	if it.field.Sel == nil {
		p.place(best(accs, it), ps, it, f)
		return nil
	}
	var s *slot
	for _, a := range accs {
		s = p.place(a, ps, it, f)
	}
	var children []item
	for _, c := range it.field.Sel.Fields {
		children = append(children, it.with(p.meant(s.child, it.field.Sel, c)))
	}
	if len(children) == 0 {
		p.exists(s.child) // all that was selected here is never included
	}
	failed := p.satisfy(s.child, children)
	if len(failed) == 0 {
		return nil
	}
	return []item{cut(it, failed)}
}

// meant is a field as it is asked of the objects at a position: of those of the selection's type alone, where that
// is narrower. Others are never there, but they might be what the caller may not see.
func (p *planner) meant(ps *pos, sel *operation.SelectionSet, f *operation.Field) *operation.Field {
	if !ps.abstract || f.On != nil || sel.Type == ps.typ || f.Name == "__typename" {
		return f
	}
	on := p.fullPossible(sel.Type)
	if covers(on, p.fullPossible(ps.typ)) {
		return f
	}
	c := *f
	c.On = on
	return &c
}

// cut is an item with only those children that are missing.
func cut(it item, failed []item) item {
	f := *it.field
	sel := &operation.SelectionSet{Type: it.field.Sel.Type}
	for _, c := range failed {
		sel.Fields = append(sel.Fields, c.field)
	}
	f.Sel = sel
	return it.with(&f)
}
