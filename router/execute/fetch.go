package execute

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"storefront/router/plan"
)

// answer is what came back for one fetch.
type answer struct {
	fetch  *plan.Fetch
	target *targets
	body   value
	err    error
}

// targets are the objects that a fetch's answer goes into.
type targets struct {
	objs  []*object // in the order of the walk; for entities, only those sent
	rep   []int     // by object: index of its representation
	types []string  // by representation: its type
	walk  []int     // by object: its number in the walk of the path
}

// fetchAll runs fetches, each as soon as those it waits for are done, and returns when all are.
func (r *run) fetchAll(ctx context.Context, fetches []*plan.Fetch) {
	waiting := map[int]int{}
	next := map[int][]*plan.Fetch{}
	for _, f := range fetches {
		for _, id := range f.After {
			waiting[f.ID]++
			next[id] = append(next[id], f)
		}
	}
	answers := make(chan answer)
	flying := 0
	parts := map[int]int{} // requests under way, by fetch
	var ready []*plan.Fetch
	for _, f := range fetches {
		if waiting[f.ID] == 0 {
			ready = append(ready, f)
		}
	}
	done := func(f *plan.Fetch) {
		for _, n := range next[f.ID] {
			if waiting[n.ID]--; waiting[n.ID] == 0 {
				ready = append(ready, n)
			}
		}
	}
	for {
		for len(ready) > 0 {
			f := ready[0]
			ready = ready[1:]
			requests := r.requests(f)
			if len(requests) == 0 {
				done(f)
			}
			flying += len(requests)
			parts[f.ID] = len(requests)
			for _, q := range requests {
				go func() { answers <- r.send(ctx, f, q.req, q.target) }()
			}
		}
		if flying == 0 {
			return
		}
		a := <-answers
		flying--
		r.read(a)
		if parts[a.fetch.ID]--; parts[a.fetch.ID] == 0 {
			done(a.fetch)
		}
	}
}

func (r *run) send(ctx context.Context, f *plan.Fetch, req *SubgraphRequest, target *targets) answer {
	a := answer{fetch: f, target: target}
	if a.err = ctx.Err(); a.err != nil {
		return a
	}
	body, err := r.e.transport.Do(ctx, req)
	if err != nil {
		a.err = err
		return a
	}
	a.body, a.err = parseJSON(body)
	return a
}

// outgoing is one request of a fetch, and the objects its answer goes into.
type outgoing struct {
	req    *SubgraphRequest
	target *targets
}

// requests builds what a fetch sends: nothing when there is nothing to ask for, several requests when
// there are more representations than a subgraph takes at once.
func (r *run) requests(f *plan.Fetch) []outgoing {
	if !f.Cond.Holds(r.vars) {
		return nil
	}
	switch f.Kind {
	case plan.EntityFetch:
		reps, target := r.represent(f)
		size := r.e.opts.MaxRepresentations
		if size <= 0 {
			size = len(reps)
		}
		var list []outgoing
		for lo := 0; lo < len(reps); lo += size {
			hi := min(lo+size, len(reps))
			list = append(list, outgoing{r.request(f, reps[lo:hi]), target.part(lo, hi)})
		}
		return list
	case plan.NestedFetch:
		target := &targets{}
		r.walk(f.Path, r.root, func(o *object) { target.objs = append(target.objs, o) })
		if len(target.objs) == 0 {
			return nil
		}
		return []outgoing{{r.request(f, nil), target}}
	}
	return []outgoing{{r.request(f, nil), &targets{objs: []*object{r.root}}}}
}

// part is what the representations from lo to hi stand for.
func (t *targets) part(lo, hi int) *targets {
	if lo == 0 && hi == len(t.types) {
		return t
	}
	p := &targets{types: t.types[lo:hi]}
	for i, rep := range t.rep {
		if rep >= lo && rep < hi {
			p.objs, p.rep, p.walk = append(p.objs, t.objs[i]), append(p.rep, rep-lo), append(p.walk, t.walk[i])
		}
	}
	return p
}

