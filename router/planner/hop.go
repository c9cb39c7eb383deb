package planner

import (
	"slices"

	"storefront/router/plan"
	"storefront/router/supergraph"
)

// hop brings a subgraph to the objects at ps; nil when no key leads there.
func (p *planner) hop(ps *pos, sub int) *access {
	p.steps += 4
	if ps.root {
		return p.openRoot(ps, sub, plan.RootFetch)
	}
	if p.opens(opening{ps, sub, ""}) {
		return nil
	}
	at := deadEnd{opening{ps, sub, ""}, p.state, p.stage, p.lenient}
	if p.dead[at] {
		return nil
	}
	var a *access
	p.open(at, func() bool {
		a = p.hopTo(ps, sub)
		return a != nil
	})
	return a
}

// opens reports whether a hop is being opened already, so that it cannot rest on itself.
func (p *planner) opens(o opening) bool {
	at := slices.Index(p.opening, o)
	if at < 0 {
		return false
	}
	p.blockedBy = min(p.blockedBy, at)
	return true
}

// open tries a hop. One that fails is a dead end. Where the search is exact, it is none when it failed for
// a hop that it is tried within: then it may well lead somewhere from elsewhere.
func (p *planner) open(at deadEnd, try func() bool) {
	own, outer := len(p.opening), p.blockedBy
	p.opening, p.blockedBy = append(p.opening, at.opening), own
	if !try() && (p.blockedBy >= own || !p.exact || p.steps > exactBudget) {
		p.dead[at] = true
	}
	p.opening = p.opening[:own]
	if p.blockedBy < own {
		outer = min(outer, p.blockedBy)
	}
	p.blockedBy = outer
}

func (p *planner) hopTo(ps *pos, sub int) *access {
	if p.sg.IsRoot(ps.typ) && len(p.sg.Type(ps.typ).In[sub].Keys) == 0 {
		return p.openRoot(ps, sub, plan.NestedFetch)
	}
	return p.enter(ps, sub, need{})
}

func (p *planner) openRoot(ps *pos, sub int, kind plan.FetchKind) *access {
	g := &group{sub: sub, kind: kind, stage: p.stage, after: ps.after, root: &gnode{typ: ps.typ}}
	for _, a := range ps.after {
		g.depth = max(g.depth, a.depth+1)
	}
	if kind == plan.NestedFetch {
		if len(ps.accs) == 0 {
			return nil
		}
		g.pos = ps.owner()
		p.touch(ps.accs[0].node)
		g.after = []*group{ps.accs[0].group}
		g.depth = ps.accs[0].group.depth + 1
	}
	g.root.group = g
	p.register(g)
	a := &access{group: g, node: g.root}
	p.addAccess(ps, a)
	return a
}

func (p *planner) register(g *group) {
	g.id = len(p.groups)
	p.groups = append(p.groups, g)
	p.did(func() { p.groups = p.groups[:len(p.groups)-1] })
}

// need is what a request brings for a field beside the key; the zero value for nothing.
type need struct {
	name string // Type.field
	in   *supergraph.FieldIn
}

// met is what a request was found to bring.
type met struct {
	fields   []plan.RepField
	deps     []*group
	contexts []contextArg
}

// meet reads what a field needs for a group.
func (p *planner) meet(ps *pos, n need, by *group) (m met, ok bool) {
	if n.in == nil {
		return m, true
	}
	why := item{by: by, need: n.name}
	if !p.ready(ps, n.in.Requires, why) {
		return m, false
	}
	if m.fields, m.deps, ok = p.represent(ps, n.in.Requires, by); !ok {
		return m, false
	}
	args, deps, ok := p.contexts(ps, n.in.Contexts, why)
	m.contexts, m.deps = args, append(m.deps, deps...)
	return m, ok
}

// satisfies records at an access that its representation carries what a field needs.
func (p *planner) satisfies(a *access, n need, m met) {
	satisfied, contexts := a.satisfied, a.contexts
	a.satisfied = append(satisfied[:len(satisfied):len(satisfied)], n.name)
	if len(m.contexts) > 0 {
		a.contexts = append(contexts[:len(contexts):len(contexts)], fieldContext{n.name, m.contexts})
	}
	p.did(func() { a.satisfied, a.contexts = satisfied, contexts })
}

// require brings a subgraph here with what a field needs, and places the field.
func (p *planner) require(ps *pos, w want, subs []int) (failed []item) {
	name := ps.typ + "." + w.field.Name
	for _, sub := range subs {
		if p.opens(opening{ps, sub, name}) {
			continue
		}
		at := deadEnd{opening{ps, sub, name}, p.state, p.stage, p.lenient}
		if p.dead[at] {
			continue
		}
		mark := len(p.trail)
		n := need{name, &w.field.In[sub]}
		var a *access
		p.open(at, func() bool {
			if a = p.extend(ps, sub, n); a == nil {
				a = p.enter(ps, sub, n)
			}
			return a != nil
		})
		if a == nil {
			p.undo(mark)
			continue
		}
		missing := p.placeThrough([]*access{a}, ps, w.item, w.field)
		if len(missing) == 0 {
			return nil
		}
		w.item = missing[0]
	}
	p.explain(ps, w.item.field)
	return []item{w.item}
}

