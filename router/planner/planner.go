// Package planner finds, for a normalized operation, the requests that answer it.
//
// The problem: every selected field must be read from some subgraph that resolves it, at an object
// that this subgraph has been brought to. A subgraph is brought to an object by resolving the field
// that leads there (staying in one request), or by a hop: an _entities request with a key of the
// object, whose fields must have been read before, perhaps by other hops.
//
//	Query ──products──▶ topProducts ──▶ upc, name        request 1: products
//	                        │ upc (key)
//	                        └──hop──▶ reviews ──▶ body    request 2: reviews, after 1
//
// Cost: the number of rounds (longest chain of requests) first, then the number of requests, then
// the fields read.
//
// The search: positions of the operation are walked from the root down. At each, what present
// requests can read is read there; fields that only one subgraph resolves force their hop; then, for
// the rest, the most useful hops are tried (with everything beneath them, changes undone) and the
// cheapest is kept. A field of a composite type may be read through several requests at once; what
// stays empty is dropped. When nothing under a field leads to a selected field, the level above
// brings in another request. Tries are bounded by a budget and by their nesting; beyond it the most
// useful hop is taken untried, which is as correct and perhaps not as cheap. The search for a key goes
// by how many hops away a subgraph is (distance.go), so that it never wanders.
//
// Where an interface is an @interfaceObject, its objects are read without knowing what they are, and a
// subgraph that knows is entered under the interface's name when the client asks.
//
// An argument that takes its value from a @context is a variable of a request of its own, whose value
// is read at the positions above.
//
// It never ranges over a map: the same operation gives the same plan. Enter at Plan.
package planner

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// Bounds of the search of one plan; see the package comment.
const (
	exactBudget = 20_000 // steps within which dead ends are known exactly, see open
	tryBudget   = 2_000  // steps after which nothing is tried any more
	maxTries    = 2      // tries within tries
	maxOptions  = 3      // hops tried at one position
)

type planner struct {
	sg      *supergraph.Supergraph
	op      *operation.Operation
	groups  []*group
	trail   []func()
	opening []opening
	steps   int
	trying  int
	reaches map[reachKey][]int
	stuck   string // why the first field could not be reached

	resolving map[*supergraph.Field][]int
	names     map[*supergraph.Type][]string
	dead      map[deadEnd]bool // hops found to lead nowhere
	exact     bool             // the search found nothing at first, and knows its dead ends exactly now
	blockedBy int              // the outermost opening that kept the hop being tried from another
	state     int              // a number for the accesses that are there
	states    int              // numbers given so far
	score     []int            // of subgraphs, for the hop being chosen

	bold   bool // what may by a null take what objects of other types have is read of all objects all the same
	feared bool // something was not, for that

	stages  *stages
	stage   *stage // being planned
	sender  *group // whose representation is being written
	lenient bool   // fields of the stage may be read with earlier ones
	atOnce  bool   // nothing is read later
}

