package operation

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/supergraph"
)

// DeferUsage is one @defer at one place of an operation. A fragment spread twice has two.
type DeferUsage struct {
	ID     int // its index in Operation.Usages
	Label  string
	Parent *DeferUsage // the @defer it stands in, nil for none
	Depth  int         // response keys from the root to the objects its fragment is spread on
	Terms  []Term      // @skip and @include around it: all must hold, or it is not there
}

// within reports whether u stands in other, at any depth.
func (u *DeferUsage) within(other *DeferUsage) bool {
	for p := u.Parent; p != nil; p = p.Parent {
		if p == other {
			return true
		}
	}
	return false
}

// deferring is what an operation keeps to be normalized again once it is known what it defers.
type deferring struct {
	sg     *supergraph.Supergraph
	limits Limits
	always bool     // some @defer has no variable
	vars   []string // variables of @defer(if:), in the order of the text
}

// DeferKey names what an operation defers for coerced variables: equal keys, equal results of
// Deferred. It is "" when nothing is deferred. Subscriptions never defer: each event is one response.
func (o *Operation) DeferKey(vars map[string]any) string {
	if o.defers == nil {
		return ""
	}
	key, some := make([]byte, 0, len(o.defers.vars)), o.defers.always
	for _, name := range o.defers.vars {
		if holds(name, vars) {
			key, some = append(key, '1'), true
		} else {
			key = append(key, '0')
		}
	}
	if !some {
		return ""
	}
	return "d" + string(key)
}

// holds is the value of a variable in @defer(if:); one without a value leaves the argument its
// default, true.
func holds(name string, vars map[string]any) bool {
	v, given := vars[name]
	on, _ := v.(bool)
	return on || !given
}

// Deferred is the operation with its fields marked by the @defers that are active for coerced
// variables; o itself when none is.
func (o *Operation) Deferred(vars map[string]any) (*Operation, gqlerror.List) {
	if o.DeferKey(vars) == "" {
		return o, nil
	}
	n := newNormalizer(o.defers.sg, o.defers.limits)
	n.active = func(d *ast.Directive) bool {
		arg := d.Arguments.ForName("if")
		if arg == nil {
			return true
		}
		if arg.Value.Kind == ast.Variable {
			return holds(arg.Value.Raw, vars)
		}
		return arg.Value.Raw == "true"
	}
	root, errs := n.normalize(o.RootType, o.Def)
	if errs != nil {
		return nil, errs
	}
	coarsen(root, nil, map[string]bool{}, o.defers.limits.MaxDefers)
	out := *o
	out.Root, out.Usages = root, n.usages
	if o.guards != nil && o.guards.refused != nil {
		out.Root = o.guards.restrict(root)
	}
	return &out, nil
}

// coarsen bounds the different sets of @defers, each of which can cost a request: fifty @defers have
// many more when they overlap cunningly. Fields of a set beyond the limit are delivered with what is
// around them.
func coarsen(set *SelectionSet, around []*DeferUsage, seen map[string]bool, limit int) {
	for _, f := range set.Fields {
		if key := DeferSetKey(f.Defer); key != "" && !seen[key] {
			if len(seen) >= limit {
				f.Defer = around
			} else {
				seen[key] = true
			}
		}
		if f.Sel != nil {
			coarsen(f.Sel, f.Defer, seen, limit)
		}
	}
}

// DeferSetKey names a set of @defers as in Field.Defer; "" for none.
func DeferSetKey(set []*DeferUsage) string {
	var b []byte
	for _, u := range set {
		b = append(strconv.AppendInt(b, int64(u.ID), 10), ',')
	}
	return string(b)
}

// deferringOf finds the @defers of an operation that may be active; nil when there are none.
func deferringOf(sg *supergraph.Supergraph, def *ast.OperationDefinition, l Limits) *deferring {
	if def.Operation == ast.Subscription {
		return nil
	}
	d := &deferring{sg: sg, limits: l}
	seen := map[string]bool{}
	var walk func(set ast.SelectionSet)
	found := func(dirs ast.DirectiveList) {
		dir := dirs.ForName("defer")
		if dir == nil {
			return
		}
		switch arg := dir.Arguments.ForName("if"); {
		case arg == nil:
			d.always = true
		case arg.Value.Kind == ast.Variable:
			if !slices.Contains(d.vars, arg.Value.Raw) {
				d.vars = append(d.vars, arg.Value.Raw)
			}
		default:
			d.always = d.always || arg.Value.Raw == "true"
		}
	}
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				walk(sel.SelectionSet)
			case *ast.InlineFragment:
				found(sel.Directives)
				walk(sel.SelectionSet)
			case *ast.FragmentSpread:
				found(sel.Directives)
				if !seen[sel.Name] {
					seen[sel.Name] = true
					walk(sel.Definition.SelectionSet)
				}
			}
		}
	}
	walk(def.SelectionSet)
	if !d.always && len(d.vars) == 0 {
		return nil
	}
	return d
}

// usage is the @defer that a fragment's fields stand in: its own when it is active, else the one
// around it.
func (n *normalizer) usage(around *DeferUsage, dirs ast.DirectiveList, terms []Term) *DeferUsage {
	if n.active == nil {
		return nil
	}
	d := dirs.ForName("defer")
	if d == nil || !n.active(d) {
		return around
	}
	u := &DeferUsage{ID: len(n.usages), Parent: around, Depth: n.depth, Terms: terms}
	if label := d.Arguments.ForName("label"); label != nil && label.Value.Kind != ast.NullValue {
		u.Label = label.Value.Raw
	}
	if n.usages = append(n.usages, u); len(n.usages) > n.limits.MaxDefers {
		n.budget = -1
	}
	return u
}

// deferredBy is which @defers a field is delivered with, any of them: nil when it belongs to what is
// around them all. One within another of the set adds nothing to it, as in graphql-js.
func deferredBy(occs []occurrence) []*DeferUsage {
	var set []*DeferUsage
	for _, o := range occs {
		if o.usage == nil {
			return nil
		}
		if !slices.Contains(set, o.usage) {
			set = append(set, o.usage)
		}
	}
	var out []*DeferUsage
	for _, u := range set {
		if !slices.ContainsFunc(set, u.within) {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b *DeferUsage) int { return a.ID - b.ID })
	return out
}
