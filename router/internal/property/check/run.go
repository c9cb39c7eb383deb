package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/execute"
	"storefront/router/internal/property/query"
	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
)

// hang is how long an execution over subgraphs in the same process may take.
const hang = 20 * time.Second

// Outcome is what one operation gave.
type Outcome struct {
	Invalid  bool // the generator made something that is no valid operation
	Fetches  int
	Errors   int
	Failure  *Failure
	Expected []byte // the whole's response
	Plan     string
}

// Run answers an operation both ways and compares.
func (h *House) Run(q query.Query) (out Outcome) {
	defer func() {
		if r := recover(); r != nil {
			out.Failure = &Failure{"panic", fmt.Sprint(r)}
		}
	}()
	fail := func(kind, format string, args ...any) Outcome {
		out.Failure = &Failure{kind, fmt.Sprintf(format, args...)}
		return out
	}
	out.Expected = h.whole.Answer(q.Text, q.Variables)
	for _, word := range []string{"parse: ", "validate: ", "variables: "} {
		if bytes.HasPrefix(out.Expected, []byte(`{"errors":[{"message":"`+word)) {
			out.Invalid = true
			return out
		}
	}
	op, errs := operation.Prepare(h.Supergraph, q.Text, "", operation.DefaultLimits())
	if errs != nil {
		return fail("refused", "a valid operation is refused: %v", errs)
	}
	vars, errs := op.Variables(q.Variables)
	if errs != nil {
		return fail("refused", "valid variables are refused: %v", errs)
	}
	sg := h.with(q)
	p, err := planner.Plan(sg, op)
	if err != nil {
		return fail("no plan", "%v", err)
	}
	out.Plan = p.String()
	if again, err := planner.Plan(sg, op); err != nil || again.String() != out.Plan {
		return fail("two plans", "%s\n%v %s", out.Plan, err, again)
	}
	fetches := plan.Fetches(p.Root)
	if s := p.Subscribe; s != nil {
		fetches = append([]*plan.Fetch{s.Primary}, plan.Fetches(s.Rest)...)
	}
	out.Fetches = len(fetches)
	for _, f := range fetches {
		if err := h.subs[f.Subgraph].Validate(f.Operation); err != nil {
			return fail("invalid request", "%s: %v", f.Subgraph, err)
		}
	}
	if useless := uselessFetches(p); len(useless) > 0 {
		return fail("useless fetch", "%v in %s", useless, out.Plan)
	}
	*h.log = calls{}
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	if h.kept != nil {
		ctx = execute.WithScope(ctx, execute.Scope{})
		if op.Kind == "query" { // the second time with what the first has left
			h.executor.Execute(ctx, h.executor.Prepare(p), vars, func(string) http.Header { return nil })
		}
	}
	r := answer(ctx, h.executor, p, vars)
	if len(h.log.wrong) > 0 {
		return fail("wrong request", "%s", strings.Join(h.log.wrong, "\n"))
	}
	var want struct {
		Data   json.RawMessage
		Errors []problem
	}
	if err := json.Unmarshal(out.Expected, &want); err != nil {
		return fail("whole", "%v in %s", err, out.Expected)
	}
	out.Errors = len(want.Errors)
	if strings.Contains(q.Text, "__schema") || strings.Contains(q.Text, "__type(") {
		want.Data, r.Data = sortedSchema(want.Data), sortedSchema(r.Data)
	}
	if !bytes.Equal(want.Data, r.Data) && !(strings.Contains(q.Text, "(if: $") && equalUnordered(want.Data, r.Data)) {
		return fail("data", "got\n%s\nwant\n%s\nerrors %v", r.Data, want.Data, r.Errors)
	}
	if diff := compareErrors(want.Data, want.Errors, r.Errors); diff != "" {
		return fail("errors", "%s\ngot  %v\nwant %v\ndata %s", diff, r.Errors, want.Errors, want.Data)
	}
	if string(op.Kind) == "mutation" && !strings.Contains(q.Text, "(if: $") && !inOrder(h.log.mutated, topKeys(out.Expected)) {
		return fail("mutation order", "got %v, want %v", h.log.mutated, topKeys(out.Expected))
	}
	if h.Defer && op.Kind != ast.Subscription {
		out.Failure = h.deferred(h.executor, sg, nil, q, want.Data, len(want.Errors))
	}
	if out.Failure == nil {
		out.Failure = h.guarded(q)
	}
	return out
}

// answer runs an operation; of a subscription, what its subgraph sends first.
func answer(ctx context.Context, ex *execute.Executor, p *plan.Plan, vars map[string]any) *execute.Response {
	none := func(string) http.Header { return nil }
	prepared := ex.Prepare(p)
	if !prepared.Fed() {
		return ex.Execute(ctx, prepared, vars, none)
	}
	var sent []byte
	stream, err := ex.Subscribe(ctx, prepared, vars, none)
	if err == nil {
		sent, err = stream.Next()
	}
	if err != nil {
		return &execute.Response{Errors: gqlerror.List{gqlerror.Wrap(err)}}
	}
	return ex.ExecuteFed(ctx, prepared, sent, vars, none)
}

// inOrder reports whether keys are in the order of the response's, which may have more.
func inOrder(keys, response []string) bool {
	at := 0
	for _, k := range keys {
		if k == "__typename" {
			continue
		}
		for at < len(response) && response[at] != k {
			at++
		}
		if at == len(response) && len(response) > 0 {
			return false
		}
	}
	return true
}

// equalUnordered compares without regard to the order of fields. Where @skip or @include stands on one of
// several fields with one key, the place of that key in the response would depend on variables; the router
// gives it its first place always.
func equalUnordered(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
