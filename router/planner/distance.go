package planner

import (
	"slices"

	"storefront/router/supergraph"
)

// far is the distance of a subgraph that cannot be entered.
const far = 1 << 20

// distances says after how many hops each subgraph can be entered at ps at the soonest, counting what
// keys and requirements select at their top only. What is far by it is out of reach; what is near may
// turn out not to be. Following it, the search for a key goes from far to near and ends.
func (p *planner) distances(ps *pos) []int {
	if ps.near != nil && ps.nearAt == p.state {
		return ps.near
	}
	t := p.sg.Type(ps.typ)
	near := make([]int, p.sg.SubgraphCount())
	for g := range near {
		near[g] = far
	}
	var known []string // names of fields, in the order in which they come to be known
	missing := p.keyNames(t)
	for hops := 1; ; hops++ {
		grew := false
		missing = slices.DeleteFunc(slices.Clone(missing), func(name string) bool {
			if !p.knowable(ps, t, t.Field(name), near, hops, known) {
				return false
			}
			known, grew = append(known, name), true
			return true
		})
		for g := range near {
			if near[g] < far || !t.In[g].Present {
				continue
			}
			for _, k := range t.In[g].Keys {
				if k.Resolvable && !p.lacks(t, k.Fields, known) {
					near[g], grew = hops, true
					break
				}
			}
		}
		if !grew {
			break
		}
	}
	ps.near, ps.nearAt = near, p.state
	p.did(func() { ps.near = nil })
	return near
}

// knowable reports whether a field can be read at ps by a request that is there, or by one in a
// subgraph that is nearer than hops.
func (p *planner) knowable(ps *pos, t *supergraph.Type, f *supergraph.Field, near []int, hops int, known []string) bool {
	if ps.abstract && p.teller(ps) != nil {
		return true // type by type, maybe
	}
	for _, a := range ps.accs {
		if ps.abstract && p.uniformAt(a, f.Name) || !ps.abstract && p.can(a, ps.typ, f) {
			return true
		}
	}
	if ps.base != nil && p.veiled(ps.base) {
		return true // read before its objects' types were known
	}
	for _, g := range p.resolvers(ps, t, f) {
		if near[g] < hops && (!f.In[g].Needs() || !p.lacks(t, f.In[g].Requires, known)) {
			return true
		}
	}
	return false
}

// lacks reports whether a selection begins with a field that is not known.
func (p *planner) lacks(t *supergraph.Type, set supergraph.FieldSet, known []string) bool {
	return slices.ContainsFunc(set, func(sel supergraph.FieldSelection) bool {
		if sel.On != "" {
			return sel.On == t.Name && p.lacks(t, sel.Sub, known)
		}
		return sel.Name != "__typename" && !slices.Contains(known, sel.Name)
	})
}

// keyNames lists the fields that begin the keys and requirements of a type.
func (p *planner) keyNames(t *supergraph.Type) []string {
	if names, ok := p.names[t]; ok {
		return names
	}
	var names []string
	var add func(set supergraph.FieldSet)
	add = func(set supergraph.FieldSet) {
		for _, sel := range set {
			switch {
			case sel.On != "":
				add(sel.Sub)
			case t.Field(sel.Name) != nil && !slices.Contains(names, sel.Name):
				names = append(names, sel.Name)
			}
		}
	}
	for g := range t.In {
		for _, k := range t.In[g].Keys {
			add(k.Fields)
		}
	}
	for _, f := range t.Fields() {
		for g := range f.In {
			add(f.In[g].Requires)
		}
	}
	p.names[t] = names
	return names
}
