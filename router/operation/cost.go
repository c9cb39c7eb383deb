package operation

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/supergraph"
)

// What an operation costs at worst, after IBM's cost specification
// (https://ibm.github.io/graphql-specs/cost-spec.html) as Apollo Router reads it: an object costs 1, a leaf
// nothing, @cost says otherwise; a list costs its items, as many as @listSize says; an input object costs 1;
// a mutation costs 10 besides. A field written twice costs twice, and of a union or an interface all
// fragments count, so that nothing can be hidden. A leaf under an alias costs 1 beyond that: a schema has so many
// leaves, and aliases make them as many as one likes. Of introspection only what has an alias costs, each 1.
//
// The document is compiled once. A fragment is compiled once for each @listSize that it is spread under, and
// summed up once in each evaluation, so that the work is linear in the document and nothing is expanded.

// mutationCost is what a mutation costs besides its fields.
const mutationCost = 10

// CodeCost is the code of an operation that costs too much.
const CodeCost = "COST_TOO_HIGH"

// costs is an operation compiled to be summed up for variables.
type costs struct {
	sg       *supergraph.Supergraph
	root     *costSet
	base     int
	sets     int  // that fragments have made
	dynamic  bool // it depends on variables
	fixed    int  // when it does not
	listSize int
}

// costSet is a selection set. What its fields cost is constant + size * counted, where size is what the
// @listSize around says.
type costSet struct {
	fragment int // its number among shared ones; -1 for one that stands once
	fields   []costField
	spreads  []costSpread
}

type costSpread struct {
	terms []Term
	set   *costSet
}

type costField struct {
	key    string
	terms  []Term // all must hold
	weight int    // of one value
	list   bool
	sized  bool // its length is that of the @listSize around
	size   *supergraph.ListSize
	field  *ast.Field
	args   []costArg
	sub    *costSet
}

// costArg is an argument that costs something.
type costArg struct {
	weight *int
	typ    *ast.Type
	value  *ast.Value
}

// costing compiles.
type costing struct {
	sg     *supergraph.Supergraph
	out    *costs
	shared map[sharedSet]*costSet
}

type sharedSet struct {
	fragment *ast.FragmentDefinition
	around   *supergraph.ListSize
}

// costsOf compiles an operation that is valid.
func costsOf(sg *supergraph.Supergraph, def *ast.OperationDefinition, root string, l Limits) *costs {
	c := &costing{sg: sg, out: &costs{sg: sg, listSize: l.ListSize}, shared: map[sharedSet]*costSet{}}
	if def.Operation == ast.Mutation {
		c.out.base = mutationCost
	}
	c.out.root = c.set(def.SelectionSet, root, nil)
	if !c.out.dynamic {
		c.out.fixed, _ = c.out.cost(map[string]any{})
	}
	return c.out
}

func (c *costing) set(set ast.SelectionSet, on string, around *supergraph.ListSize) *costSet {
	out := &costSet{fragment: -1}
	c.into(out, set, on, around, nil)
	return out
}

func (c *costing) into(out *costSet, set ast.SelectionSet, on string, around *supergraph.ListSize, terms []Term) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if t, ok := c.conditions(terms, sel.Directives); ok && (sel.Name != "__typename" || sel.Alias != sel.Name) {
				out.fields = append(out.fields, c.field(sel, on, around, t))
			}
		case *ast.InlineFragment:
			if t, ok := c.conditions(terms, sel.Directives); ok {
				under := on
				if sel.TypeCondition != "" {
					under = sel.TypeCondition
				}
				c.into(out, sel.SelectionSet, under, around, t)
			}
		case *ast.FragmentSpread:
			t, ok := c.conditions(terms, sel.Directives)
			if !ok {
				continue
			}
			key := sharedSet{sel.Definition, around}
			shared := c.shared[key]
			if shared == nil {
				shared = &costSet{fragment: c.out.sets}
				c.out.sets++
				c.shared[key] = shared
				c.into(shared, sel.Definition.SelectionSet, sel.Definition.TypeCondition, around, nil)
			}
			out.spreads = append(out.spreads, costSpread{t, shared})
		}
	}
}