func (r *run) request(f *plan.Fetch, reps []string) *SubgraphRequest {
	var vars strings.Builder
	vars.WriteByte('{')
	if f.Kind == plan.EntityFetch {
		vars.WriteString(`"` + f.RepVariable + `":[`)
		for i, rep := range reps {
			if i > 0 {
				vars.WriteByte(',')
			}
			vars.WriteString(rep)
		}
		vars.WriteByte(']')
	}
	for _, name := range f.Variables {
		if data := r.variable(name); data != nil {
			comma(&vars)
			vars.WriteString(`"` + name + `":`)
			vars.Write(data)
		}
	}
	for _, c := range f.Computed {
		comma(&vars)
		vars.WriteString(`"` + c.Name + `":`)
		if c.If.Holds(r.vars) {
			vars.WriteString("true")
		} else {
			vars.WriteString("false")
		}
	}
	req := &SubgraphRequest{
		Subgraph: f.Subgraph, Query: f.Operation, OperationName: f.OperationName,
		IsMutation: f.OperationKind == "mutation",
	}
	if vars.Len() > 1 {
		vars.WriteByte('}')
		req.Variables = []byte(vars.String())
	}
	if r.hdr != nil {
		req.Header = r.hdr(f.Subgraph)
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	return req
}

func comma(b *strings.Builder) {
	if b.Len() > 1 {
		b.WriteByte(',')
	}
}

// variable returns a client's variable as JSON, nil when it has no value.
func (r *run) variable(name string) []byte {
	if data, ok := r.wire[name]; ok {
		return data
	}
	v, ok := r.vars[name]
	if !ok {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte("null")
	}
	r.wire[name] = data
	return data
}

// represent writes the representations of the objects at the fetch's path, equal ones once.
func (r *run) represent(f *plan.Fetch) (reps []string, target *targets) {
	target = &targets{}
	seen := map[string]int{}
	number := -1
	r.walk(f.Path, r.root, func(o *object) {
		number++
		rep := representation(f, o)
		if rep == nil {
			return
		}
		var b strings.Builder
		b.WriteString(`{"__typename":"` + rep.WireType + `"`)
		if !writeRep(&b, rep.Fields, o) {
			return
		}
		b.WriteByte('}')
		at, ok := seen[b.String()]
		if !ok {
			at = len(seen)
			seen[b.String()] = at
			reps = append(reps, b.String())
			target.types = append(target.types, rep.Type)
		}
		target.objs = append(target.objs, o)
		target.rep = append(target.rep, at)
		target.walk = append(target.walk, number)
	})
	return reps, target
}

func representation(f *plan.Fetch, o *object) *plan.Representation {
	if !f.Abstract {
		return &f.Requires[0]
	}
	typ := o.typename()
	for i := range f.Requires {
		if f.Requires[i].Type == typ {
			return &f.Requires[i]
		}
	}
	return nil
}

// writeRep writes fields of an object; false when one is not there, so that it cannot be sent.
func writeRep(b *strings.Builder, fields []plan.RepField, o *object) bool {
	for i := range fields {
		f := &fields[i]
		if len(f.On) > 0 && !contains(f.On, o.typename()) {
			continue
		}
		v := o.get(f.Key)
		if v.kind == missing {
			return false
		}
		if last := b.String(); last[len(last)-1] != '{' {
			b.WriteByte(',')
		}
		b.WriteString(`"` + f.Name + `":`)
		if !writeRepValue(b, f, v) {
			return false
		}
	}
	return true
}

func writeRepValue(b *strings.Builder, f *plan.RepField, v value) bool {
	switch {
	case v.kind == list:
		b.WriteByte('[')
		for i, item := range v.list {
			if i > 0 {
				b.WriteByte(',')
			}
			if !writeRepValue(b, f, item) {
				return false
			}
		}
		b.WriteByte(']')
	case v.kind == objects && len(f.Sub) > 0:
		b.WriteByte('{')
		if typ := v.obj.typename(); f.Typename && typ != "" {
			b.WriteString(`"__typename":"` + typ + `"`)
		}
		if !writeRep(b, f.Sub, v.obj) {
			return false
		}
		b.WriteByte('}')
	case v.kind == objects:
		writeRaw(b, v)
	default:
		b.Write(v.raw)
	}
	return true
}

// writeRaw writes a value of a custom scalar as it came.
func writeRaw(b interface {
	WriteByte(byte) error
	WriteString(string) (int, error)
	Write([]byte) (int, error)
}, v value) {
	switch v.kind {
	case missing:
		b.WriteString("null")
	case list:
		b.WriteByte('[')
		for i, item := range v.list {
			if i > 0 {
				b.WriteByte(',')
			}
			writeRaw(b, item)
		}
		b.WriteByte(']')
	case objects:
		b.WriteByte('{')
		for i, m := range v.obj.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			key, err := json.Marshal(m.key)
			if err != nil {
				key = []byte(`""`)
			}
			b.Write(key)
			b.WriteByte(':')
			writeRaw(b, m.val)
		}
		b.WriteByte('}')
	default:
		b.Write(v.raw)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// walk visits the objects at a path, in order.
func (r *run) walk(path []plan.PathElem, o *object, visit func(*object)) {
	if len(path) == 0 {
		visit(o)
		return
	}
	if len(path[0].On) > 0 && !contains(path[0].On, o.typename()) {
		return
	}
	r.walkValue(path[1:], o.get(path[0].Key), visit)
}

func (r *run) walkValue(rest []plan.PathElem, v value, visit func(*object)) {
	switch v.kind {
	case objects:
		r.walk(rest, v.obj, visit)
	case list:
		for _, item := range v.list {
			r.walkValue(rest, item, visit)
		}
	}
}
