// Package plan is a query plan as data: which requests go to which subgraphs, in which order, how
// their answers are read into one tree, and how the client's response is cut from that tree.
//
// It decides nothing (planner does) and sends nothing (execute does). Plan.String prints it in one
// deterministic form for tests and people.
package plan

import "github.com/vektah/gqlparser/v2/ast"

// Plan is how one operation is answered. It is immutable and safe for concurrent use.
type Plan struct {
	Kind      ast.Operation
	Name      string
	Root      Node       // nil when nothing is fetched
	Output    *Output    // the response's shape
	Live      *Live      // for a subscription that the router feeds itself
	Subscribe *Subscribe // for a subscription that a subgraph feeds

	Denial Denial // what clients are told of fields they may not see

	Usages []DeferUsage // the @defers of the operation, outer before inner
	Parts  []Part       // what is deferred: part 1 is Parts[0], and part 0 is what Root fetches
}

// Denial is the code and the message of an error; those of Apollo Router where there are none.
type Denial struct{ Code, Message string }

// DeferUsage is one @defer. Every object its fragment is spread on is told of, and completed, by itself.
type DeferUsage struct {
	Label  string // "" for none
	Parent int    // the @defer around it, by index; -1 for none
	Depth  int    // response keys from the root to the objects its fragment is spread on
	Cond   Cond   // when it is there at all; nil for always
}

// Part is what is delivered with a set of @defers, whichever is complete first. A @defer is complete
// when all parts it is in are fetched.
type Part struct {
	Usages []int // indices of Plan.Usages, sorted
	Node   Node  // nil when nothing is fetched for it alone
}

// Node is a Sequence, Parallel, Condition or Fetch.
type Node interface{ node() }

// Sequence runs its nodes one after another.
type Sequence struct{ Nodes []Node }

// Parallel runs its nodes at once.
type Parallel struct{ Nodes []Node }

// Condition runs its node when If holds.
type Condition struct {
	If   Cond
	Node Node
}

func (*Sequence) node()  {}
func (*Parallel) node()  {}
func (*Condition) node() {}
func (*Fetch) node()     {}

// Live is the plan of a subscription field marked @live. Its root value is a representation that the
// router holds; the nodes fetch the rest, and are nil when nothing is missing.
type Live struct {
	Field   string // the subscription field
	Key     string // its response key
	Initial Node   // when only the entity's key is known
	Event   Node   // when an event's fields are known as well

	InitialHeld *Selection // what is taken from what the router holds, for Initial
	EventHeld   *Selection // and for Event
}

// Subscribe is the plan of a subscription field that a subgraph feeds.
type Subscribe struct {
	Primary *Fetch // the subscription itself
	Rest    Node   // what is fetched after each event, nil for nothing
}

// FetchKind says how a fetch's operation relates to what is already there.
type FetchKind int

// The kinds of fetches.
const (
	RootFetch   FetchKind = iota // root fields, into the root
	EntityFetch                  // _entities for the objects at Path
	NestedFetch                  // root fields, into every object at Path (a Query within a response)
)

// Fetch is one request to one subgraph.
type Fetch struct {
	ID            int
	After         []int // fetches whose results it needs, sorted
	Subgraph      string
	Kind          FetchKind
	OperationKind ast.Operation
	OperationName string
	Operation     string     // text
	Variables     []string   // the client's variables it uses, in the order of their declaration
	Computed      []Computed // variables the router computes, from @skip and @include
	Path          []PathElem // where its objects stand; empty for the root
	Abstract      bool       // the objects at Path say their type in __typename
	Requires      []Representation
	RepVariable   string     // the name of the representations variable
	Contexts      []Context  // variables whose values stand above the objects
	Selection     *Selection // how the answer is read
	Cond          Cond       // nil for always
	Why           []Reason   // what its fields are for
	Part          int        // what waits for it: 0 for the whole response, else a deferred part

	// With are fetches of entities elsewhere that ask for exactly the same, and are answered by this
	// request: of theirs, only Path, Requires, Selection and Why count.
	With []*Fetch
}

