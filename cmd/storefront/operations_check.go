package main

// What is said of operations before they are published: what is wrong with them, and what they cost.

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/internal/errs"
	"storefront/internal/jsonscan"
	"storefront/internal/operations"
	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/planner"
	"storefront/router/supergraph"
	"storefront/schema"
)

// weight is what an operation asks of the shop.
type weight struct {
	operations.Operation
	fields, depth int
	cost          int // at worst, where variables are not known as the schema assumes
	fetches       int // requests to subgraphs, deferred ones included
}

// checkOperations validates and plans each operation, and reports all that is wrong with any.
func checkOperations(file string, m operations.Manifest) ([]weight, error) {
	sg, err := supergraphOf(file)
	if err != nil {
		return nil, err
	}
	var wrong []string
	var weights []weight
	failed := 0
	for _, o := range m.Operations {
		w, mistakes := weigh(sg, o)
		weights = append(weights, w)
		if len(mistakes) > 0 {
			failed++
			for _, m := range mistakes {
				wrong = append(wrong, "  "+m)
			}
		}
	}
	if failed > 0 {
		return nil, errs.New(errs.BadInput, "%d of %d operations are not valid; nothing was published:\n%s", failed, len(m.Operations), strings.Join(wrong, "\n"))
	}
	return weights, nil
}

// supergraphOf reads a supergraph's file, "" for the built-in one.
func supergraphOf(file string) (*supergraph.Supergraph, error) {
	sdl := schema.Supergraph
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, errs.Wrap(errs.BadInput, err, "cannot read the supergraph")
		}
		sdl = string(b)
	}
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return nil, inFile(supergraphName(file), err)
	}
	return sg, nil
}

// checkVariables says what is wrong with an operation's variables, a JSON object.
func checkVariables(sg *supergraph.Supergraph, o operations.Operation, given string) error {
	value, err := (&jsonscan.Scanner{Data: []byte(given)}).Value(0)
	variables, ok := value.(map[string]any)
	if err != nil || !ok {
		return errs.New(errs.BadInput, "the variables %s are no JSON object", given)
	}
	op, list := operation.Prepare(sg, o.Body, o.Name, operation.DefaultLimits())
	if len(list) == 0 {
		_, list = op.Variables(variables)
	}
	if len(list) > 0 {
		return errs.New(errs.BadInput, "%s does not take these variables: %s", label(o), list[0].Message)
	}
	return nil
}

// weigh prepares and plans one operation. Each mistake names it, and the line and column in its text.
func weigh(sg *supergraph.Supergraph, o operations.Operation) (w weight, mistakes []string) {
	w.Operation = o
	who := label(o)
	op, list := operation.Prepare(sg, o.Body, o.Name, operation.DefaultLimits())
	for _, e := range list {
		place := ""
		if len(e.Locations) > 0 {
			place = fmt.Sprintf(" %d:%d", e.Locations[0].Line, e.Locations[0].Column)
		}
		mistakes = append(mistakes, who+place+": "+e.Message)
	}
	if len(list) > 0 {
		return w, mistakes
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		return w, []string{who + ": " + err.Error()}
	}
	w.Type = string(op.Kind)
	w.fields, w.depth = fieldsOf(op.Root)
	w.fetches = fetchesOf(p)
	w.cost, list = op.Cost(nil)
	for _, e := range list {
		mistakes = append(mistakes, who+": "+e.Message)
	}
	if limit := operation.DefaultLimits().MaxCost; w.cost > limit {
		mistakes = append(mistakes, fmt.Sprintf("%s: it costs up to %d, and %d is allowed; what costs most is %s", who, w.cost, limit, op.Costliest(nil)))
	}
	return w, mistakes
}

// fetchesOf counts the requests of a plan; of a subscription, those of one event.
func fetchesOf(p *plan.Plan) int {
	n := len(plan.Fetches(p.Root))
	for _, part := range p.Parts {
		n += len(plan.Fetches(part.Node))
	}
	if p.Live != nil {
		n += len(plan.Fetches(p.Live.Event))
	}
	if p.Subscribe != nil {
		n += len(plan.Fetches(p.Subscribe.Rest))
	}
	return n
}

func fieldsOf(s *operation.SelectionSet) (count, depth int) {
	if s == nil {
		return 0, 0
	}
	for _, f := range s.Fields {
		c, d := fieldsOf(f.Sel)
		count, depth = count+1+c, max(depth, d+1)
	}
	return count, depth
}

func printWeights(w io.Writer, weights []weight) {
	t := newTable(w, "OPERATION", "ID", "KIND", "FIELDS", "DEPTH", "FETCHES", "COST")
	for _, o := range weights {
		kind := o.Type
		if o.Type == string(ast.Subscription) {
			kind += ", each event"
		}
		t.row(o.Name, o.ID, kind, o.fields, o.depth, o.fetches, o.cost)
	}
	t.print()
}

// table prints rows in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, columns ...any) table {
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(columns...)
	return t
}

func (t table) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		if c == "" {
			c = "-"
		}
		fmt.Fprint(t.w, c)
	}
	fmt.Fprintln(t.w)
}

func (t table) print() { _ = t.w.Flush() }
