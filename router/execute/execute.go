// Package execute runs a plan: it sends a plan's requests to subgraphs as soon as what they wait for
// is there, reads the answers into one tree, and cuts the client's response from it.
//
// A plan is prepared once: every key gets a slot in the blocks of the tree (shape.go), answers are read
// straight into those slots (json.go), and a tree is a slice of small values that refer to the bytes of
// the answers (tree.go). One goroutine owns the tree of an execution; others only send. Subgraphs are
// reached through a Transport. It decides nothing about where a field comes from. Enter at New,
// Executor.Prepare and Executor.Execute.
package execute

import (
	"context"
	"hash/maphash"
	"net/http"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/supergraph"
)

// SubgraphRequest is one request to a subgraph.
type SubgraphRequest struct {
	Subgraph      string
	Query         string
	OperationName string
	Prefix        []byte      // of Query and OperationName, as Prefix makes it; nil lets the transport make it
	Variables     []byte      // a JSON object, nil for none
	Header        http.Header // shared with other requests: a transport that adds to it clones it
	IsMutation    bool
	Alone         bool // not to be answered together with an equal request that is under way already
}

// Prefix is the beginning of the JSON body of a request: all of it but the variables and the closing
// brace. The query of a plan's fetch never changes, so it is escaped once.
func Prefix(query, operationName string) []byte {
	b := appendMember([]byte{'{'}, "query", query)
	if operationName != "" {
		b = appendMember(b, "operationName", operationName)
	}
	return b
}

// Transport sends requests to subgraphs. Do returns the body of the GraphQL response, which nobody
// writes to afterwards; an error means that there is none. It must end when ctx does. What r refers to
// may be read even after that, and is not changed either.
type Transport interface {
	Do(ctx context.Context, r *SubgraphRequest) ([]byte, error)
}

// Options change what clients see of subgraphs, and bound what one operation may take.
type Options struct {
	// Errors are which errors of subgraphs clients get as they are.
	Errors ErrorRules
	// MaxRepresentations is how many entities a subgraph is asked for in one request; more go in
	// several at once. 0 is any number.
	MaxRepresentations int
	// MaxAnswerBytes is how large all answers to one operation may be together; what is kept of them
	// takes at most twice as much again. 0 is 128 MiB.
	MaxAnswerBytes int
	// MaxResponseBytes is how large the data of one response may be. 0 is 128 MiB.
	MaxResponseBytes int
	// MaxDeferred is how many deferred parts of objects a response may have: a @defer in a list has one
	// for each item. Beyond it the response is sent whole, or a part that leads to more fails. 0 is 10,000.
	MaxDeferred int
	// Cache answers what may be kept, of callers with a Scope. nil keeps nothing.
	Cache Cache
}

const defaultMaxBytes = 128 << 20

// Executor runs plans of one supergraph. It is safe for concurrent use.
type Executor struct {
	sg        *supergraph.Supergraph
	transport Transport
	opts      Options
	types     *types
	possible  map[string]*typeSet        // abstract type → object types
	hidden    map[string]*typeSet        // abstract type → object types that are @inaccessible
	enums     map[string]map[string]bool // enum → value → whether it is public
	leaves    map[string]leafKind
	seed      maphash.Seed
	runs      sync.Pool // *run
	buffers   sync.Pool // *buffer
}

// New returns an executor that reaches subgraphs through t.
func New(sg *supergraph.Supergraph, t Transport, opts Options) *Executor {
	if opts.MaxAnswerBytes <= 0 {
		opts.MaxAnswerBytes = defaultMaxBytes
	}
	if opts.MaxDeferred <= 0 {
		opts.MaxDeferred = 10_000
	}
	if opts.MaxResponseBytes <= 0 {
		opts.MaxResponseBytes = defaultMaxBytes
	}
	e := &Executor{
		sg: sg, transport: t, opts: opts, types: &types{names: []string{""}, ids: map[string]int32{}}, seed: maphash.MakeSeed(),
		possible: map[string]*typeSet{}, hidden: map[string]*typeSet{}, enums: map[string]map[string]bool{}, leaves: map[string]leafKind{},
	}
	for name := range sg.Full().Types {
		e.types.names = append(e.types.names, name)
	}
	slices.Sort(e.types.names)
	for i, name := range e.types.names[1:] {
		e.types.ids[name] = int32(i + 1)
	}
	for name, def := range sg.API().Types {
		switch def.Kind {
		case ast.Interface, ast.Union, ast.Object:
			if e.possible[name] = e.types.set(sg.Possible(name)); e.possible[name] == nil {
				e.possible[name] = &typeSet{}
			}
			e.hidden[name] = e.types.set(hiddenTypes(sg, name))
		case ast.Enum:
			set := map[string]bool{}
			for _, v := range sg.Full().Types[name].EnumValues {
				set[v.Name] = def.EnumValues.ForName(v.Name) != nil
			}
			e.enums[name] = set
			e.leaves[name] = leafEnum
		case ast.Scalar:
			e.leaves[name] = scalarKinds(name)
		}
	}
	e.runs.New = func() any { return e.newRun() }
	e.buffers.New = func() any { return &buffer{} }
	return e
}

