package check

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"

	"storefront/router/execute"
	"storefront/router/internal/testgraph"
	"storefront/router/supergraph"
)

// guarded is a supergraph with @authenticated, @requiresScopes and @policy at random places.
type guarded struct {
	supergraph *supergraph.Supergraph
	rules      map[string]rule // by "Type" and "Type.field"
	executor   *execute.Executor
	inputs     map[string]bool // names of fields that are sent as keys, requirements or contexts somewhere

	mu    sync.Mutex
	asked []*execute.SubgraphRequest
}

// rule is what one element asks for.
type rule struct {
	authenticated    bool
	scopes, policies [][]string
}

func (r rule) text() string {
	var b strings.Builder
	if r.authenticated {
		b.WriteString(" @authenticated")
	}
	write := func(name, arg string, alternatives [][]string) {
		if alternatives != nil {
			list, _ := json.Marshal(alternatives) // of strings, so it is GraphQL as well
			fmt.Fprintf(&b, " @%s(%s: %s)", name, arg, list)
		}
	}
	write("requiresScopes", "scopes", r.scopes)
	write("policy", "policies", r.policies)
	return b.String()
}

// meets reports whether rights are enough.
func (r rule) meets(rights supergraph.Rights) bool {
	return (!r.authenticated || rights.Authenticated) && oneOf(r.scopes, rights.Scopes) && oneOf(r.policies, rights.Policies)
}

func oneOf(alternatives [][]string, held []string) bool {
	if alternatives == nil {
		return true
	}
	for _, all := range alternatives {
		missing := 0
		for _, one := range all {
			if !slices.Contains(held, one) {
				missing++
			}
		}
		if missing == 0 {
			return true
		}
	}
	return false
}

// ruleFor is the rule of an element, by chance: the same for the same seed, whatever else there is.
func ruleFor(seed uint64, coordinate string, percent int) (out rule, some bool) {
	sum := fnv.New64a()
	sum.Write([]byte(coordinate))
	r := rand.New(rand.NewPCG(seed, sum.Sum64()))
	if r.IntN(100) >= percent {
		return rule{}, false
	}
	lists := func(names ...string) [][]string {
		out := [][]string{}
		for range 1 + r.IntN(2) {
			r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			out = append(out, slices.Clone(names[:1+r.IntN(2)]))
		}
		return out
	}
	switch r.IntN(4) {
	case 0:
		out.authenticated = true
	case 1:
		out.scopes = lists("read", "write", "admin")
	case 2:
		out.policies = lists("adult", "owner")
	default:
		out.authenticated, out.scopes = true, lists("read", "write", "admin")
	}
	return out, true
}

// guard puts rules on the elements of a supergraph.
func (h *House) guard(seed uint64, options execute.Options) (*guarded, error) {
	g := &guarded{rules: map[string]rule{}, inputs: map[string]bool{}}
	doc, err := parser.ParseSchema(&ast.Source{Name: "supergraph", Input: h.SDL})
	if err != nil {
		return nil, err
	}
	add := func(coordinate string, percent int, to ast.DirectiveList) ast.DirectiveList {
		rule, some := ruleFor(seed, coordinate, percent)
		if !some {
			return to
		}
		g.rules[coordinate] = rule
		carrier, err := parser.ParseSchema(&ast.Source{Input: "scalar X" + rule.text()})
		if err != nil {
			panic(err)
		}
		return append(to[:len(to):len(to)], carrier.Definitions[0].Directives...)
	}
	for _, def := range doc.Definitions {
		root := def.Name == "Query" || def.Name == "Mutation" || def.Name == "Subscription"
		if h.Supergraph.API().Types[def.Name] == nil || def.Kind == ast.InputObject {
			continue
		}
		if !root && def.Kind != ast.Union {
			def.Directives = add(def.Name, 6, def.Directives)
		}
		for _, f := range def.Fields {
			f.Directives = add(def.Name+"."+f.Name, 12, f.Directives)
		}
	}
	var text strings.Builder
	formatter.NewFormatter(&text).FormatSchemaDocument(doc)
	text.WriteString(`
extend schema @link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY)
	@link(url: "https://specs.apollo.dev/requiresScopes/v0.1", for: SECURITY)
	@link(url: "https://specs.apollo.dev/policy/v0.1", for: SECURITY)
directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[requiresScopes__Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @policy(policies: [[policy__Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
scalar requiresScopes__Scope
scalar policy__Policy
`)
	if g.supergraph, err = supergraph.Parse(text.String()); err != nil {
		return nil, err
	}
	for _, s := range h.Servers {
		if err := g.inputsOf(s.SDL); err != nil {
			return nil, err
		}
	}
	g.executor = execute.New(g.supergraph, &listening{&transport{h}, g}, options)
	return g, nil
}

