package check

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"reflect"

	"storefront/router/execute"
	"storefront/router/internal/property/query"
	"storefront/router/internal/testgraph"
	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

// deferred runs, restricted where restrict is given, one of three operations with fragments deferred at random, and holds what a client makes of the
// payloads to the whole's data: it is the same, or less where a fragment failed.
func (h *House) deferred(ex *execute.Executor, sg *supergraph.Supergraph, restrict func(*operation.Operation) *operation.Operation, q query.Query, whole json.RawMessage, errors int) *Failure {
	seed := fnv.New64a()
	seed.Write([]byte(q.Text))
	if seed.Sum64()%3 != 0 { // a third of all operations is enough
		return nil
	}
	text, err := testgraph.Deferring(q.Text, rand.New(rand.NewPCG(seed.Sum64(), 2)))
	if err != nil {
		return &Failure{"deferring", err.Error()}
	}
	var payloads []byte
	fail := func(kind, format string, args ...any) *Failure {
		return &Failure{kind, fmt.Sprintf("%s\n%s\n%s", fmt.Sprintf(format, args...), text, payloads)}
	}
	op, errs := operation.Prepare(sg, text, "", operation.DefaultLimits())
	if errs != nil {
		return fail("deferred refused", "%v", errs)
	}
	if restrict != nil {
		op = restrict(op)
	}
	vars, errs := op.Variables(q.Variables)
	if errs != nil {
		return fail("deferred refused", "%v", errs)
	}
	if op, errs = op.Deferred(vars); errs != nil {
		return fail("deferred refused", "%v", errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		return fail("no deferred plan", "%v", err)
	}
	nodes := []plan.Node{p.Root}
	for _, part := range p.Parts {
		nodes = append(nodes, part.Node)
	}
	for _, n := range nodes {
		for _, f := range plan.Fetches(n) {
			if err := h.subs[f.Subgraph].Validate(f.Operation); err != nil {
				return fail("invalid deferred request", "%s: %v\n%s", f.Subgraph, err, p)
			}
		}
	}
	*h.log = calls{}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	if h.kept != nil {
		ctx = execute.WithScope(ctx, execute.Scope{})
	}
	client := &testgraph.Merging{}
	for payload := range ex.Stream(ctx, ex.Prepare(p), vars, nil) {
		payloads = append(append(payloads, payload.JSON()...), '\n')
		if err := client.Take(payload.JSON()); err != nil {
			return fail("deferred payload", "%v\n%s", err, p)
		}
	}
	var want any
	if err := testgraph.Decode(whole, &want); err != nil {
		return fail("whole", "%v", err)
	}
	sortSchema(want)
	sortSchema(client.Data)
	switch {
	case !client.Over:
		return fail("deferred end", "there is no last payload\n%s", p)
	case !client.Failed && !reflect.DeepEqual(client.Data, want), client.Failed && !testgraph.Within(client.Data, want):
		return fail("deferred data", "got\n%v\nwant\n%s\n%s", client.Data, whole, p)
	case client.Errors == 0 && errors > 0: // it may have more: it enters where a whole response need not
		return fail("deferred errors", "no error, want %d\n%s", errors, p)
	}
	return nil
}
