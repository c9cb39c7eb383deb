// Package world makes random federated graphs: types and their rows, spread over subgraphs by the rules
// of Apollo Federation, so that most of them compose.
//
// A world is data without behaviour: what a field's value is follows from the world's seed, the row and
// the field's name, so that a part can be taken away and the rest stays as it was. Rendering a world
// gives each subgraph's SDL and tables for testgraph, and the same for one plain server of the whole.
// Enter at Generate and World.Render.
package world

import (
	"encoding/json"
	"fmt"
	"slices"
)

// World is a whole graph and where its parts are.
type World struct {
	Seed  uint64
	Subs  []Sub
	Types []*Type // object types, roots included, then interfaces and unions
	Enums []*Enum
}

// Sub is a subgraph.
type Sub struct {
	Name string
	Fed1 bool // its SDL has no @link
	More bool // it takes input that others may not know: a field, an enum value, an argument of what it shares
}

// The kinds of types.
const (
	Object    = "type"
	Interface = "interface"
	Union     = "union"
)

// Type is a composite type.
type Type struct {
	Name       string
	Kind       string
	Rows       int // how many objects there are of an object type
	Fields     []*Field
	Keys       []*Key
	Implements []string
	Members    []Member
	Gap        *Gap
	Extends    []int // Federation 1 subgraphs that write it as an extension
	Objects    []int // subgraphs that have an interface as an @interfaceObject
	Contexts   []Context
}

// Context is a context that a type sets in a subgraph.
type Context struct {
	Name string
	Sub  int
}

// Member is a member of a union in some subgraphs.
type Member struct {
	Type string
	Subs []int
}

// Key is a key with the subgraphs that declare it.
type Key struct {
	Fields string
	At     []KeyAt
}

// KeyAt is a key in one subgraph.
type KeyAt struct {
	Sub          int
	Unresolvable bool
}

// Gap says that a subgraph does not know some rows of an entity, or fails for them.
type Gap struct {
	Sub   int
	Fails bool
}

// Field is a field with the subgraphs that have it.
type Field struct {
	Name   string
	Type   string
	Args   []Arg
	At     []*Place
	Key    bool   // part of a key: each row has its own value
	Own    bool   // and no row of another type has it
	Via    string // an interface that subgraphs resolve the field on, as an @interfaceObject
	Hidden bool   // @inaccessible
	Nulls  bool   // null now and then where its type allows it
	Dirty  bool   // null now and then where its type does not
	Fails  bool   // an error now and then
}

// Arg is an argument.
type Arg struct {
	Name, Type, Default string
	From                string // of a context, which clients do not give
}

// Place is a field in one subgraph.
type Place struct {
	Sub        int
	External   bool
	Overridden bool   // another subgraph took it over
	Override   string // the name of the subgraph it is taken from
	Label      string // while it is off, the override does not hold: both subgraphs resolve the field, and alike
	Requires   string
	Provides   string
	Tight      bool   // declared non-null here alone
	Narrow     string // the object type that it is declared with here, of an abstract one
}

// Enum is an enum whose values differ by subgraph.
type Enum struct {
	Name   string
	Values []EnumValue
}

// EnumValue is one value.
type EnumValue struct {
	Name string
	Subs []int
}

// Clone is a deep copy.
func (w *World) Clone() *World {
	data, err := json.Marshal(w)
	if err != nil {
		panic(fmt.Sprintf("encode world: %v", err))
	}
	out := &World{}
	if err := json.Unmarshal(data, out); err != nil {
		panic(fmt.Sprintf("decode world: %v", err))
	}
	return out
}

// Type returns the named type, nil for leaves.
func (w *World) Type(name string) *Type {
	for _, t := range w.Types {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (w *World) enum(name string) *Enum {
	for _, e := range w.Enums {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Field returns the named field, nil when there is none.
func (t *Type) Field(name string) *Field {
	for _, f := range t.Fields {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// In reports whether a subgraph has any part of an object type or an interface.
func (t *Type) In(sub int) bool {
	if t.Kind == Union {
		return slices.ContainsFunc(t.Members, func(m Member) bool { return slices.Contains(m.Subs, sub) })
	}
	return slices.ContainsFunc(t.Fields, func(f *Field) bool { return f.at(sub) != nil })
}

func (t *Type) isRoot() bool {
	return t.Name == "Query" || t.Name == "Mutation" || t.Name == "Subscription"
}

func (f *Field) at(sub int) *Place {
	for _, p := range f.At {
		if p.Sub == sub {
			return p
		}
	}
	return nil
}

// resolvers are the subgraphs that answer a field.
func (f *Field) resolvers() []int {
	var out []int
	for _, p := range f.At {
		if !p.External && (!p.Overridden || p.Label != "") {
			out = append(out, p.Sub)
		}
	}
	return out
}

func (f *Field) resolvedAt(sub int) bool { return slices.Contains(f.resolvers(), sub) }

func (f *Field) requires() string {
	for _, p := range f.At {
		if p.Requires != "" {
			return p.Requires
		}
	}
	return ""
}

// keyed reports whether a field of a type is part of a key of a subgraph.
func (t *Type) keyed(f *Field, sub int) bool {
	for _, k := range t.Keys {
		for _, at := range k.At {
			if at.Sub != sub {
				continue
			}
			for _, sel := range parseSet(k.Fields) {
				if sel.name == f.Name {
					return true
				}
			}
		}
	}
	return false
}

// implements reports whether an object type or an interface says in a subgraph that it implements an interface: when it
// has all of the interface's fields there.
func (w *World) implements(t *Type, i *Type, sub int) bool {
	if t.Kind == Union || !slices.Contains(t.Implements, i.Name) || !t.In(sub) || !i.In(sub) {
		return false
	}
	for _, f := range i.Fields {
		if f.at(sub) == nil {
			continue
		}
		own := t.Field(f.Name)
		if own == nil || own.at(sub) == nil {
			return false
		}
	}
	return true
}

// possible are the object types that a value of a type can have in a subgraph.
func (w *World) possible(name string, sub int) []string {
	t := w.Type(name)
	var out []string
	switch t.Kind {
	case Object:
		if t.In(sub) {
			out = append(out, name)
		}
	case Interface:
		for _, o := range w.Types {
			if o.Kind == Object && (w.implements(o, t, sub) || slices.Contains(t.Objects, sub) && slices.Contains(o.Implements, name)) {
				out = append(out, o.Name)
			}
		}
	case Union:
		for _, m := range t.Members {
			if slices.Contains(m.Subs, sub) && w.Type(m.Type) != nil && w.Type(m.Type).In(sub) {
				out = append(out, m.Type)
			}
		}
	}
	return out
}

// domain are the object types that a field's objects have: those that all who resolve it know.
func (w *World) domain(f *Field) []string {
	name := base(f.Type)
	f = w.holder(f)
	var out []string
	for i, sub := range f.resolvers() {
		here := w.possible(name, sub)
		if i == 0 {
			out = here
			continue
		}
		out = slices.DeleteFunc(slices.Clone(out), func(n string) bool { return !slices.Contains(here, n) })
	}
	for _, p := range f.At {
		if p.Narrow != "" {
			out = slices.DeleteFunc(slices.Clone(out), func(n string) bool { return n != p.Narrow })
		}
	}
	return out
}

// holder is the field that says where a field is resolved: the interface's, for one that subgraphs
// resolve as an @interfaceObject.
func (w *World) holder(f *Field) *Field {
	if f.Via != "" {
		if i := w.Type(f.Via); i != nil && i.Field(f.Name) != nil {
			return i.Field(f.Name)
		}
	}
	return f
}