// inputsOf notes the names of fields that a subgraph is sent.
func (g *guarded) inputsOf(sdl string) error {
	doc, err := parser.ParseSchema(&ast.Source{Input: sdl})
	if err != nil {
		return err
	}
	note := func(text string) {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool {
			return !(r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z')
		}) {
			g.inputs[word] = true
		}
	}
	each := func(dirs ast.DirectiveList) {
		for _, d := range dirs {
			switch d.Name {
			case "key", "requires":
				note(d.Arguments.ForName("fields").Value.Raw)
			case "fromContext":
				note(d.Arguments.ForName("field").Value.Raw)
			}
		}
	}
	for _, def := range append(doc.Definitions, doc.Extensions...) {
		each(def.Directives)
		for _, f := range def.Fields {
			each(f.Directives)
			for _, a := range f.Arguments {
				each(a.Directives)
			}
		}
	}
	return nil
}

// listening keeps what is asked of subgraphs.
type listening struct {
	*transport
	g *guarded
}

func (l *listening) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	l.g.mu.Lock()
	l.g.asked = append(l.g.asked, r)
	l.g.mu.Unlock()
	return l.transport.Do(ctx, r)
}

// seen decides for one caller, by the schema of the whole.
type seen struct {
	h      *House
	rules  map[string]rule
	rights supergraph.Rights
}

func (s seen) lacks(coordinate string) bool {
	r, some := s.rules[coordinate]
	return some && !r.meets(s.rights)
}

// refuses reports whether a field may not be seen as a type declares it.
func (s seen) refuses(typ, field string) bool {
	def := s.h.Supergraph.API().Types[typ]
	if def == nil || strings.HasPrefix(field, "__") {
		return false
	}
	if s.lacks(typ) || s.lacks(typ+"."+field) {
		return true
	}
	f := def.Fields.ForName(field)
	if f == nil {
		return false
	}
	returned := s.h.Supergraph.API().Types[f.Type.Name()]
	if s.lacks(returned.Name) {
		return true
	}
	if !returned.IsAbstractType() {
		return false
	}
	for _, object := range s.h.Supergraph.Possible(returned.Name) {
		if !s.lacks(object) {
			return false
		}
	}
	return true
}

// refusesAll is refuses for a type as a subgraph knows it: of an @interfaceObject, the objects it stands for.
func (s seen) refusesAll(typ, field string) bool {
	for _, object := range s.h.Supergraph.Possible(typ) {
		if !s.refuses(object, field) {
			return false
		}
	}
	return s.h.Supergraph.API().Types[typ] != nil
}

func (s seen) guard() *testgraph.Guard {
	return &testgraph.Guard{
		Field: func(object string, ways []string, field string) bool {
			return s.refuses(object, field) || slices.ContainsFunc(ways, func(way string) bool { return s.refuses(way, field) })
		},
		Object: s.lacks,
	}
}

// rightsOf are some caller's rights.
func rightsOf(seed uint64) (out supergraph.Rights) {
	r := rand.New(rand.NewPCG(seed, 7))
	out.Authenticated = r.IntN(2) == 0
	for _, scope := range []string{"read", "write", "admin"} {
		if r.IntN(2) == 0 {
			out.Scopes = append(out.Scopes, scope)
		}
	}
	for _, policy := range []string{"adult", "owner"} {
		if r.IntN(2) == 0 {
			out.Policies = append(out.Policies, policy)
		}
	}
	return out
}
