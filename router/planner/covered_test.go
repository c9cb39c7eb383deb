package planner_test

import (
	"testing"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
)

// TestMissedLeaves: what a part lacks is noticed, and nothing is where all is read at once.
func TestMissedLeaves(t *testing.T) {
	sg := entity(t, [][]string{{"id"}, {"id"}}, []string{"id", "here", "there", "far"},
		map[string][]int{"id": {0, 1}, "here": {0}, "there": {1}, "far": {1}})
	op, errs := operation.Prepare(sg, "{ t { here ... @defer { there ... @defer { far } } } }", "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	if op, errs = op.Deferred(nil); errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Parts) != 2 || len(plan.Fetches(p.Parts[0].Node)) != 1 || len(plan.Fetches(p.Parts[1].Node)) != 1 {
		t.Fatalf("parts are not fetched apart:\n%s", p)
	}
	if n := planner.Missed(op, p); n != 0 {
		t.Errorf("%d leaves missed in\n%s", n, p)
	}
	all, ok := planner.PlanAtOnce(sg, op, plan.Plan{Kind: p.Kind, Output: p.Output})
	if !ok {
		t.Fatal("no plan at once")
	}
	if n := planner.Missed(op, all); n != 0 || len(plan.Fetches(all.Root)) != 2 || all.Parts[0].Node != nil || all.Parts[1].Node != nil {
		t.Errorf("%d leaves missed at once in\n%s", n, all)
	}
	p.Parts[0].Node, p.Parts[1].Node = p.Parts[1].Node, nil // the outer part reads for the inner, and not for itself
	if n := planner.Missed(op, p); n != 1 {
		t.Errorf("%d leaves missed where one is:\n%s", n, p)
	}
	p.Parts[0].Node, p.Parts[1].Node = nil, plan.Node(&plan.Sequence{Nodes: []plan.Node{all.Root}})
	if n := planner.Missed(op, p); n != 1 { // an inner part comes too late for the outer
		t.Errorf("%d leaves missed where one is read too late:\n%s", n, p)
	}
}
