package gateway

import (
	"crypto/sha256"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/jsonscan"
	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

// prepared is an operation ready to run, shared by all requests that send the same document.
type prepared struct {
	edition              *edition
	query, operationName string
	labels               []string // of progressive overrides, those that are on

	op    *operation.Operation
	ready *execute.Prepared
	live  *liveOperation // of a subscription fed by events
	uses  atomic.Int64

	deferrals sync.Mutex
	byDefer   map[string]*prepared // the same operation with fragments deferred

	introspects bool            // it asks for the schema
	variables   map[string]bool // that the operation declares

	restrictions restrictions // the same operation for callers who may not see all of it

	importance Priority // as its root fields say, "" for nothing
	lanes      []*lane  // of the subgraphs it asks
	usualTimes          // guarded by the admission's lock

	variantOf *prepared // what it is restricted from; nil for the operation itself
	size      int       // weight of it and its variants; guarded by the cache's lock
	kept      bool      // in the cache; likewise

	describe sync.Once // what follows, for Usage
	fields   []string
	inputs   map[string]*ast.Type // variables of input objects and enums
	hash     string               // the beginning of its text's SHA-256
}

// maxDeferrals is how many combinations of @defer(if:) an operation is kept prepared for.
const maxDeferrals = 16

// job is one request for a prepared operation.
type job struct {
	*prepared
	vars map[string]any // coerced
	sent []byte         // as the client sent them, a JSON object

	price int // what it costs at worst; see charge

	place place // see ran and left

	stored string // the id it was sent by, "" for its text

	begin liveOptions // of a live subscription
}

// newJob coerces the variables of a request for p.
func (p *prepared) newJob(sent []byte) (*job, gqlerror.List) {
	limits := p.edition.limits
	if values, depth := weigh(sent); values > limits.MaxValues {
		return nil, gqlerror.List{problem(operation.CodeTooLarge, "the variables have more than %d values", limits.MaxValues)}
	} else if depth > limits.MaxValueDepth() {
		return nil, gqlerror.List{problem(operation.CodeTooLarge, "the variables are nested more than %d deep", limits.MaxValueDepth())}
	}
	given := map[string]any{}
	if len(sent) > 0 {
		err := members(sent, func(name, value []byte) (err error) {
			if p.variables[string(name)] {
				given[string(name)], err = (&jsonscan.Scanner{Data: value}).Value(1)
			}
			return err
		})
		if err != nil { // not after they were read with the request
			return nil, gqlerror.List{problem(codeBadInput, "the variables cannot be read")}
		}
	}
	vars, list := p.op.Variables(given)
	return &job{prepared: p, vars: vars, sent: sent}, withCode(list, codeBadInput)
}

func (p *prepared) subscription() bool { return p.op.Kind == ast.Subscription }

// prepare parses, validates and plans an operation for the labels that are on, or finds it done.
// Failures are not kept.
func (e *edition) prepare(query, operationName string, labels []string) (*prepared, *failure) {
	key := cacheKey{sha256.Sum256([]byte(query)), operationName, strings.Join(labels, " ")}
	if p, ok := e.cache.entries.Get(key); ok {
		p.uses.Add(1)
		return p, nil
	}
	type outcome struct {
		p *prepared
		f *failure
	}
	shared, _, _ := e.cache.group.Do(key.String(), func() (any, error) {
		p, f := e.prepareNow(query, operationName, labels)
		if f == nil {
			e.cache.add(key, p)
		}
		return outcome{p, f}, nil
	})
	out := shared.(outcome)
	return out.p, out.f
}

func (e *edition) prepareNow(query, operationName string, labels []string) (p *prepared, f *failure) {
	defer func() {
		if fault := recover(); fault != nil {
			e.log.Error("preparing an operation panicked", "panic", fault, "stack", string(debug.Stack()))
			p, f = nil, reject(http.StatusInternalServerError, problem(codeInternal, "this operation cannot be prepared"))
		}
	}()
	op, list := operation.Prepare(e.supergraph, query, operationName, e.limits)
	if len(list) > 0 {
		return nil, reject(http.StatusBadRequest, withCode(list, operation.CodeInvalid)...)
	}
	introspects := introspects(op.Root)
	if !e.introspection && introspects {
		return nil, reject(http.StatusBadRequest, problem(codeIntrospection, "Introspection is switched off here."))
	}
	p = &prepared{edition: e, query: query, operationName: operationName, labels: labels, op: op, introspects: introspects, variables: map[string]bool{}, size: weightOf(op.Root) + len(query)/textPerField}
	for _, v := range op.Def.VariableDefinitions {
		p.variables[v.Variable] = true
	}
	if f := e.plan(p); f != nil {
		return nil, f
	}
	return p, nil
}

// plan plans an operation for the labels that are on.
func (e *edition) plan(p *prepared) *failure {
	op, sg := p.op, e.supergraph.With(p.labels)
	planned, err := planner.Plan(sg, op)
	if err != nil {
		return e.unplannable(op, err)
	}
	p.ready = e.executor.Prepare(planned)
	p.importance, p.lanes = importanceOf(op, e.admission.cfg.Critical), e.admission.lanesOf(planned)
	if !p.subscription() {
		return nil
	}
	name, _, _ := op.RootField()
	field, ok := e.supergraph.Live(name)
	if !ok {
		return nil
	}
	p.live = &liveOperation{field: field, initial: p.ready}
	if versioned := e.withVersion(op, field); versioned != nil {
		if planned, err = planner.Plan(sg, versioned); err != nil {
			return e.unplannable(op, err)
		}
		p.live.initial = e.executor.Prepare(planned)
	}
	return nil
}

// deferred is the operation prepared to deliver later what variables let it defer; nil when that is
// nothing, or too much to plan.
func (p *prepared) deferred(vars map[string]any) (*prepared, *failure) {
	key := p.op.DeferKey(vars)
	if key == "" {
		return nil, nil
	}
	p.deferrals.Lock()
	defer p.deferrals.Unlock()
	if d := p.byDefer[key]; d != nil {
		return d, nil
	}
	op, list := p.op.Deferred(vars)
	if len(list) > 0 {
		return nil, reject(http.StatusBadRequest, withCode(list, operation.CodeInvalid)...)
	}
	planned, err := planner.Plan(p.edition.supergraph.With(p.labels), op)
	if err != nil { // it is answered whole, which is as correct
		p.edition.log.Warn("operation cannot be planned with fragments deferred", "operation", op.Name, "error", err)
		return nil, nil
	}
	d := &prepared{edition: p.edition, op: op, ready: p.edition.executor.Prepare(planned)}
	more := 1
	if p.byDefer == nil || len(p.byDefer) >= maxDeferrals {
		more -= len(p.byDefer)
		p.byDefer = map[string]*prepared{}
	}
	p.byDefer[key] = d
	p.edition.cache.grew(p, more)
	return d, nil
}

// unplannable is a failure of the router, not of the client: a valid operation has a plan.
func (e *edition) unplannable(op *operation.Operation, err error) *failure {
	e.log.Error("operation cannot be planned", "operation", op.Name, "error", err)
	return reject(http.StatusInternalServerError, problem(codeInternal, "this operation cannot be planned"))
}

// withVersion is op with the entity's version asked for beside the client's selection, nil when
// the entity has none that clients may see.
func (e *edition) withVersion(op *operation.Operation, live *supergraph.Live) *operation.Operation {
	if live.Version == "" || live.Key == viewerKey {
		return nil
	}
	t := e.supergraph.API().Types[live.TypeName]
	if t == nil || t.Fields.ForName(live.Version) == nil {
		return nil
	}
	version := &operation.Field{Key: versionAlias, Name: live.Version, Def: t.Fields.ForName(live.Version)}
	root := *op.Root
	root.Fields = slices.Clone(root.Fields)
	for i, f := range root.Fields {
		if strings.HasPrefix(f.Name, "__") || f.Sel == nil {
			continue
		}
		field, sel := *f, *f.Sel
		sel.Fields = append(slices.Clone(sel.Fields), version)
		field.Sel = &sel
		root.Fields[i] = &field
	}
	out := *op
	out.Root = &root
	return &out
}

// introspects reports whether a selection asks for the schema, which may be done wherever the query root stands.
// __typename is always allowed.
func introspects(set *operation.SelectionSet) bool {
	return slices.ContainsFunc(set.Fields, func(f *operation.Field) bool {
		return f.Name == "__schema" || f.Name == "__type" || f.Sel != nil && introspects(f.Sel)
	})
}
