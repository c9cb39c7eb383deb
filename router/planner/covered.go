package planner

import (
	"slices"
	"strings"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// A response with deferred parts is looked over once it is planned: each leaf must be read by some request
// that its part waits for. Where one is not, or where no plan was found, and it is found by reading all
// at once, that is done: it is as correct, and what is deferred is still delivered later.

// search places fields of an operation, at once those that are deferred as well, if so asked for; failed
// are those it could not. It knows no dead ends exactly at first, and reads nothing boldly: see open and alike.
func search(sg *supergraph.Supergraph, op *operation.Operation, atOnce bool, place func(*planner) []item) (p *planner, failed []item) {
	for _, bold := range []bool{false, true} {
		for _, exact := range []bool{false, true} {
			p = newPlanner(sg, op)
			p.bold, p.exact, p.atOnce = bold, exact, atOnce
			if failed = place(p); len(failed) == 0 {
				return p, nil
			}
		}
		if !p.feared {
			break
		}
	}
	return p, failed
}

// planResponse finds the requests of a query or a mutation, whose response has the shape that out says.
func planResponse(sg *supergraph.Supergraph, op *operation.Operation, out plan.Plan) (*plan.Plan, error) {
	p, failed := search(sg, op, false, (*planner).fields)
	missed := 0
	if len(failed) == 0 {
		p.put(&out)
		missed = p.stages.missed(&out)
	}
	if missed > 0 || len(failed) > 0 && len(p.stages.list) > 0 {
		if all, ok := planAtOnce(sg, op, out); ok && (len(failed) > 0 || p.stages.missed(all) < missed) {
			return all, nil
		}
	}
	if len(failed) > 0 {
		return nil, p.unreachable(op.RootType, failed)
	}
	return &out, nil
}

// planAtOnce plans an operation so that nothing is read later, false when there is no way.
func planAtOnce(sg *supergraph.Supergraph, op *operation.Operation, out plan.Plan) (*plan.Plan, bool) {
	p, failed := search(sg, op, true, (*planner).fields)
	if len(failed) > 0 {
		return nil, false
	}
	p.put(&out)
	return &out, true
}

// covering tells of each place of a response, by its keys from the root, in which parts it is read. Types
// and conditions are left out of account.
type covering map[string][]int

// missed counts the leaves of a plan's output that nothing reads which their part waits for.
func (s *stages) missed(pl *plan.Plan) int {
	if len(s.list) == 0 {
		return 0
	}
	read := covering{}
	read.add(0, pl.Root)
	for i := range pl.Parts {
		read.add(i+1, pl.Parts[i].Node)
	}
	return s.missedUnder("", pl.Output, read)
}

func (c covering) add(part int, n plan.Node) {
	for _, f := range plan.Fetches(n) {
		for _, at := range f.Places() {
			var path strings.Builder
			for _, e := range at.Path {
				path.WriteString("." + e.Key)
			}
			c.under(path.String(), part, at.Selection)
		}
	}
}

func (c covering) under(path string, part int, sel *plan.Selection) {
	for i := range sel.Fields {
		f := &sel.Fields[i]
		at := path + "." + f.Key
		if f.Sub != nil {
			c.under(at, part, f.Sub)
		} else if !slices.Contains(c[at], part) {
			c[at] = append(c[at], part)
		}
	}
}

func (s *stages) missedUnder(path string, out *plan.Output, read covering) (n int) {
	for i := range out.Fields {
		f := &out.Fields[i]
		at := path + "." + f.Key
		switch {
		case strings.HasPrefix(f.Name, "__") || f.Refused: // the router knows
		case f.Sub != nil:
			n += s.missedUnder(at, f.Sub, read)
		case !slices.ContainsFunc(read[at], func(part int) bool { return s.numbered(f.Part).after(s.numbered(part)) }):
			n++
		}
	}
	return n
}

// numbered is the stage with a number.
func (s *stages) numbered(part int) *stage {
	if part == 0 {
		return nil
	}
	return s.list[part-1]
}
