package planner

import (
	"slices"
	"sort"

	"storefront/router/operation"
)

// finish drops what nobody needs, settles the rounds, and writes every request.
func (p *planner) finish() []written {
	groups := p.prune()
	p.settle(groups)
	groups = p.unite(groups)
	p.settle(groups)
	groups = p.apart(groups)
	sort.SliceStable(groups, func(i, j int) bool {
		if x, y := groups[i].part(), groups[j].part(); x != y {
			return x < y
		}
		if groups[i].depth != groups[j].depth {
			return groups[i].depth < groups[j].depth
		}
		return groups[i].id < groups[j].id
	})
	return p.joined(groups)
}

// prune keeps the groups that read something for the client or for a group that is kept. Who waits
// comes after whom it waits for, so the deepest are judged first.
func (p *planner) prune() []*group {
	groups := slices.Clone(p.groups)
	sort.SliceStable(groups, func(i, j int) bool { return groups[i].depth > groups[j].depth })
	for _, g := range groups {
		pruneNode(g.root)
		g.needed = !g.root.empty()
		if g.needed {
			g.cond = nodeCond(g.root)
		}
	}
	return slices.DeleteFunc(groups, func(g *group) bool { return !g.needed })
}

// part is the number of the group's stage.
func (g *group) part() int {
	if g.stage == nil {
		return 0
	}
	return g.stage.part
}

func (g *group) final() *group {
	for g.alias != nil {
		g = g.alias
	}
	return g
}

func (f *gfield) wanted() bool {
	return slices.ContainsFunc(f.demands, demand.counts)
}

// counts reports whether who demands is there still.
func (d demand) counts() bool { return d.by == nil || d.by.sub == heldData || d.by.final().needed }

func pruneNode(n *gnode) {
	n.demands = slices.DeleteFunc(n.demands, func(d demand) bool { return !d.counts() })
	n.fields = slices.DeleteFunc(n.fields, func(f *gfield) bool {
		if !f.wanted() {
			return true
		}
		if f.node == nil {
			return false
		}
		pruneNode(f.node)
		return f.node.empty()
	})
	for _, f := range n.frags {
		pruneNode(f)
	}
	n.frags = slices.DeleteFunc(n.frags, (*gnode).empty)
}

// cond is when a field is read at all.
func (f *gfield) cond() operation.Cond { return anyOf(f.demands) }

func anyOf(demands []demand) operation.Cond {
	var out operation.Cond
	for _, d := range demands {
		c := d.cond
		if d.by != nil {
			if !d.by.final().needed {
				continue
			}
			c = d.by.final().cond
		}
		if c == nil {
			return nil
		}
		out = or(out, c)
	}
	return out
}

// printed is the condition that the field carries in the request: none for what other groups need,
// since they may be asked for under any condition.
func (f *gfield) printed() operation.Cond {
	if slices.ContainsFunc(f.demands, func(d demand) bool { return d.by != nil && d.by.final().needed }) {
		return nil
	}
	return f.cond()
}

func nodeCond(n *gnode) operation.Cond {
	if n.touched {
		return nil
	}
	var out operation.Cond
	if len(n.demands) > 0 {
		if out = anyOf(n.demands); out == nil {
			return nil
		}
	}
	for _, f := range n.fields {
		c := f.cond()
		if c == nil {
			return nil
		}
		out = or(out, c)
	}
	for _, f := range n.frags {
		c := nodeCond(f)
		if c == nil {
			return nil
		}
		out = or(out, c)
	}
	return out
}

func or(a, b operation.Cond) operation.Cond {
	out := a[:len(a):len(a)]
	for _, terms := range b {
		if !slices.ContainsFunc(out, func(t []operation.Term) bool { return slices.Equal(t, terms) }) {
			out = append(out, terms)
		}
	}
	return out
}

// settle recomputes who waits for whom among the groups that are left.
func (p *planner) settle(groups []*group) {
	sort.SliceStable(groups, func(i, j int) bool { return groups[i].depth < groups[j].depth })
	for _, g := range groups {
		g.after = slices.DeleteFunc(slices.Clone(g.after), func(a *group) bool { return !a.needed })
		g.depth = 0
		for _, a := range g.after {
			g.depth = max(g.depth, a.depth+1)
		}
	}
}
