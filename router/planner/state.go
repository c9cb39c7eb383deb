package planner

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// heldData is the subgraph index of what the router itself holds (@live).
const heldData = -1

// group is a request in the making.
type group struct {
	id     int
	sub    int
	kind   plan.FetchKind
	stage  *stage
	pos    *pos // where its objects stand; nil for the root
	whole  bool // it enters objects of an interface under the interface's name
	root   *gnode
	after  []*group
	depth  int
	reps   []*rep
	used   int    // fields placed in it
	alias  *group // the group that took its place
	needed bool
	cond   operation.Cond // when it is needed
}

// rep is what the group sends for objects of one type.
type rep struct {
	typ       string
	fields    []plan.RepField
	satisfied []string // fields of the type for which the representation carries what they need
}

// gnode is a selection set of a group's operation.
type gnode struct {
	group   *group
	typ     string // its type in the subgraph; "" at the root of an _entities request
	named   bool   // its objects say their types even though the subgraph knows only one
	fields  []*gfield
	frags   []*gnode
	touched bool     // wanted even when it selects nothing
	demands []demand // why else it is wanted: to tell its objects' types
}

// gfield is a field of a group's operation.
type gfield struct {
	key     string
	name    string
	args    ast.ArgumentList
	argsKey string
	typ     *ast.Type // in the subgraph
	context []contextArg
	demands []demand
	node    *gnode // nil for leaves
}

// demand is why a field is read: for the client under a condition, or for another group.
type demand struct {
	cond operation.Cond
	by   *group // nil for the client
	need string // the field whose requirement it is; "" for the client and for a key
}

// pos is a position of the operation: the objects at a path.
type pos struct {
	typ      string
	abstract bool
	root     bool
	up       *pos // the position above; nil at the root
	path     []plan.PathElem
	declared []*operation.Field // what the client selects here
	accs     []*access
	slots    []*slot
	base     *pos     // for one object type of an abstract position
	variants []*pos   // of an abstract position
	keys     *keys    // on the base
	after    []*group // what root requests here must wait for
	near     []int    // see distances
	nearAt   int
}

// keys are the keys of the objects at a path, whatever position they are come to by: for all their types,
// or for one. What one position keeps under a key, another must not take for something else.
type keys struct {
	declared []*operation.Field // what the client selects here, on any type
	given    []naming           // to fields that the client does not select
	beneath  []*keys
	key      string // that leads here
}

type naming struct{ name, argsKey, key string }

// under are the keys beneath one.
func (k *keys) under(key string) *keys {
	for _, b := range k.beneath {
		if b.key == key {
			return b
		}
	}
	b := &keys{key: key}
	for _, f := range k.declared {
		if f.Key == key && f.Sel != nil {
			b.declared = append(b.declared, f.Sel.Fields...)
		}
	}
	k.beneath = append(k.beneath, b)
	return b
}

// internal is the key given to a field that the client does not select, "" for none.
func (k *keys) internal(name, argsKey string) string {
	for _, n := range k.given {
		if n.name == name && n.argsKey == argsKey {
			return n.key
		}
	}
	return ""
}

// slot is a key of the objects at a position, and the requests that fill it.
type slot struct {
	key    string
	placed []placement
	child  *pos
}

// first is the placement in the request that answers first, of those that ok allows.
func (s *slot) first(ok func(*access) bool) (out placement, found bool) {
	for _, pl := range s.placed {
		if ok(pl.acc) && (!found || pl.acc.group.depth < out.acc.group.depth) {
			out, found = pl, true
		}
	}
	return out, found
}

type placement struct {
	acc   *access
	field *gfield
}

// access is a request that has been brought to a position.
type access struct {
	group     *group
	node      *gnode
	lead      *gfield // that leads here in the request; nil where it enters
	up        *access // where the lead is read
	provides  supergraph.FieldSet
	satisfied []string
	contexts  []fieldContext
}

// fieldContext is what a field of the position takes from the objects above.
type fieldContext struct {
	name string // Type.field
	args []contextArg
}

// item is a field to place.
type item struct {
	field *operation.Field
	by    *group // for whom, nil for the client
	key   bool   // for a key that enters another request
	need  string // the field whose requirement or context it is, as Type.field
}

// with is another field that is wanted for the same reason.
func (it item) with(f *operation.Field) item {
	it.field = f
	return it
}

func (it item) demand() demand { return demand{cond: it.field.Cond, by: it.by, need: it.need} }

type opening struct {
	pos      *pos
	sub      int
	requires string
}

