package planner

import (
	"sort"

	"storefront/router/operation"
	"storefront/router/supergraph"
)

// cost compares plans: what fails, then rounds, then requests, then fields.
type cost struct{ failed, rounds, requests, fields int }

func (a cost) less(b cost) bool {
	switch {
	case a.failed != b.failed:
		return a.failed < b.failed
	case a.rounds != b.rounds:
		return a.rounds < b.rounds
	case a.requests != b.requests:
		return a.requests < b.requests
	}
	return a.fields < b.fields
}

func (p *planner) cost(failed int) cost {
	c := cost{failed: failed}
	for _, g := range p.groups {
		if g.used > 0 {
			c.rounds = max(c.rounds, g.depth+1)
			c.requests++
			c.fields += g.used
		}
	}
	return c
}

// choose picks the subgraph to hop to: the most useful ones are tried to the end.
func (p *planner) choose(ps *pos, open []want) int {
	p.steps += len(open)
	type option struct{ sub, reach int }
	var options []option
	for sub := range p.sg.SubgraphCount() {
		reach := 0
		for _, w := range open {
			for _, s := range w.subs {
				if s == sub {
					reach += 1 + p.reach(w.item.field, ps.typ, sub)
				}
			}
		}
		if reach > 0 {
			options = append(options, option{sub, reach})
		}
	}
	sort.SliceStable(options, func(i, j int) bool { return options[i].reach > options[j].reach })
	if len(options) == 1 || p.trying >= maxTries || p.steps > tryBudget {
		return options[0].sub
	}
	options = options[:min(len(options), maxOptions)]
	chosen, lowest := options[0].sub, cost{}
	for i, o := range options {
		mark, stuck := len(p.trail), p.stuck
		p.trying++
		p.hop(ps, o.sub)
		rest := make([]want, len(open))
		for j, w := range open {
			rest[j] = want{item: w.item, field: w.field, subs: without(w.subs, o.sub)}
		}
		c := p.cost(len(p.cover(ps, rest)))
		p.trying--
		p.undo(mark)
		p.stuck = stuck
		if i == 0 || c.less(lowest) {
			chosen, lowest = o.sub, c
		}
	}
	return chosen
}

type reachKey struct {
	field *operation.Field
	typ   string
	sub   int
}

// reach counts the leaves under a field that a subgraph resolves without leaving it.
func (p *planner) reach(f *operation.Field, typ string, sub int) int {
	k := reachKey{f, typ, sub}
	if n, ok := p.reaches[k]; ok {
		return n
	}
	n := 0
	if t := p.sg.Type(typ); t != nil {
		if sf := t.Field(f.Name); sf != nil && p.here(typ, sf, sub) {
			if f.Sel == nil {
				n = 1
			} else {
				child := sf.Def.Type.Name()
				for _, c := range f.Sel.Fields {
					at := child
					if ct := p.sg.Type(child); ct.Abstract() && (ct.Field(c.Name) == nil || c.On != nil) && len(c.On) > 0 {
						at = c.On[0]
					}
					n += p.reach(c, at, sub)
				}
			}
		}
	}
	p.reaches[k] = n
	return n
}

func (p *planner) here(typ string, f *supergraph.Field, sub int) bool {
	in := &f.In[sub]
	return in.Present && !in.External && !in.Needs()
}
