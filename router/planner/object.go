package planner

import (
	"slices"
	"strings"

	"storefront/router/operation"
	"storefront/router/supergraph"
)

// want is an item that needs a hop, with the subgraphs that could resolve it.
type want struct {
	item  item
	field *supergraph.Field
	subs  []int
}

// satisfyObject places items at objects of one type, in this order: what needs nothing more; fields
// with @requires, whose hop others may share; fields that only one subgraph resolves; fields with
// something beneath them; the rest.
func (p *planner) satisfyObject(ps *pos, items []item) (failed []item) {
	t := p.sg.Type(ps.typ)
	var wants []want
	var deep []want
	for _, it := range items {
		if strings.HasPrefix(it.field.Name, "__") {
			p.exists(ps)
			continue
		}
		if it.field.On != nil && !slices.Contains(it.field.On, ps.typ) { // selected where other objects could stand
			p.exists(ps)
			continue
		}
		f := t.Field(it.field.Name)
		if f == nil {
			failed = append(failed, it)
			continue
		}
		if p.placed(ps, it) {
			continue
		}
		able := p.able(ps, ps.typ, f, it)
		switch {
		case len(able) > 0 && it.field.Sel == nil:
			p.place(best(able, it), ps, it, f)
		case len(able) > 0:
			deep = append(deep, want{item: it, field: f})
		default:
			if wants == nil {
				wants = make([]want, 0, len(items))
			}
			wants = append(wants, want{item: it, field: f})
		}
	}
	open := wants[:0]
	var needy []want
	for _, w := range wants {
		plain, requiring := p.candidates(ps, w.field)
		switch {
		case len(plain) > 0:
			w.subs = plain
			open = append(open, w)
		case len(requiring) > 0:
			w.subs = requiring
			needy = append(needy, w)
		default:
			p.explain(ps, w.item.field)
			failed = append(failed, w.item)
		}
	}
	for _, w := range needy {
		failed = append(failed, p.require(ps, w, w.subs)...)
	}
	open = p.forced(ps, open)
	p.ahead(ps, deep, open)
	return append(failed, p.descendAll(ps, deep, open)...)
}

// descendAll places fields with something beneath them through the requests that are here, and covers
// what is still open.
func (p *planner) descendAll(ps *pos, deep, open []want) []item {
	for _, w := range deep {
		able := p.able(ps, ps.typ, w.field, w.item)
		for _, m := range p.placeThrough(able, ps, w.item, w.field) {
			subs, _ := p.candidates(ps, w.field)
			for _, a := range able {
				subs = without(subs, a.group.sub)
			}
			open = append(open, want{item: m, field: w.field, subs: subs})
		}
	}
	return p.cover(ps, open)
}

// placed reports whether an item for another group is already read early enough.
func (p *planner) placed(ps *pos, it item) bool {
	if it.by == nil || it.field.Sel != nil {
		return false
	}
	key := p.keyOf(ps, it.field.Name, it.field.ArgsKey)
	s := ps.slot(key)
	if s == nil && ps.base != nil {
		s = ps.base.slot(key)
	}
	if s == nil {
		return false
	}
	first, ok := s.first(func(a *access) bool { return p.readable(ps, a) })
	if !ok {
		return false
	}
	for _, a := range p.able(ps, ps.typ, p.sg.Type(ps.typ).Field(it.field.Name), it) {
		if a.group.depth < first.acc.group.depth {
			return false
		}
	}
	gf := first.field
	d := it.demand()
	d.cond = nil
	gf.demands = append(gf.demands, d)
	p.did(func() { gf.demands = gf.demands[:len(gf.demands)-1] })
	p.claim(ps, first.acc, it.by)
	return true
}

// exists makes sure that some request tells whether the objects are there at all.
func (p *planner) exists(ps *pos) {
	accs := p.leading(ps)
	if ps.root || len(accs) == 0 {
		return
	}
	chosen := accs[0]
	for _, a := range accs {
		if a.node.claimed() {
			return
		}
		if chosen.node.empty() {
			chosen = a
		}
	}
	if chosen.node.empty() {
		chosen = accs[0]
	}
	p.touch(chosen.node)
	p.claim(ps, chosen, nil)
}

// claimed reports whether the client wants something of a node, so that it stays whatever becomes of the
// requests that want the rest.
func (n *gnode) claimed() bool {
	byClient := func(d demand) bool { return d.by == nil }
	return n.touched || slices.ContainsFunc(n.demands, byClient) || slices.ContainsFunc(n.frags, (*gnode).claimed) ||
		slices.ContainsFunc(n.fields, func(f *gfield) bool {
			return slices.ContainsFunc(f.demands, byClient) && (f.node == nil || f.node.claimed())
		})
}

// resolvers lists the subgraphs that resolve a field of a type for whoever enters them.
func (p *planner) resolvers(ps *pos, t *supergraph.Type, f *supergraph.Field) []int {
	if subs, ok := p.resolving[f]; ok {
		return subs
	}
	var subs []int
	for g := range f.In {
		in := &f.In[g]
		if in.Present && (!in.External || p.keeps(ps.typ, f, g)) && p.enterable(ps, t, g) {
			subs = append(subs, g)
		}
	}
	p.resolving[f] = subs
	return subs
}

// candidates lists the subgraphs that resolve a field once they are brought here: without more, and
// with fields it requires.
func (p *planner) candidates(ps *pos, f *supergraph.Field) (plain, requiring []int) {
	t := p.sg.Type(ps.typ)
	for _, g := range p.resolvers(ps, t, f) {
		in := &f.In[g]
		if ps.abstract && !t.Opaque(g) && (p.teller(ps) != nil || !p.wholly(t, f.Name, g)) {
			continue
		}
		if in.Needs() {
			requiring = append(requiring, g)
		} else if !p.present(ps, g) {
			plain = append(plain, g)
		}
	}
	return plain, requiring
}