// Plan plans an operation. The same arguments give the same plan.
//
// The passes, in order: leave out what the caller may not see (granted.go); place every field in a request (place.go, object.go, abstract.go, alike.go, hop.go),
// and then every deferred one (defer.go, covered.go); drop what turned out unused and number the requests (prune.go); put requests of one place into one (unite.go), or keep them apart (apart.go); write their text (write.go); lay
// them out in rounds (layout.go); derive the response's shape (output.go).
func Plan(sg *supergraph.Supergraph, op *operation.Operation) (*plan.Plan, error) {
	out := plan.Plan{Kind: op.Kind, Name: op.Name, Denial: plan.Denial(op.Denial), Output: outputOf(sg, op.Root, stagesOf(op))}
	op = granted(op)
	if op.Kind != ast.Subscription {
		return planResponse(sg, op, out)
	}
	if err := subscription(sg, op, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// put lays the requests out in the plan.
func (p *planner) put(out *plan.Plan) {
	fetches := p.finish()
	out.Root = layout(ofPart(fetches, 0))
	out.Usages, out.Parts = planUsages(p.op), p.stages.planParts(fetches)
}

func newPlanner(sg *supergraph.Supergraph, op *operation.Operation) *planner {
	return &planner{sg: sg, op: op, reaches: map[reachKey][]int{}, resolving: map[*supergraph.Field][]int{}, dead: map[deadEnd]bool{}, names: map[*supergraph.Type][]string{}, stages: stagesOf(op)}
}

// fields places the fields of a query or a mutation and returns what it could not.
func (p *planner) fields() []item {
	if p.op.Kind == ast.Mutation {
		return p.mutation()
	}
	root := p.rootPos(p.op.Root)
	if failed := p.satisfy(root, clientItems(p.staged(p.op.Root.Fields, nil))); len(failed) > 0 {
		return failed
	}
	if p.atOnce {
		return nil
	}
	return p.later(root, p.op.Root.Fields, nil, nil)
}

func (p *planner) rootPos(set *operation.SelectionSet) *pos {
	return &pos{typ: set.Type, root: true, declared: set.Fields, keys: &keys{declared: set.Fields}}
}

func (p *planner) unreachable(typeName string, failed []item) error {
	at, names := typeName, []string{}
	for f := failed[0].field; f != nil; {
		names = append(names, f.Name)
		if f.Sel == nil || len(f.Sel.Fields) == 0 {
			break
		}
		f = f.Sel.Fields[0]
	}
	why := ""
	if p.stuck != "" {
		why = ": " + p.stuck
	}
	return fmt.Errorf("plan operation: no subgraph leads to %s.%s%s", at, strings.Join(names, "."), why)
}

// mutation plans root fields in series: each after all requests of the one before. Neighbours that
// one subgraph answers without further requests share one.
func (p *planner) mutation() []item {
	root := p.rootPos(p.op.Root)
	start := 0 // first group of the running segment
	for _, f := range p.staged(p.op.Root.Fields, nil) {
		if f.Name == "__typename" {
			continue
		}
		if len(p.groups)-start != 1 {
			start = len(p.groups)
			root.accs = nil
		} else if !p.resolvesAlone(root.accs[0], f) {
			start = len(p.groups)
			root.accs = nil
		}
		p.barrier(root, start)
		if failed := p.satisfy(root, clientItems([]*operation.Field{f})); len(failed) > 0 {
			return failed
		}
	}
	if p.atOnce {
		return nil
	}
	return p.later(root, p.op.Root.Fields, nil, nil)
}

func (p *planner) barrier(root *pos, start int) {
	root.after = append([]*group(nil), p.groups[:start]...)
}

// resolvesAlone reports whether a mutation field can join the running request.
func (p *planner) resolvesAlone(acc *access, f *operation.Field) bool {
	field := p.sg.Type(p.op.RootType).Field(f.Name)
	return field != nil && p.can(acc, p.op.RootType, field)
}

// subscription plans a field that the router or a subgraph feeds.
func subscription(sg *supergraph.Supergraph, op *operation.Operation, out *plan.Plan) error {
	var root *operation.Field
	for _, f := range op.Root.Fields {
		if !strings.HasPrefix(f.Name, "__") {
			root = f
			break
		}
	}
	if root == nil {
		return fmt.Errorf("plan subscription: it selects no field")
	}
	live, ok := sg.Live(root.Name)
	if !ok {
		return subscribed(sg, op, out)
	}
	initial, initialHeld, err := planLive(sg, op, root, live, false)
	if err != nil {
		return err
	}
	event, eventHeld, err := planLive(sg, op, root, live, true)
	if err != nil {
		return err
	}
	out.Live = &plan.Live{Field: root.Name, Key: root.Key, Initial: initial, Event: event, InitialHeld: initialHeld, EventHeld: eventHeld}
	return nil
}

// planLive plans from what the router holds: the entity's key field, and with event all that an event
// carries.
func planLive(sg *supergraph.Supergraph, op *operation.Operation, root *operation.Field, live *supergraph.Live, event bool) (plan.Node, *plan.Selection, error) {
	held := supergraph.FieldSet{{Name: live.EntityField}}
	if event {
		held = append(held, live.ProvidedFields()...)
	}
	var g *group
	p, failed := search(sg, op, false, func(p *planner) []item {
		g = &group{sub: heldData, depth: -1, root: &gnode{typ: live.TypeName}}
		g.root.group = g
		return p.satisfy(&pos{
			typ:      live.TypeName,
			path:     []plan.PathElem{{Key: root.Key, List: listDepth(root.Def.Type)}},
			declared: root.Sel.Fields,
			keys:     &keys{declared: root.Sel.Fields},
			accs:     []*access{{group: g, node: g.root, provides: held}},
		}, clientItems(root.Sel.Fields))
	})
	if len(failed) > 0 {
		return nil, nil, p.unreachable(live.TypeName, failed)
	}
	fetches := p.finish()
	pruneNode(g.root)
	return layout(fetches), heldSelection(g.root), nil
}

// heldSelection says under which keys what the router holds is kept.
func heldSelection(n *gnode) *plan.Selection {
	sel := &plan.Selection{Plain: true, Fields: []plan.SelField{{Alias: "__typename", Key: "__typename"}}}
	add := func(fields []*gfield, on []string) {
		for _, f := range fields {
			sf := plan.SelField{Alias: f.name, Key: f.key, On: on}
			if f.node != nil {
				sf.Sub = heldSelection(f.node)
			}
			sel.Plain = sel.Plain && f.name == f.key && (sf.Sub == nil || sf.Sub.Plain)
			sel.Fields = append(sel.Fields, sf)
		}
	}
	add(n.fields, nil)
	for _, frag := range n.frags {
		add(frag.fields, []string{frag.typ})
	}
	return sel
}

func subscribed(sg *supergraph.Supergraph, op *operation.Operation, out *plan.Plan) error {
	p, failed := search(sg, op, false, func(p *planner) []item {
		return p.satisfy(p.rootPos(op.Root), clientItems(op.Root.Fields))
	})
	if len(failed) > 0 {
		return p.unreachable(op.RootType, failed)
	}
	fetches := p.finish()
	if len(fetches) == 0 {
		return fmt.Errorf("plan subscription: it selects no field")
	}
	out.Subscribe = &plan.Subscribe{Primary: fetches[0].fetch, Rest: layout(fetches[1:])}
	return nil
}
