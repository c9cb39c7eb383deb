package planner

import (
	"slices"

	"storefront/router/plan"
	"storefront/router/supergraph"
)

// contextArg is an argument of a field that takes its value from an object above.
type contextArg struct {
	name, typ string
	sources   []plan.ContextSource
}

// contexts reads what a field takes from the objects above ps for a reason: from the nearest ones that
// set the context. Where only some of the types that may stand there set it, the search goes on
// upwards and execution takes the nearest that does.
func (p *planner) contexts(ps *pos, args []supergraph.ContextArgument, by item) (out []contextArg, deps []*group, ok bool) {
	for i := range args {
		c := contextArg{name: args[i].Name, typ: args[i].Type}
		found := false
		for at := ps.up; at != nil && !found; at = at.up {
			source, more, all, ok := p.contextAt(at, &args[i], by)
			if !ok {
				return nil, nil, false
			}
			if source != nil {
				c.sources, deps = append(c.sources, *source), append(deps, more...)
			}
			found = all
		}
		if len(c.sources) == 0 {
			return nil, nil, false
		}
		out = append(out, c)
	}
	return out, deps, true
}

// contextAt reads the value at one position above; source is nil where nothing sets the context
// there, and all tells whether every object there does.
func (p *planner) contextAt(at *pos, arg *supergraph.ContextArgument, by item) (source *plan.ContextSource, deps []*group, all, ok bool) {
	types := []string{at.typ}
	if at.abstract {
		types = p.runtime(at)
	}
	setting := slices.DeleteFunc(slices.Clone(types), func(t string) bool { return !slices.Contains(arg.Set, t) })
	if len(setting) == 0 {
		return nil, nil, false, true
	}
	var on []string
	if all = len(setting) == len(types); !all {
		on = setting
	}
	fields := p.internalFields(at.typ, arg.Fields, on, heldData)
	items := make([]item, len(fields))
	for i, f := range fields {
		items[i] = by.with(f)
	}
	if len(p.satisfy(at, items)) > 0 {
		return nil, nil, false, false
	}
	reps, deps, ok := p.representFor(by.by, at, fields)
	return &plan.ContextSource{Level: len(at.path), On: on, Fields: reps}, deps, all, ok
}

// sameContext reports whether arguments take the same values from the same objects.
func sameContext(a, b *contextArg) bool {
	return a.typ == b.typ && slices.EqualFunc(a.sources, b.sources, func(x, y plan.ContextSource) bool {
		return x.Level == y.Level && slices.Equal(x.On, y.On) && sameReps(x.Fields, y.Fields)
	})
}

func sameReps(a, b []plan.RepField) bool {
	return slices.EqualFunc(a, b, func(x, y plan.RepField) bool {
		return x.Key == y.Key && slices.Equal(x.On, y.On) && sameReps(x.Sub, y.Sub)
	})
}