func (c *costing) conditions(terms []Term, dirs ast.DirectiveList) ([]Term, bool) {
	t, ok := conditions(terms, dirs)
	c.out.dynamic = c.out.dynamic || len(t) > 0
	return t, ok
}

func (c *costing) field(f *ast.Field, on string, around *supergraph.ListSize, terms []Term) costField {
	out := costField{key: f.Alias, terms: terms, list: f.Definition.Type.Elem != nil, field: f}
	out.sized = around != nil && slices.Contains(around.Sized, f.Name)
	returned := c.sg.Type(f.Definition.Type.Name())
	object := returned != nil && returned.Composite() && !strings.HasPrefix(returned.Name, "__")
	if object || f.Alias != f.Name {
		out.weight = 1
	}
	if returned != nil && returned.Weight != nil {
		out.weight = *returned.Weight
	}
	var own *supergraph.Field
	if t := c.sg.Type(on); t != nil {
		own = t.Field(f.Name)
	}
	if own != nil {
		if own.Weight != nil {
			out.weight = *own.Weight
		}
		out.size = own.ListSize
	}
	for _, a := range f.Arguments {
		def := f.Definition.Arguments.ForName(a.Name)
		var weight *int
		if own != nil {
			if w, ok := own.ArgWeights[a.Name]; ok {
				weight = &w
			}
		}
		if def == nil || weight == nil && !c.costly(def.Type) {
			continue
		}
		out.args = append(out.args, costArg{weight, def.Type, a.Value})
		c.out.dynamic = c.out.dynamic || variable(a.Value)
	}
	if out.size != nil {
		for _, path := range out.size.Slicing {
			name, _, _ := strings.Cut(path, ".")
			if a := f.Arguments.ForName(name); a != nil && variable(a.Value) {
				c.out.dynamic = true
			}
		}
		c.out.dynamic = c.out.dynamic || out.size.ExactlyOne // which can fail
	}
	if len(f.SelectionSet) > 0 {
		out.sub = c.set(f.SelectionSet, f.Definition.Type.Name(), out.size)
	}
	return out
}

// costly reports whether values of an input type cost anything: those of input objects do, and of types
// with a weight.
func (c *costing) costly(t *ast.Type) bool {
	in := c.sg.Type(t.Name())
	return in != nil && (in.Kind == ast.InputObject || in.Weight != nil)
}

func variable(v *ast.Value) bool {
	return v.Kind == ast.Variable || slices.ContainsFunc(v.Children, func(c *ast.ChildValue) bool { return variable(c.Value) })
}

// Cost is what the operation costs at worst with coerced variables. Where vars is nil, what variables say is
// not known: lists are as long as their defaults and the schema assume, and all that @skip and @include speak
// of is there. It fails where not exactly one of the slicing arguments is given that the schema wants one of.
func (o *Operation) Cost(vars map[string]any) (int, gqlerror.List) {
	if !o.costs.dynamic {
		return o.costs.fixed, nil
	}
	cost, err := o.costs.cost(vars)
	if err != nil {
		return 0, gqlerror.List{err}
	}
	return cost, nil
}

// Costliest is the way to the field that costs most, as response keys, such as "products.nodes.reviews":
// down as long as one field has more than half of what is there.
func (o *Operation) Costliest(vars map[string]any) string {
	s := o.costs.summing(vars)
	return s.most(o.costs.root)
}

func (c *costs) cost(vars map[string]any) (int, *gqlerror.Error) {
	s := c.summing(vars)
	sum := s.set(c.root)
	return max(add(sum.constant, c.base), 0), s.err
}

func (c *costs) summing(vars map[string]any) *summing {
	return &summing{costs: c, vars: vars, done: make([]sums, c.sets)}
}
