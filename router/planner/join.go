package planner

import (
	"reflect"
	"slices"
	"strings"

	"storefront/router/plan"
)

// maxPlaces is how many places of the response one request may be for.
const maxPlaces = 64

// joined writes requests, those of one round that ask one subgraph for the same of entities at different
// places as one: it costs one request instead of several, and the subgraph is asked once for an entity
// that stands at many of the places. The joined request waits for all that the single ones wait for,
// which are of earlier rounds.
func (p *planner) joined(groups []*group) []written {
	ids := map[*group]int{}
	for i, g := range groups {
		ids[g] = i
	}
	out := p.writeAll(groups, ids)
	first := make([]int, len(out)) // by request: the one it is joined with, itself when it stands for itself
	together := map[int]int{}      // requests in one, by the first of them
	for i := range out {
		first[i] = i
		for j := range i {
			if first[j] == j && together[j] < maxPlaces-1 && joins(out[j], out[i]) {
				first[i] = j
				together[j]++
				break
			}
		}
	}
	if len(together) == 0 {
		return out
	}
	next := 0
	for i, g := range groups {
		if first[i] == i {
			ids[g] = next
			next++
		} else {
			ids[g] = ids[groups[first[i]]]
		}
	}
	all := p.writeAll(groups, ids)
	out = out[:0]
	for i, w := range all {
		if first[i] == i {
			out = append(out, w)
			continue
		}
		f := out[w.fetch.ID].fetch
		f.With = append(f.With, w.fetch)
		f.After = append(f.After, w.fetch.After...)
		slices.Sort(f.After)
		f.After = slices.Compact(f.After)
	}
	return out
}

func (p *planner) writeAll(groups []*group, ids map[*group]int) []written {
	out := make([]written, len(groups))
	for i, g := range groups {
		out[i] = p.write(g, ids[g], ids)
	}
	return out
}

// joins reports whether two requests differ in nothing but the places they are for.
func joins(a, b written) bool {
	f, g := a.fetch, b.fetch
	return a.depth == b.depth && f.Kind == plan.EntityFetch && g.Kind == plan.EntityFetch && f.Subgraph == g.Subgraph && f.Part == g.Part &&
		f.Abstract == g.Abstract && len(f.Contexts) == 0 && len(g.Contexts) == 0 &&
		nameless(f) == nameless(g) && reflect.DeepEqual(f.Cond, g.Cond) && reflect.DeepEqual(f.Computed, g.Computed) &&
		reflect.DeepEqual(f.Requires, g.Requires) && reflect.DeepEqual(f.Selection, g.Selection)
}

// nameless is the text of an operation without its name, which numbers it.
func nameless(f *plan.Fetch) string {
	if f.OperationName == "" {
		return f.Operation
	}
	return strings.Replace(f.Operation, f.OperationName, "", 1)
}
