package planner

import (
	"slices"

	"storefront/router/operation"
	"storefront/router/supergraph"
)

// cost compares plans: what fails, then rounds, then requests, then fields, then how late they come.
type cost struct{ failed, rounds, requests, fields, late int }

func (a cost) less(b cost) bool {
	switch {
	case a.failed != b.failed:
		return a.failed < b.failed
	case a.rounds != b.rounds:
		return a.rounds < b.rounds
	case a.requests != b.requests:
		return a.requests < b.requests
	case a.fields != b.fields:
		return a.fields < b.fields
	}
	return a.late < b.late
}

func (p *planner) cost(failed int) cost {
	c := cost{failed: failed}
	for _, g := range p.groups {
		if g.used > 0 {
			c.rounds = max(c.rounds, g.depth+1)
			c.requests++
			c.fields += g.used
			c.late += g.depth * g.used
		}
	}
	return c
}

// choose picks the subgraph to hop to: the most useful ones are tried to the end.
func (p *planner) choose(ps *pos, open []want) int {
	p.steps += len(open)
	if p.score == nil {
		p.score = make([]int, p.sg.SubgraphCount())
	}
	clear(p.score)
	for _, w := range open {
		under := p.reach(w.item.field, ps.typ)
		for _, sub := range w.subs {
			p.score[sub] += 1 + under[sub]
		}
	}
	if open[0].item.by != nil && !ps.root && !p.sg.IsRoot(ps.typ) { // for a key, what is near comes first
		for sub, d := range p.distances(ps) {
			if p.score[sub] > 0 {
				p.score[sub] += (far - d) << 20
			}
		}
	}
	best, n := mostUseful(p.score)
	if n == 1 || p.trying >= maxTries || p.steps > tryBudget {
		return best[0]
	}
	chosen, lowest := best[0], cost{}
	rest := make([]want, len(open))
	for i, sub := range best[:n] {
		mark, stuck := len(p.trail), p.stuck
		p.trying++
		p.hop(ps, sub)
		for j, w := range open {
			rest[j] = want{item: w.item, field: w.field, subs: without(w.subs, sub)}
		}
		c := p.cost(len(p.cover(ps, rest)))
		p.trying--
		p.undo(mark)
		p.stuck = stuck
		if i == 0 || c.less(lowest) {
			chosen, lowest = sub, c
		}
	}
	return chosen
}

// ahead hops to a subgraph that is not needed here, where that saves a round or requests further down:
// it may resolve beneath the fields deep what those that are here do not.
func (p *planner) ahead(ps *pos, deep, open []want) {
	if len(deep) == 0 || p.trying >= maxTries || p.steps > tryBudget {
		return
	}
	score := make([]int, p.sg.SubgraphCount())
	for _, w := range deep {
		under := p.reach(w.item.field, ps.typ)
		here := 0
		for _, a := range p.able(ps, ps.typ, w.field, w.item) {
			if a.group.sub != heldData {
				here = max(here, under[a.group.sub])
			}
		}
		subs, _ := p.candidates(ps, w.field)
		for _, sub := range subs {
			score[sub] += max(under[sub]-here, 0)
		}
	}
	best, n := mostUseful(score)
	if n == 0 {
		return
	}
	var lowest cost
	chosen := -1
	for i := -1; i < n; i++ {
		mark, stuck := len(p.trail), p.stuck
		p.trying++
		if i >= 0 {
			p.hop(ps, best[i])
		}
		c := p.cost(len(p.descendAll(ps, deep, slices.Clone(open))))
		p.trying--
		p.undo(mark)
		p.stuck = stuck
		if i < 0 || c.less(lowest) {
			chosen, lowest = i, c
		}
	}
	if chosen >= 0 {
		p.hop(ps, best[chosen])
	}
}

// mostUseful lists the subgraphs with the highest scores above 0, and how many of them there are.
func mostUseful(scores []int) (best [maxOptions]int, n int) {
	for sub, score := range scores {
		if score == 0 {
			continue
		}
		at := n
		for at > 0 && scores[best[at-1]] < score {
			at--
		}
		if at < maxOptions {
			copy(best[at+1:], best[at:])
			best[at] = sub
			n = min(n+1, maxOptions)
		}
	}
	return best, n
}

type reachKey struct {
	field *operation.Field
	typ   string
}

// reach counts the leaves under a field that each subgraph resolves without leaving it.
func (p *planner) reach(f *operation.Field, typ string) []int {
	k := reachKey{f, typ}
	if n, ok := p.reaches[k]; ok {
		return n
	}
	out := make([]int, p.sg.SubgraphCount())
	p.reaches[k] = out
	t := p.sg.Type(typ)
	if t == nil || t.Field(f.Name) == nil {
		return out
	}
	sf := t.Field(f.Name)
	if f.Sel != nil {
		child := p.sg.Type(sf.Def.Type.Name())
		for _, c := range f.Sel.Fields {
			at := child.Name
			if child.Abstract() && len(c.On) > 0 {
				at = c.On[0]
			}
			for sub, n := range p.reach(c, at) {
				out[sub] += n
			}
		}
	}
	for sub := range out {
		switch {
		case !p.here(typ, sf, sub):
			out[sub] = 0
		case f.Sel == nil:
			out[sub] = 1
		}
	}
	return out
}

func (p *planner) here(typ string, f *supergraph.Field, sub int) bool {
	in := &f.In[sub]
	return in.Present && !in.External && !in.Needs()
}
