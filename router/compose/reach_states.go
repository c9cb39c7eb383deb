package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// state is one subgraph holding an object. With abstract set, it holds it as that interface object
// and does not know its type. provided is what a @provides on the way lets it resolve besides.
type state struct {
	sub      *subgraph
	abstract string
	provided ast.SelectionSet
	id       string // the three above, as text
}

func newState(s *subgraph, abstract string, provided ast.SelectionSet) state {
	id := s.name
	if abstract != "" || len(provided) > 0 {
		id += "/" + abstract + "/" + normalSelection(provided)
	}
	return state{sub: s, abstract: abstract, provided: provided, id: id}
}

// typ is the type under which the subgraph holds an object of the given type.
func (s state) typ(object string) *typ {
	if s.abstract != "" {
		return s.sub.types[s.abstract]
	}
	return s.sub.types[object]
}

// states is a set of states, ordered by their ids. key tells sets apart.
type states struct {
	list     []state
	key      string
	concrete bool // some subgraph knows the object's type
}

func newStates(list []state) states {
	slices.SortFunc(list, func(a, b state) int { return strings.Compare(a.id, b.id) })
	list = slices.CompactFunc(list, func(a, b state) bool { return a.id == b.id })
	ss := states{list: list}
	var key strings.Builder
	for _, s := range list {
		key.WriteString(s.id)
		key.WriteByte(',')
		ss.concrete = ss.concrete || s.abstract == ""
	}
	ss.key = key.String()
	return ss
}

// with is the set and more.
func (ss states) with(more []state) states {
	return newStates(append(ss.list[:len(ss.list):len(ss.list)], more...))
}

func (ss states) has(sub *subgraph, abstract string) bool {
	return slices.ContainsFunc(ss.list, func(s state) bool { return s.sub == sub && s.abstract == abstract })
}

func (ss states) holdsAbstract(name string) bool {
	return slices.ContainsFunc(ss.list, func(s state) bool { return s.abstract == name })
}
