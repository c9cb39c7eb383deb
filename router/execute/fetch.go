package execute

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"storefront/internal/errs"
	"storefront/router/plan"
)

// answer is what came back for one request.
type answer struct {
	fetch  *fetch
	target targets
	body   []byte
	left   time.Duration // how long it may be kept; 0 for not at all
	err    error
}

// outgoing is one request of a fetch, and the objects its answer goes into.
type outgoing struct {
	fetch  *fetch
	req    *SubgraphRequest
	target targets
	call   *Call // when a cache may answer
}

// span is a part of a slice.
type span struct{ lo, hi int }

// targets are the objects that an answer goes into: parts of the slices in scratch.
type targets struct {
	objs  span // objects, and beside each the numbers of its representation and its place
	types span // by representation: its type
}

// scratch is what one execution works with beside the tree.
type scratch struct {
	answers chan answer
	waiting []int32 // by fetch: how many it waits for
	parts   []int32 // by fetch: requests under way
	ready   []int32 // fetches that wait for nothing, in the order in which they came to
	list    []outgoing

	objs   []uint32
	reps   []int32 // beside objs: the number of its representation
	places []int32 // beside objs: which of the fetch's places it stands at
	types  []int32
	used   []uint64 // beside types: at which of the fetch's places it stands, as bits

	buf    []byte // representations being written
	spans  []span
	hashes []uint64
	table  []int32

	entities []uint32 // the objects of the answer being read, by representation and reading; 0 for none
	path     []pathStep
}

func (s *scratch) size() int {
	return 8*cap(s.used) + 4*(cap(s.objs)+cap(s.reps)+cap(s.places)+cap(s.types)+cap(s.table)+cap(s.entities)) + 16*cap(s.spans) + 8*cap(s.hashes) + cap(s.buf)
}

func (s *scratch) reset() {
	s.objs, s.reps, s.places, s.types, s.used = s.objs[:0], s.reps[:0], s.places[:0], s.types[:0], s.used[:0]
	clear(s.list[:cap(s.list)])
	clear(s.path[:cap(s.path)])
	s.list = s.list[:0]
}

func (s *scratch) targetObjs(t targets) []uint32  { return s.objs[t.objs.lo:t.objs.hi] }
func (s *scratch) targetReps(t targets) []int32   { return s.reps[t.objs.lo:t.objs.hi] }
func (s *scratch) targetPlaces(t targets) []int32 { return s.places[t.objs.lo:t.objs.hi] }
func (s *scratch) targetTypes(t targets) []int32  { return s.types[t.types.lo:t.types.hi] }
func (s *scratch) targetUsed(t targets) []uint64  { return s.used[t.types.lo:t.types.hi] }

// target notes an object that an answer goes into.
func (s *scratch) target(obj uint32, rep, place int32) {
	s.objs, s.reps, s.places = append(s.objs, obj), append(s.reps, rep), append(s.places, place)
}

// fetchAll runs a program's fetches, each as soon as those it waits for are done, and returns when all
// are. A request that flies alone is sent by this goroutine: a chain of fetches needs no other.
func (r *run) fetchAll(ctx context.Context, prog *program) {
	s := &r.scratch
	s.schedule(prog)
	flying, next := 0, 0
	for {
		var last outgoing
		for ; next < len(s.ready); next++ {
			i := s.ready[next]
			f := prog.fetches[i]
			s.list = s.list[:0]
			r.requests(f)
			if s.parts[i] = int32(len(s.list)); len(s.list) == 0 {
				r.done(f)
			}
			for _, q := range s.list {
				if last.req != nil {
					r.fly(ctx, last)
				}
				last = q
				flying++
			}
		}
		if flying == 0 {
			return
		}
		var a answer
		if last.req != nil && flying == 1 {
			a = r.send(ctx, last)
		} else {
			if last.req != nil {
				r.fly(ctx, last)
			}
			a = <-s.answers
		}
		flying--
		r.read(a)
		if s.parts[a.fetch.index]--; s.parts[a.fetch.index] == 0 {
			r.done(a.fetch)
		}
	}
}

// schedule makes those ready that wait for nothing.
func (s *scratch) schedule(prog *program) {
	s.waiting, s.parts = s.waiting[:0], s.parts[:0]
	for _, f := range prog.fetches {
		s.waiting, s.parts = append(s.waiting, f.waits), append(s.parts, 0)
	}
	s.ready = append(s.ready[:0], prog.first...)
}

// done makes those ready that waited for a fetch only.
func (r *run) done(f *fetch) {
	s := &r.scratch
	for _, n := range f.next {
		if s.waiting[n]--; s.waiting[n] == 0 {
			s.ready = append(s.ready, n)
		}
	}
}

func (r *run) fly(ctx context.Context, q outgoing) {
	go func() { r.scratch.answers <- r.send(ctx, q) }()
}

// send asks a subgraph. A fault of the transport's is that request's failure: it ends neither the
// process nor what other subgraphs answer.
func (r *run) send(ctx context.Context, q outgoing) (a answer) {
	a = answer{fetch: q.fetch, target: q.target}
	defer func() {
		if fault := recover(); fault != nil {
			a.body, a.err = nil, fmt.Errorf("ask subgraph %q: fault: %v", q.fetch.Subgraph, fault)
		}
	}()
	if a.err = ctx.Err(); a.err != nil {
		return a
	}
	if q.call != nil {
		a.body, a.left, a.err = r.e.opts.Cache.Answer(ctx, q.call, r.e.transport)
		return a
	}
	if k := q.fetch.keep; k != nil {
		var control string
		a.body, control, a.err = DoKept(ctx, r.e.transport, q.req)
		a.left = Lifetime(control, k.MaxAge, k.Private)
		return a
	}
	a.body, a.err = r.e.transport.Do(ctx, q.req)
	return a
}

