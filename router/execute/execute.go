// Package execute runs a plan: it sends a plan's requests to subgraphs as soon as what they wait for
// is there, reads the answers into one tree, and cuts the client's response from it.
//
// One goroutine owns the tree of a request; others only send and parse. Subgraphs are reached through
// a Transport. It decides nothing about where a field comes from. Enter at New and Executor.Execute.
package execute

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// SubgraphRequest is one request to a subgraph.
type SubgraphRequest struct {
	Subgraph      string
	Query         string
	OperationName string
	Prefix        []byte // of Query and OperationName, as Prefix makes it; nil lets the transport make it
	Variables     []byte // a JSON object, nil for none
	Header        http.Header
	IsMutation    bool
}

// Prefix is the beginning of the JSON body of a request: all of it but the variables and the closing
// brace. The query of a plan's fetch never changes, so it is escaped once.
func Prefix(query, operationName string) []byte {
	b := appendMember([]byte{'{'}, "query", query)
	if operationName != "" {
		b = appendMember(append(b, ','), "operationName", operationName)
	}
	return b
}

func appendMember(b []byte, name, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil { // cannot be: every string has a JSON form
		quoted = []byte(`""`)
	}
	b = append(append(b, '"'), name...)
	return append(append(b, `":`...), quoted...)
}

// Transport sends requests to subgraphs. Do returns the body of the GraphQL response; an error means
// that there is none. It must end when ctx does.
type Transport interface {
	Do(ctx context.Context, r *SubgraphRequest) ([]byte, error)
}

// Options change what clients see of subgraphs.
type Options struct {
	// SubgraphMessages passes the messages of subgraph errors on to clients. Their codes
	// (extensions.code) are always passed on.
	SubgraphMessages bool
	// MaxRepresentations is how many entities a subgraph is asked for in one request; more go in
	// several at once. 0 is any number.
	MaxRepresentations int
}

// Executor runs plans of one supergraph. It is safe for concurrent use.
type Executor struct {
	sg        *supergraph.Supergraph
	transport Transport
	opts      Options
	possible  map[string]map[string]bool // abstract type → object types
	enums     map[string]map[string]bool
	leaves    map[string]leafKind
}

// New returns an executor that reaches subgraphs through t.
func New(sg *supergraph.Supergraph, t Transport, opts Options) *Executor {
	e := &Executor{sg: sg, transport: t, opts: opts, possible: map[string]map[string]bool{}, enums: map[string]map[string]bool{}, leaves: map[string]leafKind{}}
	for name, def := range sg.API().Types {
		switch def.Kind {
		case ast.Interface, ast.Union, ast.Object:
			set := map[string]bool{}
			for _, t := range sg.Possible(name) {
				set[t] = true
			}
			e.possible[name] = set
		case ast.Enum:
			set := map[string]bool{}
			for _, v := range def.EnumValues {
				set[v.Name] = true
			}
			e.enums[name] = set
			e.leaves[name] = leafEnum
		case ast.Scalar:
			e.leaves[name] = scalarKinds(name)
		}
	}
	return e
}

// Execute runs a query's or a mutation's plan with coerced variables. hdr gives the headers to send
// to a subgraph; nil for none.
func (e *Executor) Execute(ctx context.Context, p *plan.Plan, vars map[string]any, hdr func(subgraph string) http.Header) *Response {
	if p.Live != nil || p.Subscribe != nil {
		return refusal("subscriptions that a subgraph feeds are not supported yet")
	}
	r := e.newRun(p, vars, hdr)
	r.introspect()
	r.fetchAll(ctx, plan.Fetches(p.Root))
	return r.respond(ctx)
}

// ExecuteLive answers one event of a @live subscription, or with initial the state before any event.
// root is what is known of the entity, by its field names, as JSON values.
func (e *Executor) ExecuteLive(ctx context.Context, p *plan.Plan, initial bool, root map[string]any, vars map[string]any, hdr func(string) http.Header) *Response {
	if p.Live == nil {
		return refusal("this operation is not a live subscription")
	}
	r := e.newRun(p, vars, hdr)
	held, err := hold(root)
	if err != nil {
		return refusal("the event cannot be read: " + err.Error())
	}
	node, sel := p.Live.Event, p.Live.EventHeld
	if initial {
		node, sel = p.Live.Initial, p.Live.InitialHeld
	}
	r.holdRoot(p, held, sel)
	r.fetchAll(ctx, plan.Fetches(node))
	return r.respond(ctx)
}

func refusal(message string) *Response {
	err := gqlerror.Errorf("%s", message)
	err.Extensions = map[string]any{"code": string(errs.BadInput)}
	return &Response{Errors: gqlerror.List{err}}
}

// run is one execution.
type run struct {
	e      *Executor
	plan   *plan.Plan
	vars   map[string]any
	hdr    func(string) http.Header
	root   *object
	errors gqlerror.List
	wire   map[string][]byte // variables as JSON, made when first used
}

func (e *Executor) newRun(p *plan.Plan, vars map[string]any, hdr func(string) http.Header) *run {
	return &run{e: e, plan: p, vars: vars, hdr: hdr, root: &object{}, wire: map[string][]byte{}}
}
