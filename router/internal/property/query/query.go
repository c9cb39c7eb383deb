// Package query makes random valid operations over a schema: fragments named and inline, aliases,
// variables, @skip and @include, fields selected twice, abstract types, deep nesting. Enter at Generate.
package query

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Query is an operation with the values of its variables, and with the labels of progressive overrides that
// are on for it: the n-th of the supergraph's is where bit n is set.
type Query struct {
	Text      string
	Variables map[string]any
	Labels    uint64
}

// On are the labels that are on, of all there are.
func (q Query) On(labels []string) (on []string) {
	for i, l := range labels {
		if q.Labels>>(i%64)&1 == 1 {
			on = append(on, l)
		}
	}
	return on
}

// scope is what stands at one place of the response, by response key.
type scope struct {
	keys map[string]*entry
}

type entry struct {
	signature string
	shape     string
	sub       *scope
}

func newScope() *scope { return &scope{keys: map[string]*entry{}} }

type generator struct {
	*rand.Rand
	schema    *ast.Schema
	declared  []string
	values    map[string]any
	booleans  []string
	fragments []fragment
	budget    int
	constant  bool // no variables: what is written is a default
	clashes   int  // how often, in percent, a key is used that another field has
}

// fragment is a named fragment that was written; it is spread again where it fits.
type fragment struct {
	name, on, text string
}

// Generate makes the operation of a seed.
func Generate(schema *ast.Schema, seed uint64) Query {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x9e3779b9)), schema: schema, values: map[string]any{}}
	g.budget = 4 + g.IntN(30)
	if g.chance(10) {
		g.clashes = 50
	}
	root, kind := schema.Query, "query"
	if schema.Mutation != nil && g.chance(25) {
		root, kind = schema.Mutation, "mutation"
	}
	var body string
	if schema.Subscription != nil && g.chance(25) {
		kind, body = "subscription", g.event(schema.Subscription, 1+g.IntN(6))
	} else {
		body = g.set(root, newScope(), 1+g.IntN(6), false)
	}
	var b strings.Builder
	b.WriteString(kind)
	if g.chance(30) {
		b.WriteString(" Named")
	}
	if len(g.declared) > 0 {
		b.WriteString("(" + strings.Join(g.declared, ", ") + ")")
	}
	b.WriteString(" " + body + "\n")
	for _, f := range g.fragments {
		b.WriteString("fragment " + f.name + " on " + f.on + " " + f.text + "\n")
	}
	return Query{b.String(), g.values, g.Uint64()}
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// event writes the one field of a subscription.
func (g *generator) event(root *ast.Definition, depth int) string {
	f := root.Fields[g.IntN(len(root.Fields))]
	text := f.Name + g.arguments(f)
	if target := g.schema.Types[f.Type.Name()]; target.IsCompositeType() {
		text += " " + g.set(target, newScope(), depth, true)
	}
	return "{ " + text + " }"
}

// set writes a selection set on a type.
func (g *generator) set(def *ast.Definition, at *scope, depth int, nested bool) string {
	var parts []string
	n := 1 + g.IntN(4)
	for range n {
		if part := g.selection(def, at, depth); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		key := "__typename"
		if !at.take(key, "__typename", "String!") {
			key = fmt.Sprintf("t%d", len(at.keys))
			at.take(key, "__typename", "String!")
			key += ": __typename"
		}
		parts = append(parts, key)
	}
	return "{ " + strings.Join(parts, " ") + " }"
}

// take claims a response key for a field; false when another stands there.
func (s *scope) take(key, signature, shape string) bool {
	if e, ok := s.keys[key]; ok {
		return e.signature == signature && e.shape == shape
	}
	s.keys[key] = &entry{signature: signature, shape: shape, sub: newScope()}
	return true
}

func (g *generator) selection(def *ast.Definition, at *scope, depth int) string {
	switch r := g.IntN(100); {
	case r < 4:
		if at.take("__typename", "__typename", "String!") {
			return "__typename" + g.directives()
		}
	case r < 5:
		if at.take("kind", "__typename", "String!") {
			return "kind: __typename" + g.directives()
		}
	case r < 30 && depth > 0:
		return g.fragment(def, at, depth-1)
	}
	if def == g.schema.Query && g.chance(4) {
		return g.introspection(at, depth)
	}
	return g.field(def, at, depth)
}

// introspection selects something of the schema, under a key that tells so.
func (g *generator) introspection(at *scope, depth int) string {
	name, args, target := "__schema", "", "__Schema"
	if g.chance(60) {
		names := []string{"Nobody"}
		for name := range g.schema.Types {
			names = append(names, name)
		}
		sort.Strings(names)
		name, args, target = "__type", fmt.Sprintf("(name: %q)", names[g.IntN(len(names))]), "__Type"
	}
	key, text := name, name
	for i := 0; !at.take(key, name+args, target); i++ {
		key = fmt.Sprintf("%s_%d", SchemaKey, i)
		text = key + ": " + name
	}
	return text + args + g.directives() + " " + g.set(g.schema.Types[target], at.keys[key].sub, min(depth, 3), true)
}

