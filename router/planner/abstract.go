package planner

import (
	"slices"

	"storefront/router/supergraph"
)

// satisfyAbstract places items at objects of an interface or union: for all types at once where a
// request resolves the field on the interface itself, else type by type.
func (p *planner) satisfyAbstract(ps *pos, items []item) (failed []item) {
	runtime := p.runtime(ps)
	var byType []item
	for _, it := range items {
		if it.field.Name == "__typename" {
			if len(ps.accs) > 0 {
				p.touch(ps.accs[0].node)
			}
			continue
		}
		if it.field.On != nil && !covers(it.field.On, runtime) {
			byType = append(byType, it)
			continue
		}
		f := p.sg.Type(ps.typ).Field(it.field.Name)
		able := p.uniform(ps, f)
		if f == nil || len(able) == 0 {
			byType = append(byType, it)
			continue
		}
		byType = append(byType, p.placeThrough(able, ps, it, f)...)
	}
	if len(byType) == 0 {
		return nil
	}
	if len(ps.accs) > 0 {
		p.touch(ps.accs[0].node)
	}
	for _, typ := range runtime {
		var mine []item
		for _, it := range byType {
			if it.field.On == nil || slices.Contains(it.field.On, typ) {
				mine = append(mine, it)
			}
		}
		if len(mine) == 0 {
			continue
		}
		for _, it := range p.satisfyVariant(ps, typ, mine) {
			f := *it.field
			f.On = []string{typ}
			failed = append(failed, item{field: &f, by: it.by})
		}
	}
	return failed
}

func (p *planner) satisfyVariant(ps *pos, typ string, items []item) []item {
	v := p.variant(ps, typ)
	for _, a := range ps.accs {
		if a.group.sub != heldData && !slices.Contains(p.possibleIn(a), typ) {
			continue
		}
		n := p.frag(a.node, typ)
		if !slices.ContainsFunc(v.accs, func(have *access) bool { return have.node == n }) {
			p.addAccess(v, &access{group: a.group, node: n, provides: a.provides})
		}
	}
	if p.steps += len(items) + 1; p.steps > stepBudget {
		return items
	}
	return p.satisfyObject(v, items)
}

func (p *planner) possibleIn(a *access) []string {
	t := p.sg.Type(a.node.typ)
	if t == nil || a.group.sub == heldData {
		return nil
	}
	return t.In[a.group.sub].Possible
}

// runtime lists the object types that the requests present can answer with.
func (p *planner) runtime(ps *pos) []string {
	var out []string
	for _, a := range ps.accs {
		if a.group.sub == heldData {
			out = append(out, p.fullPossible(ps.typ)...)
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

// uniform lists the requests that resolve a field of an interface for every type they can answer
// with.
func (p *planner) uniform(ps *pos, f *supergraph.Field) []*access {
	if f == nil {
		return nil
	}
	var out []*access
	for _, a := range ps.accs {
		if p.uniformAt(a, f.Name) {
			out = append(out, a)
		}
	}
	return out
}

func (p *planner) uniformAt(a *access, name string) bool {
	t := p.sg.Type(a.node.typ)
	if t == nil {
		return false
	}
	f := t.Field(name)
	if f == nil || !t.Abstract() {
		return f != nil && p.can(a, t.Name, f)
	}
	if a.group.sub == heldData {
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
