package execute

import "storefront/router/plan"

// What a fetch takes from the objects above those it is for (plan.Context). Objects with other values
// are asked for in requests of their own. In a plan with such a fetch no object stands at two places of
// the tree, since what it is depends on what is above it.

// contextVar is a variable whose value stands above a fetch's objects.
type contextVar struct {
	name    []byte // with quotes and colon
	sources []contextSource
}

type contextSource struct {
	level  int
	on     *typeSet
	fields []repField
}

// contexts compiles a fetch's contexts; shapes are those of the objects on its path.
func (c *compiler) contexts(f *plan.Fetch, shapes []*shape) []contextVar {
	var out []contextVar
	for _, ctx := range f.Contexts {
		c.out.unshared = true
		v := contextVar{name: []byte(quoted(ctx.Name) + ":")}
		for _, s := range ctx.Sources {
			v.sources = append(v.sources, contextSource{s.Level, c.types.set(s.On), c.repFields(s.Fields, shapes[s.Level])})
		}
		out = append(out, v)
	}
	return out
}

// surroundings are objects with the same values above them.
type surroundings struct {
	variables []byte // the values, as members of a JSON object
	objs      []uint32
}

// around groups the objects of a fetch by what it takes from above them, in the order of the first of
// each group. Objects for which a value is not known are left out.
func (r *run) around(f *fetch) []surroundings {
	w := &ascent{run: r, fetch: f, above: make([]uint32, len(f.path)+1), index: map[string]int{}}
	w.visit(0, value{kind: object, at: r.root})
	return w.groups
}

type ascent struct {
	*run
	fetch  *fetch
	above  []uint32 // by level
	buf    []byte
	index  map[string]int
	groups []surroundings
}

func (w *ascent) visit(level int, v value) {
	switch v.kind {
	case list:
		for i := range v.n {
			w.visit(level, w.vals[v.at+i])
		}
	case object:
		w.above[level] = v.at
		if level == len(w.fetch.path) {
			w.add(v.at)
			return
		}
		if s := w.fetch.path[level]; s.on == nil || s.on.has(w.typeOf(v.at)) {
			w.visit(level+1, w.vals[v.at+uint32(s.slot)])
		}
	}
}

func (w *ascent) add(obj uint32) {
	w.buf = w.buf[:0]
	for i := range w.fetch.contexts {
		c := &w.fetch.contexts[i]
		w.buf = append(append(w.buf, ','), c.name...)
		if !w.value(c) {
			return
		}
	}
	at, ok := w.index[string(w.buf)]
	if !ok {
		at = len(w.groups)
		w.index[string(w.buf)] = at
		w.groups = append(w.groups, surroundings{variables: append([]byte(nil), w.buf...)})
	}
	w.groups[at].objs = append(w.groups[at].objs, obj)
}

// value writes a context's value for the objects above; false when it is not known.
func (w *ascent) value(c *contextVar) bool {
	for i := range c.sources {
		s := &c.sources[i]
		if obj := w.above[s.level]; s.on == nil || s.on.has(w.typeOf(obj)) {
			return w.leaf(s.fields, obj)
		}
	}
	w.buf = append(w.buf, "null"...)
	return true
}

// leaf follows the first field that applies, down to leaves.
func (w *ascent) leaf(fields []repField, obj uint32) bool {
	for i := range fields {
		f := &fields[i]
		if typ := w.typeOf(obj); f.on != nil && !f.on.has(typ) || f.except != nil && f.except.has(typ) {
			continue
		}
		return w.reached(f, w.vals[obj+uint32(f.slot)])
	}
	w.buf = append(w.buf, "null"...)
	return true
}

// reached writes what stands in a field on the way to a leaf; lists on the way make the leaves a list.
func (w *ascent) reached(f *repField, v value) bool {
	switch v.kind {
	case missing:
		return false
	case object:
		return w.leaf(f.sub, v.at)
	case list:
		w.buf = append(w.buf, '[')
		for i := range v.n {
			if i > 0 {
				w.buf = append(w.buf, ',')
			}
			if !w.reached(f, w.vals[v.at+i]) {
				return false
			}
		}
		w.buf = append(w.buf, ']')
	case null:
		w.buf = append(w.buf, "null"...)
	default:
		w.buf = append(w.buf, w.raw(v)...)
	}
	return true
}

// copied is a value with objects and lists of its own, nothing when the tree is full; sub is the shape
// of the objects in it.
func (t *tree) copied(v value, sub *shape) value {
	switch {
	case len(t.vals) > t.limit:
		return value{}
	case sub == nil || v.kind != object && v.kind != list:
		return v
	case v.kind == list:
		at := t.alloc(int(v.n))
		for i := range v.n {
			item := t.copied(t.vals[v.at+i], sub)
			t.vals[at+i] = item
		}
		return value{kind: list, at: at, n: v.n}
	}
	at := t.block(sub)
	t.vals[at].at = t.vals[v.at].at
	for i := uint32(1); i < uint32(sub.size); i++ {
		item := t.copied(t.vals[v.at+i], sub.subs[i])
		t.vals[at+i] = item
	}
	return value{kind: object, at: at}
}
