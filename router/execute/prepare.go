package execute

import (
	"encoding/json"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/plan"
)

// Prepared is a plan with all that can be known of its execution beforehand: where in the tree each key
// is kept, how answers are read, what is written around values. It belongs to the executor that made it,
// is immutable, and is safe for concurrent use.
type Prepared struct {
	plan  *plan.Plan
	root  *shape
	out   *output
	conds []plan.Cond // distinct ones; the first always holds
	vars  []string    // the client's variables that requests use

	main, initial, event *program
	feed                 *fetch // of a subscription that a subgraph feeds
	rest                 *program
	held                 int32      // the slot of a live subscription's field
	heldInitial          *selection // what is taken of what the router holds
	heldEvent            *selection
	heldType             int32

	keeps    bool // some answers may be kept
	unshared bool // no object of the tree may stand at two places: see context.go
}

// Plan returns the plan it was made of.
func (p *Prepared) Plan() *plan.Plan { return p.plan }

// program is a set of fetches that wait for each other.
type program struct {
	fetches []*fetch
	first   []int32 // those that wait for nothing
	parts   []int   // by part of the plan: how many there are
}

// fetch is a plan's fetch, compiled.
type fetch struct {
	*plan.Fetch
	index    int32 // in its program
	waits    int32
	next     []int32 // those that wait for it
	cond     int32
	path     []step
	reps     []representation
	contexts []contextVar
	head     []byte // the request's JSON up to its variables
	vars     []variable
	when     []int32 // of computed variables: their condition

	sel  *selection
	into []int32 // by slot of what is read: the slot in the tree

	keep   *Keep    // what may be kept of its answers; nil for nothing
	places []*fetch // itself and those that it is joined with
	apart  bool     // entities are read once for each place: there are objects in them, laid out as at that place
}

// variable is a client's variable that a request sends.
type variable struct {
	name  []byte // with quotes and colon
	index int32  // in Prepared.vars
}

// representation is how entities of one type are sent.
type representation struct {
	typ    int32
	cond   int32
	head   []byte // `{"__typename":"T"`
	fields []repField
}

type repField struct {
	on       *typeSet
	except   *typeSet
	name     []byte // with quotes and colon
	slot     int32
	typename bool
	sub      []repField
}

// output is the shape of an object in the response.
type output struct {
	typ      int32
	name     string
	possible *typeSet // of an abstract type: what its objects may be
	hidden   *typeSet // and what they may be that no client sees; nil for nothing
	refused  *typeSet // and what this caller may not see; nil for nothing
	untyped  bool     // an object need not say its type where nothing depends on it
	fields   []outputField
	parts    []int32 // the deferred parts that fields belong to
}

type outputField struct {
	*plan.OutputField
	first, other []byte // what is written before it: the key, and a comma
	on           *typeSet
	cond         int32
	slot         int32
	part         int32 // of the plan
	typename     bool
	fast         bool // a leaf that is no list
	typ          *outputType
	byType       map[int32]*outputType
	sub          *output
	schema       *selection // of __schema and __type: how introspection's answer is read
}

// outputType is a type with what a value of it must be.
type outputType struct {
	nonNull bool
	elem    *outputType
	name    string
	leaf    leafKind
	enum    map[string]bool // by value: whether it is public
}

// EventAnswers says that the events of a live subscription answer all of it, so that none is fetched for.
func (p *Prepared) EventAnswers() bool { return p.event != nil && len(p.event.fetches) == 0 }

// Prepare compiles a plan for execution. It is done once for an operation.
func (e *Executor) Prepare(p *plan.Plan) *Prepared {
	c := &compiler{
		Executor: e, out: &Prepared{plan: p, root: newShape(), conds: []plan.Cond{nil}},
		selections: map[selectionKey]*selection{}, outputs: map[string]*outputType{}, vars: map[string]int32{},
		condAt: map[string]int32{},
	}
	out := c.out
	switch {
	case p.Live != nil:
		out.held = out.root.slot(p.Live.Key)
		for i := range p.Output.Fields {
			if f := &p.Output.Fields[i]; f.Key == p.Live.Key && f.Sub != nil {
				at := out.root.sub(f.Key)
				out.heldType = e.types.ids[f.Sub.Type]
				out.heldInitial = c.selection([]*plan.Selection{p.Live.InitialHeld}, at, at)
				out.heldEvent = c.selection([]*plan.Selection{p.Live.EventHeld}, at, at)
			}
		}
		out.initial, out.event = c.program(p.Live.Initial), c.program(p.Live.Event)
	case p.Subscribe != nil:
		out.feed, out.rest = c.fetch(p.Subscribe.Primary), c.program(p.Subscribe.Rest)
	default:
		nodes := []plan.Node{p.Root}
		for _, part := range p.Parts {
			nodes = append(nodes, part.Node)
		}
		out.main = c.program(nodes...)
	}
	out.out = c.output(p.Output, out.root)
	return out
}

type compiler struct {
	*Executor
	out        *Prepared
	selections map[selectionKey]*selection
	outputs    map[string]*outputType
	vars       map[string]int32
	condAt     map[string]int32
}

// cond numbers a condition.
func (c *compiler) cond(cond plan.Cond) int32 {
	if cond == nil {
		return 0
	}
	key := cond.String()
	at, ok := c.condAt[key]
	if !ok {
		at = int32(len(c.out.conds))
		c.condAt[key] = at
		c.out.conds = append(c.out.conds, cond)
	}
	return at
}

