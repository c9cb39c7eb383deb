package operation

// What a compiled operation costs for variables.

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/supergraph"
)

// sums are what a selection set costs: constant + size * counted.
type sums struct {
	constant, counted int
	known             bool
}

// summing is one evaluation.
type summing struct {
	*costs
	vars map[string]any
	done []sums
	err  *gqlerror.Error
}

func (s *summing) holds(terms []Term) bool {
	if s.vars == nil {
		return true
	}
	return !slices.ContainsFunc(terms, func(t Term) bool { v, _ := s.vars[t.Var].(bool); return v != t.Want })
}

func (s *summing) set(set *costSet) (out sums) {
	if set == nil {
		return sums{}
	}
	if set.fragment >= 0 && s.done[set.fragment].known {
		return s.done[set.fragment]
	}
	for i := range set.fields {
		f := &set.fields[i]
		if !s.holds(f.terms) {
			continue
		}
		args, size, each := s.field(f)
		out.constant = add(out.constant, args)
		if f.sized {
			out.counted = add(out.counted, each)
		} else {
			out.constant = add(out.constant, times(size, each))
		}
	}
	for _, spread := range set.spreads {
		if s.holds(spread.terms) {
			inner := s.set(spread.set)
			out.constant, out.counted = add(out.constant, inner.constant), add(out.counted, inner.counted)
		}
	}
	if set.fragment >= 0 {
		out.known = true
		s.done[set.fragment] = out
	}
	return out
}

// field is what a field's arguments cost, how many values it has at most, and what each of them costs.
func (s *summing) field(f *costField) (args, size, each int) {
	for _, a := range f.args {
		args = add(args, s.literal(a.weight, a.typ, a.value))
	}
	size = 1
	said := -1
	if f.size != nil {
		said = s.sizeOf(f)
	}
	if f.list {
		if size = s.listSize; said >= 0 && len(f.size.Sized) == 0 {
			size = said
		}
	}
	inner := s.set(f.sub)
	if said < 0 {
		said = s.listSize
	}
	return args, size, add(add(f.weight, inner.constant), times(said, inner.counted))
}

// sizeOf is how long a list is at most by @listSize; -1 for unsaid. The longest of the slicing arguments
// counts, then the assumed size.
func (s *summing) sizeOf(f *costField) int {
	most, given := -1, 0
	for _, path := range f.size.Slicing {
		n, there := s.slicing(f.field, path)
		if there {
			given++
		}
		most = max(most, n)
	}
	if f.size.ExactlyOne && given != 1 && s.vars != nil && s.err == nil {
		s.err = gqlerror.ErrorPosf(f.field.Position, "%s", Brief("the field "+f.field.Name+" needs exactly one of the arguments "+strings.Join(f.size.Slicing, ", ")+", to say how long its list may be"))
		s.err.Extensions = map[string]any{"code": CodeInvalid}
	}
	if most < 0 {
		return f.size.Assumed
	}
	return most
}

// slicing is the value of a slicing argument, -1 where it has none that is known; there reports whether it
// is given.
func (s *summing) slicing(f *ast.Field, path string) (n int, there bool) {
	name, rest, _ := strings.Cut(path, ".")
	def := f.Definition.Arguments.ForName(name)
	v := (*ast.Value)(nil)
	if a := f.Arguments.ForName(name); a != nil {
		v = a.Value
	} else if def != nil {
		v = def.DefaultValue
	}
	if v == nil {
		return -1, false
	}
	if v.Kind == ast.Variable && s.vars == nil {
		if v.VariableDefinition != nil && v.VariableDefinition.DefaultValue != nil {
			v = v.VariableDefinition.DefaultValue
		} else {
			return -1, true
		}
	}
	value, err := v.Value(s.vars)
	if _, given := s.vars[v.Raw]; v.Kind == ast.Variable && !given && def != nil && def.DefaultValue != nil {
		value, err = def.DefaultValue.Value(nil)
	}
	for err == nil && rest != "" {
		in, ok := value.(map[string]any)
		if !ok {
			return -1, false
		}
		name, rest, _ = strings.Cut(rest, ".")
		value = in[name]
	}
	if err != nil || value == nil {
		return -1, false
	}
	return whole(value), true
}