// requests builds what a fetch sends: nothing when there is nothing to ask for, several requests when
// there are more representations than a subgraph takes at once.
func (r *run) requests(f *fetch) {
	s := &r.scratch
	if !r.holds[f.cond] {
		return
	}
	if r.bytes > r.e.opts.MaxAnswerBytes {
		r.failed(answer{fetch: f}, r.tooMuch(), string(errs.TooMany))
		return
	}
	switch f.Kind {
	case plan.EntityFetch:
		if len(f.contexts) == 0 {
			r.entities(f, nil, nil)
			return
		}
		for _, group := range r.around(f) {
			r.entities(f, group.objs, group.variables)
		}
	case plan.NestedFetch:
		lo := len(s.objs)
		for _, obj := range r.walk(f.path, r.root) {
			s.target(obj, 0, 0)
		}
		if len(s.objs) > lo {
			r.ask(f, nil, nil, targets{objs: span{lo, len(s.objs)}})
		}
	default:
		s.target(r.root, 0, 0)
		r.ask(f, nil, nil, targets{objs: span{len(s.objs) - 1, len(s.objs)}})
	}
}

// entities asks for the objects found, for nil for those at all places of the fetch, in as many requests as
// it takes; more are variables that all of them send.
func (r *run) entities(f *fetch, found []uint32, more []byte) {
	s := &r.scratch
	all, err := r.represent(f, found)
	if err != nil {
		r.failed(answer{fetch: f}, r.tooMuch(), string(errs.TooMany))
		return
	}
	n := all.types.hi - all.types.lo
	size := r.e.opts.MaxRepresentations
	if size <= 0 {
		size = max(n, 1)
	}
	for lo := 0; lo < n; lo += size {
		hi := min(lo+size, n)
		r.ask(f, s.spans[lo:hi], more, r.part(all, lo, hi))
	}
}

// ask lists a request to be sent.
func (r *run) ask(f *fetch, reps []span, more []byte, to targets) {
	q := outgoing{fetch: f, req: r.request(f, reps, more), target: to}
	if f.keep != nil && r.scope != nil && r.e.opts.Cache != nil {
		q.call = r.call(f, q.req, reps)
	}
	r.scratch.list = append(r.scratch.list, q)
}

// part is what the representations from lo to hi stand for.
func (r *run) part(t targets, lo, hi int) targets {
	if lo == 0 && hi == t.types.hi-t.types.lo {
		return t
	}
	s := &r.scratch
	start := len(s.objs)
	for i := t.objs.lo; i < t.objs.hi; i++ {
		if rep := int(s.reps[i]); rep >= lo && rep < hi {
			s.target(s.objs[i], int32(rep-lo), s.places[i])
		}
	}
	return targets{objs: span{start, len(s.objs)}, types: span{t.types.lo + lo, t.types.lo + hi}}
}

// request builds a request; more are variables of its own, as members that follow others.
func (r *run) request(f *fetch, reps []span, more []byte) *SubgraphRequest {
	req := &SubgraphRequest{
		Subgraph: f.Subgraph, Query: f.Operation, OperationName: f.OperationName, Prefix: f.head,
		IsMutation: f.OperationKind == "mutation",
		Alone:      r.p.main == nil, // what is read for a subscription is newer than its event, or than where it begins
	}
	if f.Kind == plan.EntityFetch || len(f.vars)+len(f.Computed) > 0 {
		req.Variables = r.variables(f, reps, more)
	}
	if r.hdr != nil {
		req.Header = r.hdr(f.Subgraph)
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	return req
}

// variables writes a request's variables; nil when none has a value.
func (r *run) variables(f *fetch, reps []span, more []byte) []byte {
	size := 64 + len(f.RepVariable) + len(more)
	for _, s := range reps {
		size += s.hi - s.lo + 1
	}
	for _, v := range f.vars {
		size += len(v.name) + len(r.variable(v.index)) + 1
	}
	out := append(make([]byte, 0, size), '{')
	if f.Kind == plan.EntityFetch {
		out = append(out, '"')
		out = append(out, f.RepVariable...)
		out = append(out, `":[`...)
		for i, s := range reps {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, r.scratch.buf[s.lo:s.hi]...)
		}
		out = append(out, ']')
	}
	for _, v := range f.vars {
		if data := r.variable(v.index); data != nil {
			out = append(append(comma(out), v.name...), data...)
		}
	}
	out = append(out, more...)
	for i, c := range f.Computed {
		out = append(append(append(comma(out), '"'), c.Name...), `":`...)
		if r.holds[f.when[i]] {
			out = append(out, "true"...)
		} else {
			out = append(out, "false"...)
		}
	}
	if len(out) == 1 {
		return nil
	}
	return append(out, '}')
}

func comma(b []byte) []byte {
	if b[len(b)-1] != '{' {
		return append(b, ',')
	}
	return b
}

// variable returns a client's variable as JSON, nil when it has no value.
func (r *run) variable(i int32) []byte {
	if r.wire[i] == nil {
		if v, ok := r.vars[r.p.vars[i]]; ok {
			r.wire[i] = wire(v)
		}
	}
	return r.wire[i]
}
