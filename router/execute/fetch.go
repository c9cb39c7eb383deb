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
			req, target := r.request(f)
			if req == nil {
				done(f)
				continue
			}
			flying++
			go func() { answers <- r.send(ctx, f, req, target) }()
		}
		if flying == 0 {
			return
		}
		a := <-answers
		flying--
		r.read(a)
		done(a.fetch)
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

// request builds what a fetch sends; nil when there is nothing to ask for.
func (r *run) request(f *plan.Fetch) (*SubgraphRequest, *targets) {
	if !f.Cond.Holds(r.vars) {
		return nil, nil
	}
	var vars strings.Builder
	target := &targets{objs: []*object{r.root}}
	vars.WriteByte('{')
	switch f.Kind {
	case plan.EntityFetch:
		target = &targets{}
		vars.WriteString(`"` + f.RepVariable + `":[`)
		r.represent(f, target, &vars)
		vars.WriteByte(']')
	case plan.NestedFetch:
		target = &targets{}
		r.walk(f.Path, r.root, func(o *object) { target.objs = append(target.objs, o) })
	}
	if len(target.objs) == 0 {
		return nil, nil
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
	return req, target
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
func (r *run) represent(f *plan.Fetch, target *targets, out *strings.Builder) {
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
			if at > 0 {
				out.WriteByte(',')
			}
			out.WriteString(b.String())
			target.types = append(target.types, rep.Type)
		}
		target.objs = append(target.objs, o)
		target.rep = append(target.rep, at)
		target.walk = append(target.walk, number)
	})
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
		if f.Typename {
			b.WriteString(`"__typename":"` + v.obj.typename() + `"`)
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
