package check

// An operation run for a caller with some rights, and what is held of the answer.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/internal/property/query"
	"storefront/router/operation"
	"storefront/router/planner"
)

// guarded runs an operation for a caller with some rights: the answer is that of a plain server which
// refuses each field when it comes to it, and no subgraph is asked for anything the caller may not see.
func (h *House) guarded(q query.Query) *Failure {
	g := h.guards
	rights := rightsOf(q.Labels)
	see := seen{h, g.rules, rights}
	fail := func(kind, format string, args ...any) *Failure {
		var rules []string
		for at, r := range g.rules {
			rules = append(rules, at+r.text())
		}
		slices.Sort(rules)
		return &Failure{kind, fmt.Sprintf("%s\nrights %+v, rules\n%s\n%s", fmt.Sprintf(format, args...), rights, strings.Join(rules, "\n"), q.Text)}
	}
	op, errs := operation.Prepare(g.supergraph, q.Text, "", operation.DefaultLimits())
	if errs != nil {
		return fail("guarded refused", "%v", errs)
	}
	restricted := op
	if len(op.Access()) > 0 {
		restricted = op.Restrict(op.Granted(rights), operation.Denial{})
	}
	if op.Kind == ast.Subscription && slices.ContainsFunc(restricted.Refusals(), func(r operation.Refusal) bool { return len(r.Path) == 1 }) {
		return nil // which is not begun
	}
	vars, errs := op.Variables(q.Variables)
	if errs != nil {
		return fail("guarded refused", "%v", errs)
	}
	sg := g.supergraph.With(q.On(g.supergraph.Labels()))
	p, err := planner.Plan(sg, restricted)
	if err != nil {
		if _, unguarded := planner.Plan(sg, op); unguarded != nil {
			return nil // the whole operation has no plan either
		}
		return fail("no guarded plan", "%v", err)
	}
	expected := h.whole.With(see.guard()).Answer(q.Text, q.Variables)
	var want struct {
		Data   json.RawMessage
		Errors []problem
	}
	if err := json.Unmarshal(expected, &want); err != nil {
		return fail("guarded whole", "%v in %s", err, expected)
	}
	*h.log = calls{}
	g.asked = nil
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	r := answer(ctx, g.executor, p, vars)
	if len(h.log.wrong) > 0 {
		return fail("guarded wrong request", "%s", strings.Join(h.log.wrong, "\n"))
	}
	if what := h.asks(g, see); what != "" {
		return fail("asked for what is refused", "%s\n%s", what, p)
	}
	conditional := strings.Contains(q.Text, "(if: $") // then a field that is left out may refuse another with its key
	if strings.Contains(q.Text, "__schema") || strings.Contains(q.Text, "__type(") {
		want.Data, r.Data = sortedSchema(want.Data), sortedSchema(r.Data)
	}
	if !bytes.Equal(want.Data, r.Data) && !(conditional && within(r.Data, want.Data)) {
		return fail("guarded data", "got\n%s\nwant\n%s\nerrors %v\n%s", r.Data, want.Data, r.Errors, p)
	}
	if diff := compareErrors(want.Data, want.Errors, r.Errors); diff != "" && !conditional {
		return fail("guarded errors", "%s\ngot  %v\nwant %v\ndata %s\n%s", diff, r.Errors, want.Errors, want.Data, p)
	}
	if h.Defer && op.Kind != ast.Subscription {
		return h.deferred(g.executor, sg, func(op *operation.Operation) *operation.Operation {
			if len(op.Access()) == 0 {
				return op
			}
			return op.Restrict(op.Granted(rights), operation.Denial{})
		}, q, r.Data, len(r.Errors))
	}
	return nil
}

// within reports whether data is another's, with more nulls.
func within(data, whole []byte) bool {
	var a, b any
	return json.Unmarshal(data, &a) == nil && json.Unmarshal(whole, &b) == nil && fewer(a, b)
}

func fewer(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, v := range a {
			if w, ok := b[key]; !ok || !fewer(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i, v := range a {
			if !fewer(v, b[i]) {
				return false
			}
		}
		return true
	}
	return a == b
}

// asks finds a field that a request asks a subgraph for, on objects of which the caller may not see it.
// Fields that subgraphs are sent are left out.
func (h *House) asks(g *guarded, see seen) string {
	for _, r := range g.asked {
		schema, doc, err := h.subs[r.Subgraph].Parsed(r.Query)
		if err != nil {
			return err.Error()
		}
		var found string
		var walk func(set ast.SelectionSet, types []string)
		narrowed := func(cond string, types []string) (out []string) {
			for _, t := range types {
				if slices.Contains(objectsOf(schema, cond), t) {
					out = append(out, t)
				}
			}
			return out
		}
		walk = func(set ast.SelectionSet, types []string) {
			for _, sel := range set {
				switch sel := sel.(type) {
				case *ast.InlineFragment:
					if sel.TypeCondition == "" {
						walk(sel.SelectionSet, types)
					} else {
						walk(sel.SelectionSet, narrowed(sel.TypeCondition, types))
					}
				case *ast.Field:
					if strings.HasPrefix(sel.Name, "_") {
						walk(sel.SelectionSet, objectsOf(schema, sel.Definition.Type.Name()))
						continue
					}
					for _, t := range types {
						if see.refusesAll(t, sel.Name) && !g.inputs[sel.Name] {
							found = t + "." + sel.Name + " is asked of " + r.Subgraph + ": " + r.Query
						}
					}
					if sel.SelectionSet != nil {
						walk(sel.SelectionSet, objectsOf(schema, sel.Definition.Type.Name()))
					}
				}
			}
		}
		op := doc.Operations[0]
		root := schema.Query
		switch op.Operation {
		case ast.Mutation:
			root = schema.Mutation
		case ast.Subscription:
			root = schema.Subscription
		}
		if walk(op.SelectionSet, []string{root.Name}); found != "" {
			return found
		}
	}
	return ""
}

func objectsOf(schema *ast.Schema, name string) (out []string) {
	def := schema.Types[name]
	if def == nil {
		return nil
	}
	if def.Kind == ast.Object {
		return []string{name}
	}
	for _, d := range schema.GetPossibleTypes(def) {
		if d.Kind == ast.Object {
			out = append(out, d.Name)
		}
	}
	return out
}