// extend adds what a field needs to a request that already enters the subgraph here, if they are known
// as early as what it waits for.
func (p *planner) extend(ps *pos, sub int, n need) *access {
	for _, a := range ps.accs {
		g := a.group
		if g.sub != sub || g.kind != plan.EntityFetch || g.pos != ps.owner() || g.stage != p.stage {
			continue
		}
		r := g.repFor(ps.typ)
		if r == nil {
			continue
		}
		mark := len(p.trail)
		if m, ok := p.meet(ps, n, g); ok && deepest(m.deps) < g.depth && !collide(r.fields, m.fields) {
			p.addRep(g, ps.typ, m.fields, n.name)
			p.addAfter(g, m.deps)
			p.satisfies(a, n, m)
			return a
		}
		p.undo(mark)
	}
	return nil
}

// ready reads the fields of a selection for a reason.
func (p *planner) ready(ps *pos, set supergraph.FieldSet, why item) bool {
	return len(p.satisfy(ps, p.internalItems(ps, set, why))) == 0
}

// enter opens a request that enters the subgraph by the key that costs least, or shares one that
// enters it for another type of the same position.
func (p *planner) enter(ps *pos, sub int, n need) *access {
	keys := p.sg.Type(ps.typ).In[sub].Keys
	chosen, lowest, soonest := -1, cost{}, 0
	ways := 0
	for _, k := range keys {
		if k.Resolvable {
			ways++
		}
	}
	for i, a := range ps.accs {
		if i == 0 || a.group.depth+1 < soonest {
			soonest = a.group.depth + 1
		}
	}
	try := func(i int) *access {
		g := &group{id: -1, sub: sub, kind: plan.EntityFetch, stage: p.stage, pos: ps.owner(), whole: ps.abstract, root: &gnode{}}
		g.root.group = g
		if !p.ready(ps, keys[i].Fields, item{by: g, key: true}) {
			return nil
		}
		m, ok := p.meet(ps, n, g)
		if !ok {
			return nil
		}
		fields, deps, ok := p.represent(ps, keys[i].Fields, g)
		if !ok {
			return nil
		}
		m.fields, m.deps = mergeReps(fields, m.fields), append(deps, m.deps...)
		return p.join(ps, g, n, m)
	}
	for i, k := range keys {
		if !k.Resolvable {
			continue
		}
		mark, before := len(p.trail), len(p.groups)
		a := try(i)
		opened := len(p.groups) - before
		c := cost{rounds: 0, requests: opened}
		if a != nil {
			c.rounds = a.group.depth
		}
		if a != nil && (opened <= 1 && c.rounds <= soonest || ways == 1 || p.steps > tryBudget) {
			return a
		}
		p.undo(mark)
		if a != nil && (chosen < 0 || c.less(lowest)) {
			chosen, lowest = i, c
		}
	}
	if chosen < 0 {
		return nil
	}
	return try(chosen)
}

// join registers a new entity request, or adds the type to one at the same position that waits as
// long anyway.
func (p *planner) join(ps *pos, g *group, n need, m met) *access {
	for _, dep := range m.deps {
		if dep.sub != heldData {
			g.depth = max(g.depth, dep.depth+1)
		}
	}
	if ps.base != nil {
		for _, other := range p.groups {
			if other.sub == g.sub && other.kind == plan.EntityFetch && other.pos == ps.base && other.stage == g.stage && !other.whole &&
				other.repFor(ps.typ) == nil && other.depth >= g.depth && p.shares(other, m.deps) {
				p.redirect(g, other)
				g = other
				break
			}
		}
	}
	if g.id < 0 {
		p.register(g)
	}
	p.addRep(g, ps.typ, m.fields, n.name)
	p.addAfter(g, m.deps)
	a := &access{group: g, node: p.frag(g.root, ps.typ)}
	if n.in != nil {
		p.satisfies(a, n, m)
	}
	p.addAccess(ps, a)
	return a
}

// shares reports whether a group can wait for deps without waiting longer.
func (p *planner) shares(g *group, deps []*group) bool { return deepest(deps) < g.depth }

// redirect makes fields that were read for one group be read for another.
func (p *planner) redirect(from, to *group) {
	from.alias = to
	p.did(func() { from.alias = nil })
}

func (p *planner) addRep(g *group, typ string, fields []plan.RepField, name string) {
	r := g.repFor(typ)
	if r == nil {
		r = &rep{typ: typ}
		g.reps = append(g.reps, r)
		p.did(func() { g.reps = g.reps[:len(g.reps)-1] })
	}
	old, oldSat := r.fields, r.satisfied
	r.fields = mergeReps(old, fields)
	if name != "" {
		r.satisfied = append(oldSat[:len(oldSat):len(oldSat)], name)
	}
	p.did(func() { r.fields, r.satisfied = old, oldSat })
}

func (p *planner) addAfter(g *group, deps []*group) {
	old := g.after
	for _, d := range deps {
		if d.sub != heldData && !slices.Contains(g.after, d) {
			g.after = append(g.after[:len(g.after):len(g.after)], d)
		}
	}
	p.did(func() { g.after = old })
}

func (g *group) repFor(typ string) *rep {
	for _, r := range g.reps {
		if r.typ == typ {
			return r
		}
	}
	return nil
}

func deepest(deps []*group) int {
	d := -1
	for _, g := range deps {
		d = max(d, g.depth)
	}
	return d
}