// SchemaKey begins the keys, besides __schema and __type, under which introspection stands.
const SchemaKey = "schema"

func (g *generator) field(def *ast.Definition, at *scope, depth int) string {
	var fields []*ast.FieldDefinition
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") || f.Name == "_sdl" || depth == 0 && g.schema.Types[f.Type.Name()].IsCompositeType() {
			continue
		}
		fields = append(fields, f)
	}
	if len(fields) == 0 || g.budget <= 0 {
		return ""
	}
	g.budget--
	f := fields[g.IntN(len(fields))]
	for range 2 { // objects rather than leaves: nesting is where planning is
		if depth > 0 && !g.schema.Types[f.Type.Name()].IsCompositeType() {
			f = fields[g.IntN(len(fields))]
		}
	}
	args := g.arguments(f)
	signature := f.Name + args
	key := f.Name
	switch r := g.IntN(100); {
	case r < 10:
		key = string(rune('a' + g.IntN(5)))
	case r < 16: // another field's name, which a key or a requirement may want under its own
		key = fields[g.IntN(len(fields))].Name
	}
	taken := at.take(key, signature, f.Type.String())
	// a key that another field has is right where the two are of different object types; validation knows
	for i := 0; !taken && !g.chance(g.clashes); i++ {
		key = fmt.Sprintf("%s_%d", f.Name, i)
		taken = at.take(key, signature, f.Type.String())
	}
	text := f.Name
	if key != f.Name {
		text = key + ": " + f.Name
	}
	text += args + g.directives()
	if target := g.schema.Types[f.Type.Name()]; target.IsCompositeType() {
		text += " " + g.set(target, at.keys[key].sub, depth-1, true)
	}
	return text
}

// fragment writes a fragment on the type, on one of its interfaces, or on one of its possible types.
func (g *generator) fragment(def *ast.Definition, at *scope, depth int) string {
	types := g.overlapping(def)
	on := g.schema.Types[types[g.IntN(len(types))]]
	if i := g.IntN(20); i < len(g.fragments) && g.fragments[i].text != "" && g.clashes > 0 {
		return "..." + g.fragments[i].name + g.directives() // where it fits, if it fits
	}
	switch r := g.IntN(10); {
	case r == 0:
		return "..." + g.directives() + " " + g.set(def, at, depth, true)
	case r < 3:
		name := fmt.Sprintf("F%d", len(g.fragments))
		directives := g.directives()
		g.fragments = append(g.fragments, fragment{name: name, on: on.Name})
		i := len(g.fragments) - 1
		g.fragments[i].text = g.set(on, at, depth, true)
		text := "..." + name + directives
		if g.chance(20) { // the same fragment twice at one place
			text += " ..." + name + g.directives()
		}
		return text
	}
	return "... on " + on.Name + g.directives() + " " + g.set(on, at, depth, true)
}

func (g *generator) overlapping(def *ast.Definition) []string {
	out := []string{def.Name}
	mine := g.schema.GetPossibleTypes(def)
	for _, other := range g.schema.Types {
		if other == def || !other.IsCompositeType() || strings.HasPrefix(other.Name, "__") {
			continue
		}
		if def.IsAbstractType() || other.IsAbstractType() {
			for _, d := range g.schema.GetPossibleTypes(other) {
				if contains(mine, d) {
					out = append(out, other.Name)
					break
				}
			}
		}
	}
	sort.Strings(out)
	return out
}

func contains(list []*ast.Definition, d *ast.Definition) bool {
	for _, x := range list {
		if x.Name == d.Name {
			return true
		}
	}
	return false
}

// directives writes @skip and @include, mostly with variables.
func (g *generator) directives() string {
	if !g.chance(12) {
		return ""
	}
	text := " @" + []string{"skip", "include"}[g.IntN(2)] + "(if: " + g.boolean() + ")"
	if g.chance(15) {
		name := "skip"
		if strings.HasPrefix(text, " @skip") {
			name = "include"
		}
		text += " @" + name + "(if: " + g.boolean() + ")"
	}
	return text
}

func (g *generator) boolean() string {
	if g.chance(15) {
		return []string{"true", "false"}[g.IntN(2)]
	}
	if len(g.booleans) > 0 && g.chance(60) {
		return "$" + g.booleans[g.IntN(len(g.booleans))]
	}
	name := fmt.Sprintf("b%d", len(g.declared))
	g.booleans = append(g.booleans, name)
	if g.chance(30) {
		bang := []string{"", "!"}[g.IntN(2)] // a default makes a nullable variable right where none may be null
		g.declared = append(g.declared, "$"+name+": Boolean"+bang+" = "+[]string{"true", "false"}[g.IntN(2)])
		if g.chance(50) {
			return "$" + name
		}
	} else {
		g.declared = append(g.declared, "$"+name+": Boolean!")
	}
	g.values[name] = g.chance(50)
	return "$" + name
}
