package testgraph

import "github.com/vektah/gqlparser/v2/ast"

// Guard decides what a caller may not see, while the answer is made: the plain way to do what a router has
// to do beforehand.
type Guard struct {
	// Field is asked for each field of an object. ways are the types that the field is written on, and the
	// conditions of the fragments around it there.
	Field func(object string, ways []string, field string) bool
	// Object is asked for each object, by its own type.
	Object func(object string) bool
}

// refused is the message of what a guard keeps back.
const refused = "Unauthorized field or type"

// With is the same subgraph with a guard; it shares no record of requests.
func (s *Subgraph) With(g *Guard) *Subgraph {
	return &Subgraph{
		schema: s.schema, data: s.data, guard: g, rows: s.rows,
		selections: map[string]ast.SelectionSet{}, documents: map[string]*ast.QueryDocument{},
	}
}
