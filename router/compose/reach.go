package compose

import (
	"sort"
	"strings"

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
	return &reach{c: c, labels: labels, closures: map[string]states{}, required: map[string]bool{}, busy: map[string]bool{}}
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

// state is one subgraph holding an object. With abstract set, it holds it as that interface object
// and does not know its type. provided is what a @provides on the way lets it resolve besides.
type state struct {
	sub      *subgraph
	abstract string
	provided ast.SelectionSet
	text     string // provided, in normal form
}

func (s state) id() string { return s.sub.name + "/" + s.abstract + "/" + s.text }

// typ is the type under which the subgraph holds an object of the given type.
func (s state) typ(object string) *typ {
	if s.abstract != "" {
		return s.sub.types[s.abstract]
	}
	return s.sub.types[object]
}

type states []state

func (ss states) key() string {
	ids := make([]string, len(ss))
	for i, s := range ss {
		ids[i] = s.id()
	}
	return strings.Join(ids, ",")
}

// concrete reports whether some subgraph knows the object's type.
func (ss states) concrete() bool {
	for _, s := range ss {
		if s.abstract == "" {
			return true
		}
	}
	return false
}

func (ss states) has(sub *subgraph, abstract string) bool {
	for _, s := range ss {
		if s.sub == sub && s.abstract == abstract {
			return true
		}
	}
	return false
}

func (ss states) sorted() states {
	out := append(states(nil), ss...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].id() < out[j].id() })
	kept := out[:0]
	for i, s := range out {
		if i == 0 || s.id() != out[i-1].id() {
			kept = append(kept, s)
		}
	}
	return kept
}

// closure adds every subgraph that can be entered by key from those given. Root types are held by
// every subgraph that has them.
func (r *reach) closure(object string, from states) states {
	if isRootName(object) {
		var all states
		for _, s := range r.c.subs {
			if t := s.types[object]; t != nil && t.def.Kind == ast.Object {
				all = append(all, state{sub: s})
			}
		}
		return all
	}
	from = from.sorted()
	key := object + "|" + from.key()
	if _, ok := r.closures[key]; !ok {
		r.settle(func() { r.close(object, from, key) })
	}
	if final, ok := r.closures[key]; ok {
		return final
	}
	return r.lower[key]
}

func (r *reach) close(object string, from states, key string) {
	if r.lower[key] == nil {
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
	at := r.lower[key]
	for grown := true; grown; {
		grown = false
		for _, s := range r.c.subs {
			for _, next := range r.entries(object, at, s) {
				at = append(at[:len(at):len(at)], next).sorted()
				grown, r.learnt = true, true
				r.lower[key] = at
			}
		}
	}
	r.roundClosed[key] = true
}

// entries are the ways into a subgraph by key that are not there yet.
func (r *reach) entries(object string, at states, s *subgraph) []state {
	var out []state
	concrete := at.concrete()
	if t := s.types[object]; t != nil && concrete && !at.has(s, "") && r.canEnter(object, at, t) {
		out = append(out, state{sub: s})
	}
	for _, i := range r.c.merged.types[object].interfaces {
		t := s.types[i]
		if t == nil {
			continue
		}
		if t.interfaceObject {
			if !at.has(s, i) && r.canEnter(object, at, t) {
				out = append(out, state{sub: s, abstract: i})
			}
			continue
		}
		// From an interface object, the interface's key leads to the type of the object.
		if impl := s.types[object]; impl != nil && has(impl.def.Interfaces, i) && at.abstractOf(i) && !at.has(s, "") && len(out) == 0 && r.canEnter(object, at, t) {
			out = append(out, state{sub: s})
		}
	}
	return out
}

func (ss states) abstractOf(name string) bool {
	for _, s := range ss {
		if s.abstract == name {
			return true
		}
	}
	return false
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
	for _, st := range at {
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
	key := object + "|" + f.def.Name + "|" + st.id() + "|" + at.key()
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
			for _, p := range r.c.merged.possible(m.typ.Name()) {
				if in := r.hold(p, next); len(in) > 0 && !r.canResolve(p, r.closure(p, in), sel.SelectionSet) {
					return false
				}
			}
		}
	}
	return true
}

// hold lists the states in which results of a field can be an object of the given type.
func (r *reach) hold(object string, results []held) states {
	var out states
	for _, h := range results {
		switch {
		case h.typ == nil:
		case h.typ.interfaceObject:
			if r.c.merged.subtype(object, h.typ.name()) {
				out = append(out, newState(h.sub, h.typ.name(), h.provided))
			}
		default:
			for _, p := range h.sub.possible(h.typ) {
				if p.name() == object {
					out = append(out, newState(h.sub, "", h.provided))
				}
			}
		}
	}
	return out.sorted()
}

func newState(s *subgraph, abstract string, provided ast.SelectionSet) state {
	return state{sub: s, abstract: abstract, provided: provided, text: normalSelection(provided)}
}
