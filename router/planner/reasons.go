package planner

import (
	"slices"

	"storefront/router/plan"
)

// reasons says for whom a group reads its fields: the client first, then other groups in their order.
func reasons(g *group, ids map[*group]int) []plan.Reason {
	var out []plan.Reason
	add := func(d demand, path string) {
		if !d.counts() {
			return
		}
		r := plan.Reason{For: -1, Need: d.need}
		if d.by != nil && d.by.sub != heldData {
			r.For = ids[d.by.final()]
		}
		at := slices.IndexFunc(out, func(have plan.Reason) bool { return have.For == r.For && have.Need == r.Need })
		if at < 0 {
			at = len(out)
			out = append(out, r)
		}
		if !slices.Contains(out[at].Fields, path) {
			out[at].Fields = append(out[at].Fields, path)
		}
	}
	walkReasons(g.root, "", add)
	slices.SortStableFunc(out, func(a, b plan.Reason) int { return a.For - b.For })
	return out
}

func walkReasons(n *gnode, path string, add func(demand, string)) {
	if n.touched {
		add(demand{}, path+"__typename")
	}
	for _, d := range n.demands {
		add(d, path+"__typename")
	}
	for _, f := range n.fields {
		if f.node != nil {
			walkReasons(f.node, path+f.key+".", add)
			continue
		}
		for _, d := range f.demands {
			add(d, path+f.key)
		}
	}
	for _, frag := range n.frags {
		walkReasons(frag, path, add)
	}
}