// Places are the fetch itself and those it is joined with.
func (f *Fetch) Places() []*Fetch {
	if len(f.With) == 0 {
		return []*Fetch{f}
	}
	return append([]*Fetch{f}, f.With...)
}

// Context is a variable of an entity fetch whose value is read above each of its objects. Objects with
// different values cannot be asked for in one request.
type Context struct {
	Name    string
	Sources []ContextSource // the first that applies to an object gives its value; null when none does
}

// ContextSource is where a context's value stands, seen from the object at the first Level elements
// of the fetch's path.
type ContextSource struct {
	Level  int
	On     []string   // only for objects of these types; nil for all
	Fields []RepField // the first that applies leads to the value, a leaf
}

// Reason is for what, and for whom, a fetch reads fields.
type Reason struct {
	For    int      // the fetch that sends them in its representations; -1 for the client's response
	Need   string   // the field, as Type.field, that requires them there; "" for the key
	Fields []string // as paths of keys from the fetch's objects
}

// Computed is a boolean variable of a fetch that is true when If holds.
type Computed struct {
	Name string
	If   Cond
}

// PathElem is a step from an object to the objects under one of its keys.
type PathElem struct {
	On   []string // only from objects of these types; nil for all
	Key  string
	List int // list levels between Key and the objects
}

// Representation is what an entity of one type is sent as.
type Representation struct {
	Type     string // object type in the supergraph; "" for objects of any type
	WireType string // its __typename for the subgraph
	Cond     Cond   // when something is read of such entities; nil when whenever the fetch is sent
	Fields   []RepField
}

// RepField is a field of a representation.
type RepField struct {
	Name     string // as sent
	Key      string // where its value is kept
	On       []string
	Typename bool // objects under it are sent with their __typename
	Sub      []RepField
}

// Selection is how an object of a subgraph's answer is read.
type Selection struct {
	Fields []SelField
	Plain  bool // every alias is its key, all the way down
}

// SelField takes one field of an answer into the tree.
type SelField struct {
	Alias string // as in the answer
	Key   string // as in the tree
	On    []string
	Sub   *Selection
}

// Output is the shape of an object in the client's response.
type Output struct {
	Type     string // its type in the public schema
	Abstract bool   // an object says its type in __typename
	Untyped  bool   // it may leave its type unsaid where no field depends on it
	Fields   []OutputField

	Refused []string // object types the caller may not see: null and an error
}

// OutputField is one field of an Output.
type OutputField struct {
	Key    string
	Name   string
	Type   *ast.Type            // by the position's type
	ByType map[string]*ast.Type // where an object type's field is stricter
	On     []string             // object types it applies to, sorted; nil for all
	Cond   Cond                 // nil for always
	Args   ast.ArgumentList     // only for introspection fields
	Sub    *Output              // nil for leaves
	Part   int                  // what it is delivered with

	Refused bool // the caller may not see it: null and an error; no fetch reads it
}

// Cond is an or of ands of variables; nil always holds.
type Cond [][]Term

// Term holds when the variable's value is Want.
type Term struct {
	Var  string
	Want bool
}

// Holds reports whether c holds for the coerced variables.
func (c Cond) Holds(vars map[string]any) bool {
	if c == nil {
		return true
	}
	for _, all := range c {
		ok := true
		for _, t := range all {
			v, _ := vars[t.Var].(bool)
			ok = ok && v == t.Want
		}
		if ok {
			return true
		}
	}
	return false
}

// Fetches lists the fetches under a node, in the order of their ids.
func Fetches(n Node) []*Fetch {
	switch n := n.(type) {
	case *Fetch:
		return []*Fetch{n}
	case *Condition:
		return Fetches(n.Node)
	case *Sequence:
		return under(n.Nodes)
	case *Parallel:
		return under(n.Nodes)
	}
	return nil
}

func under(nodes []Node) []*Fetch {
	var out []*Fetch
	for _, n := range nodes {
		out = append(out, Fetches(n)...)
	}
	return out
}