// wholly reports whether a subgraph resolves an interface's field on every object of it that it knows.
func (p *planner) wholly(t *supergraph.Type, name string, sub int) bool {
	return p.uniformAt(&access{group: &group{sub: sub}, node: &gnode{typ: t.Name}}, name)
}

func (p *planner) present(ps *pos, sub int) bool {
	for _, a := range ps.accs {
		if a.group.sub == sub && a.group.stage == p.stage && (a.group.pos == ps.owner() || ps.root) {
			return true
		}
	}
	return false
}

func (p *planner) enterable(ps *pos, t *supergraph.Type, sub int) bool {
	if ps.root || p.sg.IsRoot(t.Name) {
		return true
	}
	for _, k := range t.In[sub].Keys {
		if k.Resolvable {
			return true
		}
	}
	return false
}

// forced opens the hops that have no alternative and places what they resolve. It uses up open.
func (p *planner) forced(ps *pos, open []want) (rest []want) {
	rest = open[:0]
	p.inReach(ps, open)
	for _, w := range open {
		if len(w.subs) != 1 {
			rest = append(rest, w)
			continue
		}
		able := p.able(ps, ps.typ, w.field, w.item)
		if len(able) == 0 {
			if a := p.hop(ps, w.subs[0]); a != nil && p.can(a, ps.typ, w.field) {
				able = []*access{a}
			}
		}
		if len(able) == 0 {
			w.subs = nil
			rest = append(rest, w)
			continue
		}
		for _, m := range p.placeThrough(able, ps, w.item, w.field) {
			rest = append(rest, want{item: m, field: w.field})
		}
	}
	return rest
}

// cover opens hops until nothing is left that a hop could resolve. It uses up open.
func (p *planner) cover(ps *pos, open []want) (failed []item) {
	for known := 0; len(open) > 0; {
		still, at := open[:0], known
		known = len(ps.accs)
		for _, w := range open { // an earlier hop may have brought what this one needs
			if w.item.field.Sel == nil {
				if a := p.bestOf(ps, at, w); a != nil {
					p.place(a, ps, w.item, w.field)
					continue
				}
			} else if able := p.fresh(ps, w); len(able) > 0 {
				for _, m := range p.placeThrough(able, ps, w.item, w.field) {
					still = append(still, p.again(ps, m, w))
				}
				continue
			}
			if len(w.subs) == 0 {
				p.explain(ps, w.item.field)
				failed = append(failed, w.item)
				continue
			}
			still = append(still, w)
		}
		open = slices.DeleteFunc(still, func(w want) bool {
			if len(w.subs) == 0 {
				p.explain(ps, w.item.field)
				failed = append(failed, w.item)
			}
			return len(w.subs) == 0
		})
		if len(open) == 0 {
			break
		}
		sub := p.choose(ps, open)
		p.hop(ps, sub)
		p.inReach(ps, open)
		for i := range open {
			open[i].subs = without(open[i].subs, sub)
		}
	}
	return failed
}

// inReach leaves out the subgraphs that cannot be entered at ps by any way, from wants for a key.
func (p *planner) inReach(ps *pos, open []want) {
	if len(open) == 0 || open[0].item.by == nil || ps.root || p.sg.IsRoot(ps.typ) {
		return
	}
	near := p.distances(ps)
	for i := range open {
		open[i].subs = slices.DeleteFunc(slices.Clone(open[i].subs), func(g int) bool { return near[g] == far })
	}
}

// bestOf is the best of the requests present, from the one with that number on, for a leaf; nil when
// none resolves it.
func (p *planner) bestOf(ps *pos, from int, w want) *access {
	var out *access
	for _, a := range ps.accs[from:] {
		if p.ableTo(a, ps, ps.typ, w.field, w.item) && (out == nil || a.less(out, w.item)) {
			out = a
		}
	}
	return out
}

// fresh lists the requests that resolve what is wanted and have not been tried for it.
func (p *planner) fresh(ps *pos, w want) []*access {
	able := p.able(ps, ps.typ, w.field, w.item)
	if w.item.field.Sel == nil {
		return able
	}
	key := w.item.field.Key
	if key == "" {
		key = p.keyOf(ps, w.item.field.Name, w.item.field.ArgsKey)
	}
	s := ps.slot(key)
	if s == nil {
		return able
	}
	var out []*access
	for _, a := range able {
		tried := false
		for _, pl := range s.placed {
			tried = tried || pl.acc == a && slices.ContainsFunc(pl.field.demands, func(d demand) bool { return d.by == w.item.by })
		}
		if !tried {
			out = append(out, a)
		}
	}
	return out
}

// again is what is still wanted after a try, with the subgraphs that are not here yet.
func (p *planner) again(ps *pos, it item, w want) want {
	var subs []int
	for _, s := range w.subs {
		if !p.present(ps, s) {
			subs = append(subs, s)
		}
	}
	return want{item: it, field: w.field, subs: subs}
}

// without is a list without one number; a list that has it not is returned as it is.
func without(list []int, x int) []int {
	at := slices.Index(list, x)
	if at < 0 {
		return list
	}
	if len(list) == 1 {
		return nil
	}
	out := make([]int, 0, len(list)-1)
	return append(append(out, list[:at]...), list[at+1:]...)
}

func (p *planner) explain(ps *pos, f *operation.Field) {
	if p.stuck == "" {
		p.stuck = "at " + ps.typ + "." + f.Name + " no subgraph that resolves it can be entered with what is known there"
	}
}