// whole is a number as a list's length: what is below 0 is none.
func whole(v any) int {
	switch n := v.(type) {
	case int64:
		return int(max(n, 0))
	case int:
		return max(n, 0)
	case float64:
		return int(max(n, 0))
	case json.Number:
		if i, err := strconv.Atoi(string(n)); err == nil {
			return max(i, 0)
		}
		if f, err := n.Float64(); err == nil {
			return int(max(min(f, saturated), 0))
		}
	}
	return -1
}

// literal is what an argument's value costs, with what is in it.
func (s *summing) literal(weight *int, t *ast.Type, v *ast.Value) int {
	if v == nil {
		return 0
	}
	switch v.Kind {
	case ast.Variable:
		return s.value(weight, t, s.vars[v.Raw])
	case ast.NullValue:
		return 0
	case ast.ListValue:
		cost := 0
		for _, item := range v.Children {
			cost = add(cost, s.literal(weight, itemOf(t), item.Value))
		}
		return cost
	case ast.ObjectValue:
		in := s.sg.Type(t.Name())
		cost := s.input(weight, in)
		for _, child := range v.Children {
			if f := fieldOf(in, child.Name); f != nil {
				cost = add(cost, s.literal(f.Weight, f.Def.Type, child.Value))
			}
		}
		return cost
	}
	return s.input(weight, s.sg.Type(t.Name()))
}

// value is literal for a variable's value.
func (s *summing) value(weight *int, t *ast.Type, v any) int {
	switch v := v.(type) {
	case nil:
		return 0
	case []any:
		cost := 0
		for _, item := range v {
			cost = add(cost, s.value(weight, itemOf(t), item))
		}
		return cost
	case map[string]any:
		in := s.sg.Type(t.Name())
		cost := s.input(weight, in)
		if in == nil || in.Kind != ast.InputObject {
			return cost
		}
		for _, f := range in.Fields() {
			if inner, ok := v[f.Name]; ok {
				cost = add(cost, s.value(f.Weight, f.Def.Type, inner))
			}
		}
		return cost
	}
	return s.input(weight, s.sg.Type(t.Name()))
}

// input is what one value of an input type costs, without what is in it.
func (s *summing) input(weight *int, in *supergraph.Type) int {
	switch {
	case weight != nil:
		return *weight
	case in != nil && in.Weight != nil:
		return *in.Weight
	case in != nil && in.Kind == ast.InputObject:
		return 1
	}
	return 0
}

func itemOf(t *ast.Type) *ast.Type {
	if t.Elem != nil {
		return t.Elem
	}
	return t
}

func fieldOf(in *supergraph.Type, name string) *supergraph.Field {
	if in == nil {
		return nil
	}
	return in.Field(name)
}

// most is Costliest.
func (s *summing) most(set *costSet) string {
	var path []string
	for size := 1; set != nil; {
		best, cost, all := (*costField)(nil), 0, 0
		s.each(set, func(f *costField) {
			args, own, each := s.field(f)
			if f.sized {
				own = size
			}
			c := add(args, times(own, each))
			all = add(all, c)
			if c > cost || best == nil {
				best, cost = f, c
			}
		})
		if best == nil || len(path) > 0 && cost*2 <= all {
			break
		}
		path = append(path, best.key)
		size = s.listSize
		if best.size != nil {
			if n := s.sizeOf(best); n >= 0 {
				size = n
			}
		}
		set = best.sub
	}
	return strings.Join(path, ".")
}

// each calls f for the fields of a set and of the fragments spread in it, each fragment once.
func (s *summing) each(set *costSet, f func(*costField)) {
	seen := map[*costSet]bool{}
	var walk func(set *costSet)
	walk = func(set *costSet) {
		if seen[set] {
			return
		}
		seen[set] = true
		for i := range set.fields {
			if s.holds(set.fields[i].terms) {
				f(&set.fields[i])
			}
		}
		for _, spread := range set.spreads {
			if s.holds(spread.terms) {
				walk(spread.set)
			}
		}
	}
	walk(set)
}

func times(a, b int) int {
	if a > 0 && b > 0 && a > saturated/b {
		return saturated
	}
	return min(a*b, saturated)
}
