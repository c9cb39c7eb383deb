package planner

import "slices"

// apart takes requests apart that enter objects of several types under the one name of an @interfaceObject:
// the subgraph resolves what is asked of one type for all of them. Where a field that one type asks for may
// not be null and another does not ask for it, a null there would take what the other asked for with it, so
// each of them has a request of its own then, in the same round.
func (p *planner) apart(groups []*group) []*group {
	next := len(p.groups)
	for i := 0; i < len(groups); i++ {
		g := groups[i]
		var own, others []*gnode
		for _, n := range g.root.frags {
			if len(own) > 0 && slices.ContainsFunc(own, func(o *gnode) bool { return p.harm(g.sub, o, n) || p.harm(g.sub, n, o) }) {
				others = append(others, n)
			} else {
				own = append(own, n)
			}
		}
		if len(others) == 0 {
			continue
		}
		second := *g
		second.id, next = next, next+1
		second.root = &gnode{frags: others}
		second.root.group = &second
		root := *g.root
		root.frags = own
		g.root = &root
		groups = append(groups, &second) // where it is taken apart further
		for _, w := range groups {
			if slices.Contains(w.after, g) {
				w.after = append(w.after[:len(w.after):len(w.after)], &second)
			}
		}
	}
	return groups
}

// harm reports whether what a asks for may, by a null, take something with it that b asks for of the same
// objects, as the subgraph sees them.
func (p *planner) harm(sub int, a, b *gnode) bool {
	wire := p.sg.Type(a.typ).In[sub].WireName
	return wire != "" && wire == p.sg.Type(b.typ).In[sub].WireName && spoils([]*gnode{a}, []*gnode{b})
}

// spoils reports whether a field of a may not be null that b does not always select with it, or one beneath a
// field of both.
func spoils(a, b []*gnode) bool {
	for _, n := range a {
		for _, f := range n.fields {
			var same []*gnode
			found := false
			for _, m := range b {
				for _, o := range m.fields {
					if o.name == f.name && o.argsKey == f.argsKey && (o.printed() == nil || planCond(o.printed()).String() == planCond(f.printed()).String()) {
						if found = true; o.node != nil {
							same = append(same, o.node)
						}
					}
				}
			}
			if !found && f.typ.NonNull || found && f.node != nil && spoils([]*gnode{f.node}, same) {
				return true
			}
		}
		for _, frag := range n.frags {
			beside := slices.Clone(b)
			for _, m := range b {
				for _, o := range m.frags {
					if o.typ == frag.typ {
						beside = append(beside, o)
					}
				}
			}
			if spoils([]*gnode{frag}, beside) {
				return true
			}
		}
	}
	return false
}
