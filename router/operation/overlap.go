package operation

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// overlaps is the rule "Field Selection Merging" (GraphQL specification 5.3.2). The specification
// compares every pair of fields; here fields are grouped by response key and compared to the first of
// their group, since both relations it needs are equivalences. Each expanded field is met once per
// level, so the work is linear but for fields of interfaces beside fields of their implementers,
// which the budget bounds.
func overlaps(schema *ast.Schema, doc *ast.QueryDocument) gqlerror.List {
	o := &overlapping{schema: schema, fragments: map[string]*ast.FragmentDefinition{}, budget: overlapBudget}
	for _, f := range doc.Fragments {
		o.fragments[f.Name] = f
	}
	for _, op := range doc.Operations {
		o.check([]ast.SelectionSet{op.SelectionSet}, true)
	}
	for _, f := range doc.Fragments {
		o.check([]ast.SelectionSet{f.SelectionSet}, true)
	}
	if o.budget < 0 {
		return gqlerror.List{gqlerror.Errorf("the operation is too complex: too many overlapping fields")}
	}
	return o.errs
}

const overlapBudget = 1_000_000

type overlapping struct {
	schema    *ast.Schema
	fragments map[string]*ast.FragmentDefinition
	budget    int
	errs      gqlerror.List
}

// collect gathers the fields of sets by response key, fragments expanded, each fragment once.
func (o *overlapping) collect(sets []ast.SelectionSet) (keys []string, groups map[string][]*ast.Field) {
	groups = map[string][]*ast.Field{}
	seen := map[string]bool{}
	var walk func(set ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			if o.budget--; o.budget < 0 {
				return
			}
			switch sel := sel.(type) {
			case *ast.Field:
				if _, ok := groups[sel.Alias]; !ok {
					keys = append(keys, sel.Alias)
				}
				groups[sel.Alias] = append(groups[sel.Alias], sel)
			case *ast.InlineFragment:
				walk(sel.SelectionSet)
			case *ast.FragmentSpread:
				if f := o.fragments[sel.Name]; f != nil && !seen[sel.Name] {
					seen[sel.Name] = true
					walk(f.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return keys, groups
}

// check compares the fields of the merged sets: their shapes always, their names and arguments when
// merge is set.
func (o *overlapping) check(sets []ast.SelectionSet, merge bool) {
	if o.budget < 0 || len(o.errs) >= maxErrors {
		return
	}
	keys, groups := o.collect(sets)
	for _, key := range keys {
		group := groups[key]
		for _, f := range group[1:] {
			if !o.sameShape(group[0], f) {
				o.conflict(key, group[0], f, "they return conflicting types "+typeText(group[0])+" and "+typeText(f))
				break
			}
		}
		if !merge {
			o.check(children(group), false)
			continue
		}
		classes := o.classes(group)
		for _, class := range classes {
			for _, f := range class[1:] {
				if reason := differs(class[0], f); reason != "" {
					o.conflict(key, class[0], f, reason)
					break
				}
			}
			o.check(children(class), true)
		}
		if len(classes) > 1 {
			o.check(children(group), false)
		}
	}
}

// classes splits fields of one response key into sets whose parents can be the same object.
func (o *overlapping) classes(group []*ast.Field) [][]*ast.Field {
	var abstract []*ast.Field
	var order []string
	concrete := map[string][]*ast.Field{}
	for _, f := range group {
		if f.ObjectDefinition == nil || f.ObjectDefinition.Kind != ast.Object {
			abstract = append(abstract, f)
			continue
		}
		name := f.ObjectDefinition.Name
		if _, ok := concrete[name]; !ok {
			order = append(order, name)
		}
		concrete[name] = append(concrete[name], f)
	}
	if len(order) == 0 {
		return [][]*ast.Field{abstract}
	}
	var out [][]*ast.Field
	for _, name := range order {
		o.budget -= len(abstract)
		out = append(out, append(append([]*ast.Field(nil), abstract...), concrete[name]...))
	}
	return out
}

func children(fields []*ast.Field) []ast.SelectionSet {
	var out []ast.SelectionSet
	for _, f := range fields {
		if len(f.SelectionSet) > 0 {
			out = append(out, f.SelectionSet)
		}
	}
	return out
}

func (o *overlapping) conflict(key string, a, b *ast.Field, reason string) {
	if len(o.errs) >= maxErrors {
		return
	}
	err := gqlerror.Errorf("Fields %q conflict because %s. Use different aliases on the fields to fetch both if this was intentional.", key, reason)
	err.Rule = "OverlappingFieldsCanBeMerged"
	for _, f := range []*ast.Field{a, b} {
		if f.Position != nil {
			err.Locations = append(err.Locations, gqlerror.Location{Line: f.Position.Line, Column: f.Position.Column})
		}
	}
	o.errs = append(o.errs, err)
}

func differs(a, b *ast.Field) string {
	if a.Name != b.Name {
		return `"` + a.Name + `" and "` + b.Name + `" are different fields`
	}
	if len(a.Arguments) != len(b.Arguments) {
		return "they have differing arguments"
	}
	for _, arg := range a.Arguments {
		other := b.Arguments.ForName(arg.Name)
		if other == nil || !sameValue(arg.Value, other.Value) {
			return "they have differing arguments"
		}
	}
	return ""
}

func sameValue(a, b *ast.Value) bool {
	if a.Kind != b.Kind || a.Raw != b.Raw || len(a.Children) != len(b.Children) {
		return false
	}
	for i, child := range a.Children {
		if a.Kind == ast.ObjectValue {
			other := b.Children.ForName(child.Name)
			if other == nil || !sameValue(child.Value, other) {
				return false
			}
		} else if !sameValue(child.Value, b.Children[i].Value) {
			return false
		}
	}
	return true
}

func (o *overlapping) sameShape(a, b *ast.Field) bool {
	if a.Definition == nil || b.Definition == nil {
		return true
	}
	s, t := a.Definition.Type, b.Definition.Type
	for {
		if s.NonNull != t.NonNull || (s.Elem == nil) != (t.Elem == nil) {
			return false
		}
		if s.Elem == nil {
			break
		}
		s, t = s.Elem, t.Elem
	}
	x, y := o.schema.Types[s.NamedType], o.schema.Types[t.NamedType]
	if x == nil || y == nil {
		return true
	}
	if x.IsLeafType() || y.IsLeafType() {
		return x.Name == y.Name
	}
	return true
}

func typeText(f *ast.Field) string {
	if f.Definition == nil {
		return "unknown"
	}
	return `"` + f.Definition.Type.String() + `"`
}
