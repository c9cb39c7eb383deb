package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// reach answers what can be resolved from where. Keys may need fields that need keys, and @requires
// fields that have @requires, in circles too; the answer is the least fixed point: what can be
// resolved without assuming itself. It is found in rounds. Within a round a question that meets
// itself is answered with what is known so far, and every question is worked out once; rounds repeat
// as long as the last one learnt something that a cut-off question could have used. What is known
// only grows, so the number of rounds is bounded by the number of questions.
type reach struct {
	c      *composer
	labels bool // progressive overrides in force

	closures map[string]states // final
	required map[string]bool   // final

	runtime map[*typ]map[string]bool // of a type in its subgraph
	merged  map[string][]string      // of a merged type
	typed   map[*mfield]bool         // fields whose possible types were compared

	depth       int
	busy        map[string]bool
	lower       map[string]states // closures as far as known, over rounds
	roundClosed map[string]bool   // closures worked out in this round
	yes         map[string]bool   // requirements known to hold
	roundNo     map[string]bool   // requirements that did not hold in this round
	cut         bool              // a question met itself in this round
	learnt      bool              // something new was found in this round
}

func newReach(c *composer, labels bool) *reach {
	return &reach{
		c: c, labels: labels, closures: map[string]states{}, required: map[string]bool{}, busy: map[string]bool{},
		runtime: map[*typ]map[string]bool{}, merged: map[string][]string{}, typed: map[*mfield]bool{},
	}
}

// settle asks a question in rounds until its answer is final, and keeps all that was found.
func (r *reach) settle(ask func()) {
	if r.depth > 0 {
		ask()
		return
	}
	r.depth++
	defer func() { r.depth-- }()
	r.lower, r.yes = map[string]states{}, map[string]bool{}
	for {
		r.roundClosed, r.roundNo = map[string]bool{}, map[string]bool{}
		r.cut, r.learnt = false, false
		ask()
		if !r.cut || !r.learnt {
			break
		}
	}
	for key := range r.roundClosed {
		r.closures[key] = r.lower[key]
	}
	for key := range r.yes {
		r.required[key] = true
	}
	for key := range r.roundNo {
		if !r.yes[key] {
			r.required[key] = false
		}
	}
}

// closure adds every subgraph that can be entered by key from those given. Root types are held by
// every subgraph that has them.
func (r *reach) closure(object string, from states) states {
	if isRootName(object) {
		var all []state
		for _, s := range r.c.subs {
			if t := s.types[object]; t != nil && t.def.Kind == ast.Object {
				all = append(all, newState(s, "", nil))
			}
		}
		return newStates(all)
	}
	key := object + "|" + from.key
	if _, ok := r.closures[key]; !ok {
		r.settle(func() { r.close(object, from, key) })
	}
	if final, ok := r.closures[key]; ok {
		return final
	}
	return r.lower[key]
}

func (r *reach) close(object string, from states, key string) {
	if _, ok := r.lower[key]; !ok {
		r.lower[key] = from
	}
	if r.roundClosed[key] {
		return
	}
	if r.busy[key] {
		r.cut = true
		return
	}
	r.busy[key] = true
	defer delete(r.busy, key)
	for {
		at := r.lower[key]
		var next []state
		for _, s := range r.c.subs {
			next = append(next, r.entries(object, at, s)...)
		}
		if len(next) == 0 {
			break
		}
		r.learnt = true
		r.lower[key] = at.with(next)
	}
	r.roundClosed[key] = true
}

// entries are the ways into a subgraph by key that are not there yet.
func (r *reach) entries(object string, at states, s *subgraph) []state {
	var out []state
	if t := s.types[object]; t != nil && at.concrete && !at.has(s, "") && r.canEnter(object, at, t) {
		out = append(out, newState(s, "", nil))
	}
	for _, i := range r.c.merged.types[object].interfaces {
		t := s.types[i]
		if t == nil {
			continue
		}
		if t.interfaceObject {
			if !at.has(s, i) && r.canEnter(object, at, t) {
				out = append(out, newState(s, i, nil))
			}
			continue
		}
		// From an interface object, the interface's key leads to the type of the object.
		if impl := s.types[object]; impl != nil && has(impl.def.Interfaces, i) && at.holdsAbstract(i) && !at.has(s, "") && len(out) == 0 && r.canEnter(object, at, t) {
			out = append(out, newState(s, "", nil))
		}
	}
	return out
}

// canEnter reports whether one of the type's resolvable keys can be given.
func (r *reach) canEnter(object string, at states, t *typ) bool {
	for _, k := range t.keys {
		if k.resolvable && r.canResolve(object, at, k.sels) {
			return true
		}
	}
	return false
}

// active reports whether the subgraph resolves the field at all, overrides considered.
func (r *reach) active(f *field) bool {
	if o := f.overriddenBy; o != nil && (o.override.label == "" || r.labels) {
		return false
	}
	return f.override == nil || f.override.label == "" || r.labels || !r.c.labelled(f)
}

// held is a field's result in one subgraph: of which type, there.
type held struct {
	sub      *subgraph
	typ      *typ
	provided ast.SelectionSet
}