// deadEnd is a hop that is not possible with the accesses that are there.
type deadEnd struct {
	opening
	state   int
	stage   *stage
	lenient bool
}

func clientItems(fields []*operation.Field) []item {
	out := make([]item, len(fields))
	for i, f := range fields {
		out[i] = item{field: f}
	}
	return out
}

func (p *planner) undo(mark int) {
	for i := len(p.trail) - 1; i >= mark; i-- {
		p.trail[i]()
	}
	p.trail = p.trail[:mark]
}

func (p *planner) did(undo func()) { p.trail = append(p.trail, undo) }

// frag returns the selection for objects of one type within n.
func (p *planner) frag(n *gnode, typ string) *gnode {
	if n.typ == typ {
		return n
	}
	for _, f := range n.frags {
		if f.typ == typ {
			return f
		}
	}
	f := &gnode{group: n.group, typ: typ}
	n.frags = append(n.frags, f)
	p.did(func() { n.frags = n.frags[:len(n.frags)-1] })
	return f
}

func (p *planner) touch(n *gnode) {
	if n.touched {
		return
	}
	n.touched = true
	n.group.used++
	p.did(func() { n.touched = false; n.group.used-- })
}

func (p *planner) want(n *gnode, d demand) {
	n.demands = append(n.demands, d)
	n.group.used++
	p.did(func() { n.demands = n.demands[:len(n.demands)-1]; n.group.used-- })
}

func (p *planner) addAccess(ps *pos, a *access) {
	ps.accs = append(ps.accs, a)
	old := p.state
	p.states++
	p.state = p.states
	p.did(func() { ps.accs = ps.accs[:len(ps.accs)-1]; p.state = old })
}

func (ps *pos) owner() *pos {
	if ps.base != nil {
		return ps.base
	}
	return ps
}

// variant returns the position narrowed to one object type.
func (p *planner) variant(ps *pos, typ string) *pos {
	for _, v := range ps.variants {
		if v.typ == typ {
			return v
		}
	}
	v := &pos{typ: typ, up: ps.up, path: ps.path, base: ps}
	ps.variants = append(ps.variants, v)
	p.did(func() { ps.variants = ps.variants[:len(ps.variants)-1] })
	return v
}

// slotFor returns the slot of a key at this very position, made when missing.
func (p *planner) slotFor(ps *pos, key string) *slot {
	if s := ps.slot(key); s != nil {
		return s
	}
	s := &slot{key: key}
	ps.slots = append(ps.slots, s)
	p.did(func() { ps.slots = ps.slots[:len(ps.slots)-1] })
	return s
}

func (ps *pos) slot(key string) *slot {
	for _, s := range ps.slots {
		if s.key == key {
			return s
		}
	}
	return nil
}

// applies reports whether a client's field at the position is read for every object that ps stands
// for.
func (ps *pos) applies(f *operation.Field) bool {
	if ps.base != nil {
		return f.On == nil || slices.Contains(f.On, ps.typ)
	}
	return f.On == nil || ps.slot(f.Key) != nil
}

// keyOf gives the key under which a field is kept here: the client's, when the client selects the
// same field, else one that collides with none.
func (p *planner) keyOf(ps *pos, name, argsKey string) string {
	o := ps.owner()
	for _, f := range o.declared {
		if f.Name == name && f.ArgsKey == argsKey && ps.applies(f) {
			return f.Key
		}
	}
	if key := o.keys.internal(name, argsKey); key != "" {
		return key
	}
	key := name
	for i := 0; ; i++ {
		if i > 0 {
			key = "_" + name + "_" + itoa(i)
		}
		taken := slices.ContainsFunc(o.keys.declared, func(f *operation.Field) bool { return f.Key == key && (f.Name != name || f.ArgsKey != argsKey) }) ||
			slices.ContainsFunc(o.keys.given, func(n naming) bool { return n.key == key })
		if !taken {
			break
		}
	}
	o.keys.given = append(o.keys.given, naming{name, argsKey, key})
	p.did(func() { o.keys.given = o.keys.given[:len(o.keys.given)-1] })
	return key
}

// declaredAt returns what the client selects under a key of the position; where objects of several
// types are read as one, what it selects on any of them.
func (ps *pos) declaredAt(key string) []*operation.Field {
	var out []*operation.Field
	for _, f := range ps.owner().declared {
		if f.Key == key && f.Sel != nil && (ps.base == nil || ps.applies(f)) {
			out = append(out, f.Sel.Fields...)
		}
	}
	return out
}

func listDepth(t *ast.Type) int {
	n := 0
	for ; t.Elem != nil; t = t.Elem {
		n++
	}
	return n
}
