package planner

import "slices"

// unite joins requests that enter one subgraph at one position, the earlier into the later, where
// nobody who waits for the earlier would wait longer. It saves requests and costs no round; such
// pairs come from @requires of fields that are known at different times.
func (p *planner) unite(groups []*group) []*group {
	for i := 0; i < len(groups); i++ {
		for j := len(groups) - 1; j >= 0; j-- {
			if i != j && unitable(groups, groups[i], groups[j]) {
				into(groups, groups[i], groups[j])
				groups = slices.Delete(groups, i, i+1)
				i = -1
				break
			}
		}
	}
	return groups
}

func unitable(groups []*group, a, b *group) bool {
	if a.sub != b.sub || a.stage != b.stage || a.pos == nil || a.pos != b.pos || a.kind != b.kind || a.whole != b.whole || len(a.reps) == 0 || a.depth > b.depth {
		return false
	}
	if planCond(a.cond).String() != planCond(b.cond).String() {
		return false // a condition may keep what one of them requires from being read
	}
	for _, r := range a.reps {
		if have := b.repFor(r.typ); have != nil && collide(r.fields, have.fields) {
			return false
		}
	}
	for _, g := range groups {
		if g != a && slices.Contains(g.after, a) && (g == b || g.depth <= b.depth) {
			return false
		}
	}
	return true
}

func into(groups []*group, a, b *group) {
	for _, d := range a.after {
		if !slices.Contains(b.after, d) {
			b.after = append(b.after, d)
		}
	}
	for _, r := range a.reps {
		if have := b.repFor(r.typ); have != nil {
			have.fields = mergeReps(r.fields, have.fields)
		} else {
			b.reps = append(b.reps, r)
		}
	}
	joinNodes(b.root, a.root)
	for _, g := range groups {
		if at := slices.Index(g.after, a); at >= 0 {
			g.after = slices.Delete(g.after, at, at+1)
			if !slices.Contains(g.after, b) {
				g.after = append(g.after, b)
			}
		}
	}
	a.alias = b
}

func joinNodes(dst, src *gnode) {
	dst.touched, dst.named = dst.touched || src.touched, dst.named || src.named
	dst.demands = append(dst.demands, src.demands...)
	for _, f := range src.fields {
		at := slices.IndexFunc(dst.fields, func(h *gfield) bool { return h.key == f.key })
		if at < 0 {
			dst.fields = append(dst.fields, f)
			continue
		}
		dst.fields[at].demands = append(dst.fields[at].demands, f.demands...)
		if f.node != nil {
			joinNodes(dst.fields[at].node, f.node)
		}
	}
	for _, f := range src.frags {
		at := slices.IndexFunc(dst.frags, func(h *gnode) bool { return h.typ == f.typ })
		if at < 0 {
			dst.frags = append(dst.frags, f)
			continue
		}
		joinNodes(dst.frags[at], f)
	}
}
