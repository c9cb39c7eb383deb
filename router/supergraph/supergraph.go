// Package supergraph turns the text of a supergraph (join specification v0.1 to v0.5) into an
// immutable model: which subgraph knows which type and field, by which keys an entity is entered,
// and the public schema that clients see.
//
// It never does I/O and never changes after Parse; every list it hands out is in a fixed order.
// Enter at Parse.
package supergraph

import (
	"sort"

	"github.com/vektah/gqlparser/v2/ast"
)

// Subgraph is one service of the supergraph.
type Subgraph struct {
	Name string // as in @join__graph(name:)
	URL  string
}

// Supergraph is the model of one composed schema. It is safe for concurrent use.
type Supergraph struct {
	subgraphs []Subgraph
	types     map[string]*Type
	names     []string // sorted names of types
	roots     map[ast.Operation]string
	full      *ast.Schema
	api       *ast.Schema
	apiSDL    string
	live      map[string]*Live
	labelled  []labelled
	guarded   bool // some type or field asks for rights
	caching   caching
}

// Type is a composite, leaf or input type, with what each subgraph knows about it.
type Type struct {
	Name   string
	Kind   ast.DefinitionKind
	Def    *ast.Definition // as in the supergraph, directives included
	In     []TypeIn        // by subgraph index
	Access *Access         // asked of whoever reads a value of it; nil for nothing
	Weight *int            // of a value of it, by @cost; nil for unsaid
	fields map[string]*Field
	order  []*Field
}

// TypeIn is what one subgraph knows about a type.
type TypeIn struct {
	Present         bool
	WireName        string // the type's name in that subgraph
	InterfaceObject bool
	Keys            []Key
	Possible        []string // object types a value of this type can have there, sorted
}

// Key is one @key of an entity in one subgraph.
type Key struct {
	Text       string
	Fields     FieldSet
	Resolvable bool
}

// Field is a field of a composite type.
type Field struct {
	Name   string
	Def    *ast.FieldDefinition // as in the supergraph
	In     []FieldIn            // by subgraph index
	Access *Access              // asked of whoever reads it; nil for nothing

	Weight     *int           // of a value, by @cost; nil for its type's
	ListSize   *ListSize      // nil for unsaid
	ArgWeights map[string]int // of arguments that have @cost
}

// FieldIn is what one subgraph knows about a field.
type FieldIn struct {
	Present  bool
	External bool      // declared there, but resolved elsewhere
	Moved    bool      // External only since an @override gave it to another subgraph
	Type     *ast.Type // its type there
	Requires FieldSet
	Provides FieldSet
	Contexts []ContextArgument
}

// Needs reports whether the field is resolved only for what another request has brought: fields that
// it requires, or values of a context.
func (f *FieldIn) Needs() bool { return len(f.Requires) > 0 || len(f.Contexts) > 0 }

// FieldSet is a parsed selection such as @key(fields:).
type FieldSet []FieldSelection

// FieldSelection is a field, or with On a fragment, of a FieldSet.
type FieldSelection struct {
	On   string // type condition; then Name is empty
	Name string
	Args ast.ArgumentList
	Sub  FieldSet
}

// API returns the public schema: without join machinery and inaccessible elements, with introspection.
func (s *Supergraph) API() *ast.Schema { return s.api }

// APISDL returns the public schema as text, the same on every call.
func (s *Supergraph) APISDL() string { return s.apiSDL }

// Full returns the whole supergraph schema, for what is not public.
func (s *Supergraph) Full() *ast.Schema { return s.full }

// Subgraphs returns the subgraphs sorted by name; a subgraph's place here is its index in Type.In
// and Field.In.
func (s *Supergraph) Subgraphs() []Subgraph { return append([]Subgraph(nil), s.subgraphs...) }

// SubgraphCount returns the number of subgraphs.
func (s *Supergraph) SubgraphCount() int { return len(s.subgraphs) }

// SubgraphName returns the name of the subgraph with that index.
func (s *Supergraph) SubgraphName(i int) string { return s.subgraphs[i].Name }

// Type returns the named type, nil when there is none.
func (s *Supergraph) Type(name string) *Type { return s.types[name] }

// RootType returns the name of the root type of an operation kind, "" when there is none.
func (s *Supergraph) RootType(op ast.Operation) string { return s.roots[op] }

// IsRoot reports whether the named type is the query root.
func (s *Supergraph) IsRoot(name string) bool { return name == s.roots[ast.Query] }

// Possible returns the object types a value of the public type can have, sorted; for an object type
// itself alone.
func (s *Supergraph) Possible(name string) []string {
	def := s.api.Types[name]
	if def == nil {
		return nil
	}
	return possibleTypes(s.api, def)
}

// Field returns the named field, nil when there is none.
func (t *Type) Field(name string) *Field { return t.fields[name] }

// Fields returns the fields in the order of the supergraph's text.
func (t *Type) Fields() []*Field { return t.order }

// Abstract reports whether the type is an interface or a union.
func (t *Type) Abstract() bool { return t.Kind == ast.Interface || t.Kind == ast.Union }

// Composite reports whether the type has fields or members.
func (t *Type) Composite() bool { return t.Kind == ast.Object || t.Abstract() }

// Find returns the sub-selection of a field at the top of the set, following fragments that apply
// to the object type on.
func (f FieldSet) Find(s *Supergraph, on, name string) (FieldSet, bool) {
	var sub FieldSet
	found := false
	for _, sel := range f {
		if sel.On != "" {
			if sel.On == on || s.includes(sel.On, on) {
				if inner, ok := sel.Sub.Find(s, on, name); ok {
					sub, found = append(sub, inner...), true
				}
			}
			continue
		}
		if sel.Name == name {
			sub, found = append(sub, sel.Sub...), true
		}
	}
	return sub, found
}

func (s *Supergraph) includes(abstract, object string) bool {
	def := s.full.Types[abstract]
	if def == nil {
		return false
	}
	for _, d := range s.full.PossibleTypes[abstract] {
		if d != nil && d.Name == object {
			return true
		}
	}
	return false
}

func possibleTypes(schema *ast.Schema, def *ast.Definition) []string {
	if def.Kind == ast.Object {
		return []string{def.Name}
	}
	var out []string
	for _, d := range schema.PossibleTypes[def.Name] {
		if d != nil && d.Kind == ast.Object {
			out = append(out, d.Name)
		}
	}
	sort.Strings(out)
	return out
}