// hiddenTypes lists the object types that are of a type and @inaccessible.
func hiddenTypes(sg *supergraph.Supergraph, name string) []string {
	var out []string
	public := sg.Possible(name)
	for _, def := range sg.Full().PossibleTypes[name] {
		if def != nil && def.Kind == ast.Object && !slices.Contains(public, def.Name) {
			out = append(out, def.Name)
		}
	}
	return out
}

// Execute runs a query's or a mutation's plan with coerced variables. hdr gives the headers to send
// to a subgraph; nil for none.
func (e *Executor) Execute(ctx context.Context, p *Prepared, vars map[string]any, hdr func(subgraph string) http.Header) *Response {
	if p.main == nil {
		return refusal("a subscription is not executed once")
	}
	r := e.begin(ctx, p, vars, hdr)
	r.scope = scopeOf(ctx)
	r.fetchAll(ctx, p.main)
	return r.finish(ctx)
}

// ExecuteLive answers one event of a @live subscription, or with initial the state before any event.
// root is what is known of the entity, by its field names, as JSON values.
func (e *Executor) ExecuteLive(ctx context.Context, p *Prepared, initial bool, root map[string]any, vars map[string]any, hdr func(string) http.Header) *Response {
	if p.event == nil {
		return refusal("this operation is not a live subscription")
	}
	r := e.begin(ctx, p, vars, hdr)
	prog, sel := p.event, p.heldEvent
	if initial {
		prog, sel = p.initial, p.heldInitial
	}
	if err := r.hold(root, sel); err != nil {
		return refusal("the event cannot be read: " + err.Error())
	}
	r.fetchAll(ctx, prog)
	return r.finish(ctx)
}

func refusal(message string) *Response {
	err := gqlerror.Errorf("%s", message)
	err.Extensions = map[string]any{"code": string(errs.BadInput)}
	return &Response{Errors: gqlerror.List{err}}
}

// run is one execution. The goroutine that began it owns all of it.
type run struct {
	tree
	reader  reader
	e       *Executor
	ctx     context.Context // of who waits for the response
	p       *Prepared
	vars    map[string]any
	hdr     func(string) http.Header
	root    uint32
	errors  gqlerror.List
	objects map[*gqlerror.Error]bool // errors that are of an object as a whole, not of one of its fields
	holds   []bool                   // by condition
	wire    [][]byte                 // variables as JSON, made when first used
	bytes   int                      // of all answers
	schema  map[*outputField]value   // what introspection answered
	scope   *Scope                   // nil: nothing that was kept is used
	fresh   freshness
	scratch scratch
}

func (e *Executor) newRun() *run {
	r := &run{e: e}
	r.tree.types = e.types
	r.tree.limit = min(2*e.opts.MaxAnswerBytes/valueBytes, 1<<31-1)
	r.reader.tree = &r.tree
	r.scratch.answers = make(chan answer, 8)
	return r
}

// begin takes a run from those kept.
func (e *Executor) begin(ctx context.Context, p *Prepared, vars map[string]any, hdr func(string) http.Header) *run {
	r := e.runs.Get().(*run)
	r.ctx, r.p, r.vars, r.hdr, r.unshared = ctx, p, vars, hdr, p.unshared
	for _, c := range p.conds {
		r.holds = append(r.holds, c.Holds(vars))
	}
	for range p.vars {
		r.wire = append(r.wire, nil)
	}
	r.root = r.block(p.root)
	return r
}

const (
	keptBytes  = 4 << 20 // what one run that is kept may hold on to, roughly
	keptBuffer = 1 << 20
)

// finish cuts the response and gives the run back, unless it grew too large to be kept.
func (r *run) finish(ctx context.Context) *Response {
	out := r.respond(ctx)
	r.release()
	return out
}

// release gives the run back.
func (r *run) release() {
	if cap(r.vals)*valueBytes+r.scratch.size() > keptBytes || cap(r.docs) > 1000 {
		return
	}
	clear(r.wire)
	r.tree.reset()
	r.scratch.reset()
	r.reader.Data, r.reader.last = nil, 0
	r.ctx, r.p, r.vars, r.hdr, r.errors, r.objects, r.bytes, r.schema = nil, nil, nil, nil, nil, nil, 0, nil
	r.scope, r.fresh = nil, freshness{}
	r.holds, r.wire = r.holds[:0], r.wire[:0]
	r.e.runs.Put(r)
}
