package execute

// kind of a value of the tree.
type kind uint8

const (
	missing kind = iota
	null
	boolean
	number
	text
	opaque // a list or an object where the plan reads a leaf: a custom scalar's, or a list of leaves
	list
	object
	header // the first value of an object's block
)

// value is a JSON value of the tree. It holds no pointer, so that the garbage collector never looks into
// a tree. A leaf is the bytes docs[doc][at:at+n], as they came; a list is vals[at:at+n]; an object is the
// block that begins at vals[at]: its header, in whose at is the object's type and in whose n the last
// walk that came by, and then one value for each slot of its shape.
type value struct {
	kind  kind
	loose bool // of an opaque value: there is white space in it
	doc   uint16
	at, n uint32
}

const (
	valueBytes = 12
	maxDocs    = 1<<16 - 1
)

// tree holds what one execution knows. Its slices are kept from one execution to the next.
type tree struct {
	vals  []value
	docs  [][]byte
	limit int // how many values there may be

	unshared bool // no object stands at two places

	types   *types
	strange []string // type names that the schema does not know

	walks uint32   // walks so far
	found []uint32 // what the last walk found
}

func (t *tree) reset() {
	t.vals, t.strange, t.found, t.walks = t.vals[:0], t.strange[:0], t.found[:0], 0
	clear(t.docs)
	t.docs = t.docs[:0]
}

// alloc makes room for n missing values. It invalidates pointers into vals, but no index.
func (t *tree) alloc(n int) uint32 {
	at := len(t.vals)
	if at+n <= cap(t.vals) {
		t.vals = t.vals[:at+n]
		clear(t.vals[at:])
	} else {
		t.vals = append(t.vals, make([]value, n)...)
	}
	return uint32(at)
}

// block makes an object with nothing in it.
func (t *tree) block(s *shape) uint32 {
	at := t.alloc(int(s.size))
	t.vals[at].kind = header
	return at
}

// raw returns a leaf's bytes.
func (t *tree) raw(v value) []byte { return t.docs[v.doc][v.at : v.at+v.n] }

// typeOf returns the type of an object, 0 when it is not known.
func (t *tree) typeOf(obj uint32) int32 { return int32(t.vals[obj].at) }

func (t *tree) typeName(typ int32) string {
	if known := int32(len(t.types.names)); typ >= known {
		return t.strange[typ-known]
	}
	return t.types.names[typ]
}

// intern returns the number of a type's name, which is decoded.
func (t *tree) intern(name []byte) int32 {
	if typ, ok := t.types.ids[string(name)]; ok {
		return typ
	}
	for i, s := range t.strange {
		if s == string(name) {
			return int32(len(t.types.names) + i)
		}
	}
	if len(t.strange) < maxErrors {
		t.strange = append(t.strange, string(name))
	}
	return int32(len(t.types.names) + len(t.strange) - 1)
}

// lay puts a value over the one at an index: objects slot by slot, lists item by item. sub is the shape
// of the objects in it, nil for leaves. A null never takes the place of something.
func (t *tree) lay(at uint32, v value, sub *shape) {
	old := t.vals[at]
	switch {
	case v.kind == missing || v.kind == null && old.kind != missing:
		return
	case sub == nil:
	case v.kind == object && old.kind == object:
		if old.at != v.at {
			t.layObject(old.at, v.at, sub)
		}
		return
	case v.kind == list && old.kind == list && old.n == v.n:
		if old.at != v.at {
			for i := range v.n {
				t.lay(old.at+i, t.vals[v.at+i], sub)
			}
		}
		return
	}
	if t.unshared {
		v = t.copied(v, sub)
	}
	t.vals[at] = v
}

func (t *tree) layObject(dst, src uint32, s *shape) {
	if typ := t.vals[src].at; typ != 0 {
		t.vals[dst].at = typ
	}
	for i := uint32(1); i < uint32(s.size); i++ {
		t.lay(dst+i, t.vals[src+i], s.subs[i])
	}
}

// take lays an object that was read in a shape of its own over one of the tree; into says which slot of
// the tree each of its slots goes to.
func (t *tree) take(dst, src uint32, s *shape, into []int32) {
	if typ := t.vals[src].at; typ != 0 {
		t.vals[dst].at = typ
	}
	for i := 1; i < len(into); i++ {
		t.lay(dst+uint32(into[i]), t.vals[src+uint32(i)], s.subs[i])
	}
}

// step is a step of a path: from an object to the objects in one of its slots.
type step struct {
	on   *typeSet // only from objects of these types; nil for all
	slot int32
	key  string
}

// walk finds the objects at a path, in order, and each once, however many places it stands at. What it
// returns is good until the next walk.
func (t *tree) walk(path []step, root uint32) []uint32 {
	t.walks++
	t.found = t.found[:0]
	t.walkObject(path, root)
	return t.found
}

func (t *tree) walkObject(path []step, obj uint32) {
	h := &t.vals[obj]
	if h.n == t.walks {
		return
	}
	h.n = t.walks
	if len(path) == 0 {
		t.found = append(t.found, obj)
		return
	}
	if on := path[0].on; on != nil && !on.has(int32(h.at)) {
		return
	}
	t.walkValue(path[1:], t.vals[obj+uint32(path[0].slot)])
}

func (t *tree) walkValue(rest []step, v value) {
	switch v.kind {
	case object:
		t.walkObject(rest, v.at)
	case list:
		for i := range v.n {
			t.walkValue(rest, t.vals[v.at+i])
		}
	}
}

// types numbers the types of a supergraph from 1; 0 is no type.
type types struct {
	names []string
	ids   map[string]int32
}

// typeSet is a set of types.
type typeSet struct {
	low  int32
	bits []uint64
}

func (s *typeSet) has(typ int32) bool {
	i := uint32(typ - s.low)
	return i>>6 < uint32(len(s.bits)) && s.bits[i>>6]&(1<<(i&63)) != 0
}

// set returns the set of the types with these names; nil for no names. What is no type is not in it.
func (t *types) set(names []string) *typeSet {
	if len(names) == 0 {
		return nil
	}
	low, high := int32(len(t.names)), int32(0)
	for _, name := range names {
		if id := t.ids[name]; id > 0 {
			low, high = min(low, id), max(high, id)
		}
	}
	s := &typeSet{low: low}
	if high >= low {
		s.bits = make([]uint64, (high-low)/64+1)
	}
	for _, name := range names {
		if id := t.ids[name]; id > 0 {
			s.bits[(id-low)/64] |= 1 << ((id - low) % 64)
		}
	}
	return s
}
