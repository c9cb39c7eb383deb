package operation

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/supergraph"
)

// guards are the rights that the fields of an operation ask for, and which of them its caller lacks.
type guards struct {
	sg      *supergraph.Supergraph
	list    []*supergraph.Access        // in the order of the operation
	refused map[*supergraph.Access]bool // nil before Restrict
}

// Denial is the code and the message of the errors at refused fields; those of Apollo Router where there are none.
type Denial struct{ Code, Message string }

// Refusal is a field that a caller may not see.
type Refusal struct {
	Path []string // response keys; "@" stands for the items of a list
	On   []string // object types it is refused on; nil for all
}

// String is the path as Apollo Router writes it, such as "products.@.cost".
func (r Refusal) String() string { return strings.Join(r.Path, ".") }

// guardsOf finds what an operation asks for; nil when that is nothing.
func guardsOf(sg *supergraph.Supergraph, root *SelectionSet) *guards {
	if !sg.Guarded() {
		return nil
	}
	g := &guards{sg: sg}
	seen := map[*supergraph.Access]bool{}
	var walk func(set *SelectionSet)
	add := func(a *supergraph.Access) bool {
		if !seen[a] {
			seen[a] = true
			g.list = append(g.list, a)
		}
		return false
	}
	walk = func(set *SelectionSet) {
		for _, typ := range g.typesOf(set.Type, nil) {
			g.ofType(typ, add)
		}
		for _, f := range set.Fields {
			for _, typ := range g.typesOf(set.Type, f.On) {
				g.ofField(set.Type, typ, f, add)
			}
			if f.Sel != nil {
				walk(f.Sel)
			}
		}
	}
	walk(root)
	if len(g.list) == 0 {
		return nil
	}
	return g
}

// Access lists the different rights that the operation's fields ask for.
func (o *Operation) Access() []*supergraph.Access {
	if o.guards == nil {
		return nil
	}
	return o.guards.list
}

// Granted says which of Access a caller with these rights is granted.
func (o *Operation) Granted(r supergraph.Rights) []bool {
	granted := make([]bool, len(o.Access()))
	for i, a := range o.Access() {
		granted[i] = a.Granted(r)
	}
	return granted
}

// Restrict is the operation as a caller may run it who is not granted the rights of which granted is
// false, by their place in Access. What is refused stays in it, marked, and told is what clients hear of it.
//
// A field is refused on an object when the caller lacks what one of these asks for: the field as the type
// selected here declares it, as the object's own type does, or as the condition of a fragment around it
// does; these types themselves; the type the field returns. Where it is written in several ways, the
// strictest counts, whatever @skip and @include make of it. An object that an interface or a union turns
// out to be is refused when its own type is.
func (o *Operation) Restrict(granted []bool, told Denial) *Operation {
	out, g := *o, *o.guards
	out.Denial = told
	g.refused = map[*supergraph.Access]bool{}
	for i, a := range g.list {
		if !granted[i] {
			g.refused[a] = true
		}
	}
	out.guards = &g
	out.Root = g.restrict(o.Root)
	return &out
}

// Refusals lists what Restrict has marked.
func (o *Operation) Refusals() []Refusal {
	var out []Refusal
	var walk func(set *SelectionSet, path []string)
	walk = func(set *SelectionSet, path []string) {
		if len(set.Refused) > 0 {
			out = append(out, Refusal{slices.Clone(path), set.Refused})
		}
		for _, f := range set.Fields {
			at := append(path[:len(path):len(path)], f.Key)
			if f.Refused {
				out = append(out, Refusal{at, f.On})
			}
			if f.Sel == nil {
				continue
			}
			for t := f.Def.Type; t.Elem != nil; t = t.Elem {
				at = append(at, "@")
			}
			walk(f.Sel, at)
		}
	}
	walk(o.Root, nil)
	return out
}

// typesOf are the object types that a field applies to at a position.
func (g *guards) typesOf(position string, on []string) []string {
	if on != nil {
		return on
	}
	return g.sg.Possible(position)
}

// restrict copies a selection, with what is refused marked.
func (g *guards) restrict(set *SelectionSet) *SelectionSet {
	out := &SelectionSet{Type: set.Type}
	all := g.sg.Possible(set.Type)
	seen := all // the object types the caller may see
	if len(all) == 0 {
		seen = []string{set.Type}
	} else if g.abstract(set.Type) {
		seen = nil
		for _, typ := range all {
			if g.ofType(typ, g.lacks) {
				out.Refused = append(out.Refused, typ)
			} else {
				seen = append(seen, typ)
			}
		}
	}
	for _, f := range set.Fields {
		if strings.HasPrefix(f.Name, "__") {
			out.Fields = append(out.Fields, f)
			continue
		}
		var granted, refused []string
		for _, typ := range seen {
			switch {
			case f.On != nil && !contains(f.On, typ):
			case g.ofField(set.Type, typ, f, g.lacks):
				refused = append(refused, typ)
			default:
				granted = append(granted, typ)
			}
		}
		narrowed := func(on []string) (c Field) {
			c = *f
			if len(on) < len(all) {
				c.On, c.Exact = on, c.Exact || len(refused) > 0 || len(seen) < len(all)
			}
			return c
		}
		if len(granted) > 0 {
			c := narrowed(granted)
			if c.Sel != nil {
				c.Sel = g.restrict(c.Sel)
			}
			out.Fields = append(out.Fields, &c)
		}
		if len(refused) > 0 {
			c := narrowed(refused)
			c.Refused, c.Sel = true, nil
			out.Fields = append(out.Fields, &c)
		}
	}
	return out
}

func (g *guards) lacks(a *supergraph.Access) bool { return g.refused[a] }

func (g *guards) abstract(name string) bool {
	t := g.sg.Type(name)
	return t != nil && t.Abstract()
}

// ofType tests what a type asks for.
func (g *guards) ofType(name string, test func(*supergraph.Access) bool) bool {
	t := g.sg.Type(name)
	return t != nil && t.Access != nil && test(t.Access)
}

// ofField tests all that a field asks for on one object type, until one is true.
func (g *guards) ofField(position, object string, f *Field, test func(*supergraph.Access) bool) bool {
	if strings.HasPrefix(f.Name, "__") {
		return false
	}
	if g.declared(position, f.Name, test) || position != object && g.declared(object, f.Name, test) {
		return true
	}
	for _, way := range f.Ways {
		if way != object && g.declared(way, f.Name, test) {
			return true
		}
	}
	return false
}

// declared tests what a type, its field of that name and the type which that returns ask for.
func (g *guards) declared(name, field string, test func(*supergraph.Access) bool) bool {
	t := g.sg.Type(name)
	if t == nil {
		return false
	}
	if t.Access != nil && test(t.Access) {
		return true
	}
	f := t.Field(field)
	return f != nil && (f.Access != nil && test(f.Access) || g.returned(f.Def.Type, test))
}

// returned tests what a returned type asks for; an interface or a union asks, besides, for what all its
// objects ask for each.
func (g *guards) returned(t *ast.Type, test func(*supergraph.Access) bool) bool {
	name := t.Name()
	if g.ofType(name, test) {
		return true
	}
	if !g.abstract(name) {
		return false
	}
	objects := g.sg.Possible(name)
	none := len(objects) > 0
	for _, object := range objects {
		none = g.ofType(object, test) && none
	}
	return none
}

// waysOf joins the ways of occurrences.
func waysOf(occs []occurrence) []string {
	var out []string
	for _, o := range occs {
		for _, way := range o.ways {
			if !slices.Contains(out, way) {
				out = append(out, way)
			}
		}
	}
	slices.Sort(out)
	return out
}