// resolve lists where a field of an object can be resolved. at must be closed. A leaf's result has no
// type.
func (r *reach) resolve(object string, at states, name string) []held {
	var out []held
	for _, st := range at.list {
		t := st.typ(object)
		if t == nil {
			continue
		}
		f := t.byName[name]
		if f == nil {
			continue
		}
		below, provided := r.providedIn(st.provided, object, name)
		if !provided && (f.external != nil || !r.active(f)) {
			continue
		}
		if f.requires != nil && !provided && !r.canRequire(object, at, st, f) {
			continue
		}
		h := held{sub: st.sub, typ: st.sub.types[f.def.Type.Name()], provided: below}
		if f.provides != nil {
			h.provided = append(h.provided[:len(h.provided):len(h.provided)], f.provides.sels...)
		}
		out = append(out, h)
	}
	return out
}

// providedIn looks a field up in what was provided: its own selection, and whether it is there.
func (r *reach) providedIn(sels ast.SelectionSet, object, name string) (ast.SelectionSet, bool) {
	var below ast.SelectionSet
	found := false
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.Field:
			if sel.Name == name {
				found = true
				below = append(below, sel.SelectionSet...)
			}
		case *ast.InlineFragment:
			if sel.TypeCondition == "" || sel.TypeCondition == object || r.c.merged.subtype(object, sel.TypeCondition) {
				if inner, ok := r.providedIn(sel.SelectionSet, object, name); ok {
					found = true
					below = append(below, inner...)
				}
			}
		}
	}
	return below, found
}

// canRequire: the required fields can be had, and the subgraph entered (again) by key with them.
func (r *reach) canRequire(object string, at states, st state, f *field) bool {
	key := object + "|" + f.def.Name + "|" + st.id + "|" + at.key
	if final, ok := r.required[key]; ok {
		return final
	}
	r.settle(func() {
		switch {
		case r.yes[key] || r.roundNo[key]:
			return
		case r.busy[key]:
			r.cut = true
			return
		}
		r.busy[key] = true
		defer delete(r.busy, key)
		if r.canEnter(object, at, st.typ(object)) && r.canResolve(object, at, f.requires.sels) {
			r.yes[key], r.learnt = true, true
		} else {
			r.roundNo[key] = true
		}
	})
	if final, ok := r.required[key]; ok {
		return final
	}
	return r.yes[key]
}

// canResolve reports whether a selection on an object can be resolved from a closed set of states.
func (r *reach) canResolve(object string, at states, sels ast.SelectionSet) bool {
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			applies := sel.TypeCondition == "" || sel.TypeCondition == object || r.c.merged.subtype(object, sel.TypeCondition)
			if applies && !r.canResolve(object, at, sel.SelectionSet) {
				return false
			}
		case *ast.Field:
			if sel.Name == "__typename" {
				continue
			}
			next := r.resolve(object, at, sel.Name)
			if len(next) == 0 {
				return false
			}
			if len(sel.SelectionSet) == 0 {
				continue
			}
			m := r.c.merged.types[object].byName[sel.Name]
			if m == nil {
				return false
			}
			var held []string
			for _, p := range r.possible(m.typ.Name()) {
				in := r.hold(p, next)
				if len(in.list) == 0 {
					continue
				}
				if !r.canResolve(p, r.closure(p, in), sel.SelectionSet) {
					return false
				}
				held = append(held, p)
			}
			if !r.apply(r.possible(m.typ.Name()), held, sel.SelectionSet) {
				return false
			}
		}
	}
	return true
}

// apply reports whether each fragment of a selection that could apply to some of the objects that a field may
// have applies to one of those that are held: what it selects cannot be had where it never does.
func (r *reach) apply(objects, held []string, sels ast.SelectionSet) bool {
	for _, sel := range sels {
		f, ok := sel.(*ast.InlineFragment)
		if !ok {
			continue
		}
		all, of := r.narrowed(objects, f.TypeCondition), r.narrowed(held, f.TypeCondition)
		if len(all) > 0 && (len(of) == 0 || !r.apply(all, of, f.SelectionSet)) {
			return false
		}
	}
	return true
}

// narrowed are those of some objects that a type condition, "" for none, lets through.
func (r *reach) narrowed(objects []string, condition string) []string {
	return slices.DeleteFunc(slices.Clone(objects), func(o string) bool {
		return condition != "" && o != condition && !r.c.merged.subtype(o, condition)
	})
}

// hold lists the states in which results of a field can be an object of the given type.
func (r *reach) hold(object string, results []held) states {
	var out []state
	for _, h := range results {
		switch {
		case h.typ == nil:
		case h.typ.interfaceObject:
			if r.c.merged.subtype(object, h.typ.name()) {
				out = append(out, newState(h.sub, h.typ.name(), h.provided))
			}
		case r.canBe(h.typ, object):
			out = append(out, newState(h.sub, "", h.provided))
		}
	}
	return newStates(out)
}

// canBe reports whether an object of a type can be one of the named type, in the type's subgraph.
func (r *reach) canBe(t *typ, object string) bool {
	if t.def.Kind == ast.Object {
		return t.name() == object
	}
	names, ok := r.runtime[t]
	if !ok {
		names = map[string]bool{}
		for _, p := range t.sub.possible(t) {
			names[p.name()] = true
		}
		r.runtime[t] = names
	}
	return names[object]
}

// possible are the object types a merged type can be at run time.
func (r *reach) possible(name string) []string {
	names, ok := r.merged[name]
	if !ok {
		names = r.c.merged.possible(name)
		r.merged[name] = names
	}
	return names
}