func (c *compiler) program(nodes ...plan.Node) *program {
	out := &program{parts: make([]int, len(nodes))}
	at := map[int]int32{}
	for part, n := range nodes {
		for _, f := range plan.Fetches(n) {
			i := int32(len(out.fetches))
			at[f.ID] = i
			out.fetches = append(out.fetches, c.fetch(f))
			out.fetches[i].index = i
			if c.out.plan.Kind == ast.Query && c.sg.Caches() {
				out.fetches[i].keep = c.keep(f)
				c.out.keeps = c.out.keeps || out.fetches[i].keep != nil
			}
			out.parts[part]++
		}
	}
	for i, f := range out.fetches {
		for _, id := range f.After {
			if before, ok := at[id]; ok {
				f.waits++
				out.fetches[before].next = append(out.fetches[before].next, int32(i))
			}
		}
		if f.waits == 0 {
			out.first = append(out.first, int32(i))
		}
	}
	return out
}

func (c *compiler) fetch(f *plan.Fetch) *fetch {
	out := &fetch{Fetch: f, cond: c.cond(f.Cond), head: Prefix(f.Operation, f.OperationName)}
	at := c.out.root
	shapes := []*shape{at}
	for _, e := range f.Path {
		out.path = append(out.path, step{on: c.types.set(e.On), slot: at.slot(e.Key), key: e.Key})
		at = at.sub(e.Key)
		shapes = append(shapes, at)
	}
	out.contexts = c.contexts(f, shapes)
	for _, r := range f.Requires {
		out.reps = append(out.reps, representation{
			typ: c.types.ids[r.Type], cond: c.cond(r.Cond), head: []byte(`{"__typename":` + quoted(r.WireType)), fields: c.repFields(r.Fields, at),
		})
	}
	for _, name := range f.Variables {
		i, ok := c.vars[name]
		if !ok {
			i = int32(len(c.out.vars))
			c.vars[name] = i
			c.out.vars = append(c.out.vars, name)
		}
		out.vars = append(out.vars, variable{[]byte(quoted(name) + ":"), i})
	}
	for _, v := range f.Computed {
		out.when = append(out.when, c.cond(v.If))
	}
	if f.Selection != nil {
		out.sel, out.into = c.apart(f.Selection, at)
		out.apart = slices.ContainsFunc(f.Selection.Fields, func(f plan.SelField) bool { return f.Sub != nil })
	}
	out.places = []*fetch{out}
	for _, with := range f.With {
		out.places = append(out.places, c.fetch(with))
	}
	return out
}

// reading is the number of the reading of an answer's entities that a place takes.
func (f *fetch) reading(place int32) int {
	if f.apart {
		return int(place)
	}
	return 0
}

// readings is how often an answer's entities are read.
func (f *fetch) readings() int {
	if f.apart {
		return len(f.places)
	}
	return 1
}

// apart compiles a selection that is read beside the tree, and says which slot of the tree each of its
// slots belongs to.
func (c *compiler) apart(sel *plan.Selection, tree *shape) (*selection, []int32) {
	own := newShape()
	s := c.selection([]*plan.Selection{sel}, tree, own)
	into := make([]int32, own.size)
	for key, slot := range own.slots {
		into[slot] = tree.slot(key)
	}
	return s, into
}

func (c *compiler) output(o *plan.Output, at *shape) *output {
	out := &output{typ: c.types.ids[o.Type], name: o.Type, untyped: o.Untyped}
	if o.Abstract {
		if out.possible = c.possible[o.Type]; out.possible == nil {
			out.possible = &typeSet{}
		}
		out.hidden, out.refused = c.hidden[o.Type], c.types.set(o.Refused)
	}
	for i := range o.Fields {
		f := &o.Fields[i]
		of := outputField{
			OutputField: f, first: []byte(quoted(f.Key) + ":"), other: []byte("," + quoted(f.Key) + ":"),
			on: c.types.set(f.On), cond: c.cond(f.Cond), slot: at.slot(f.Key), part: int32(f.Part), typename: f.Name == "__typename", typ: c.outputType(f.Type),
		}
		if f.ByType != nil {
			of.byType = make(map[int32]*outputType, len(f.ByType))
			for name, t := range f.ByType {
				of.byType[c.types.ids[name]] = c.outputType(t)
			}
		}
		of.fast = f.Sub == nil && f.Type.Elem == nil && of.byType == nil && !f.Refused
		if f.Sub != nil {
			of.sub = c.output(f.Sub, at.sub(f.Key))
		}
		if f.Name == "__schema" || f.Name == "__type" {
			of.schema = c.selection([]*plan.Selection{selectionOf(f.Sub)}, at.sub(f.Key), at.sub(f.Key))
		}
		out.fields = append(out.fields, of)
		if f.Part != 0 && !slices.Contains(out.parts, of.part) {
			out.parts = append(out.parts, of.part)
		}
	}
	return out
}

func (c *compiler) outputType(t *ast.Type) *outputType {
	if t == nil {
		return nil
	}
	key := t.String()
	if out := c.outputs[key]; out != nil {
		return out
	}
	out := &outputType{nonNull: t.NonNull, name: t.NamedType}
	if t.Elem != nil {
		out.elem = c.outputType(t.Elem)
	} else {
		out.leaf, out.enum = c.leaves[t.NamedType], c.enums[t.NamedType]
	}
	c.outputs[key] = out
	return out
}

// selectionOf is what a subgraph would be asked for.
func selectionOf(o *plan.Output) *plan.Selection {
	if o == nil {
		return nil
	}
	sel := &plan.Selection{}
	for i := range o.Fields {
		if f := &o.Fields[i]; f.Name != "__typename" {
			sel.Fields = append(sel.Fields, plan.SelField{Alias: f.Key, Key: f.Key, Sub: selectionOf(f.Sub)})
		}
	}
	return sel
}

// wire is a variable's value as JSON.
func wire(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return data
}
