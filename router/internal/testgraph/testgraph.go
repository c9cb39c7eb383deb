// Package testgraph is a federation subgraph made from an SDL and tables of data, served over HTTP
// by a plain executor, so that a federation case in a test is one file.
//
// Data is JSON: "roots" gives root fields' values by "Query.field", "entities" the rows of each type.
// A value {"$ref": "User", "id": "1"} is the row of that type with those fields; {"$error": "text",
// "code": "C"} fails; {"$arg": "name"} is an argument; {"$join": ["price", "weight"]} joins fields of
// the object as text, which shows what an entity was given; {"$mix": "text", "of": "price org { name }"}
// does so for a selection and for the field's arguments, as a text or, with "from": [...], as one of
// those values. A row's "$id" tells rows without keys apart in {"$ref": ...}; a row with "$missing": true
// is null as an entity, one with "$fails": "text" an error. Enter at Serve, or at New without a network.
package testgraph

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Data is what a subgraph answers with.
type Data struct {
	Roots    map[string]any   `json:"roots,omitempty"`
	Entities map[string][]Row `json:"entities,omitempty"`
	Contexts bool             `json:"contexts,omitempty"` // arguments with @fromContext are read of the objects above
	Raw      string           `json:"raw,omitempty"`      // when set, every request gets this text
	Status   int              `json:"status,omitempty"`   // when set, every request gets this status
}

// Row is an object.
type Row map[string]any

// Subgraph is a running subgraph.
type Subgraph struct {
	*httptest.Server
	schema *ast.Schema
	data   Data

	guard *Guard // nil: everything may be seen

	mu         sync.Mutex
	requests   []string
	selections map[string]ast.SelectionSet   // parsed field sets of data
	documents  map[string]*ast.QueryDocument // valid operations
	rows       func() *schemaRows            // for introspection
}

const federation = `
directive @key(fields: String!, resolvable: Boolean = true) repeatable on OBJECT | INTERFACE
directive @requires(fields: String!) on FIELD_DEFINITION
directive @provides(fields: String!) on FIELD_DEFINITION
directive @external(reason: String) on OBJECT | FIELD_DEFINITION
directive @shareable repeatable on OBJECT | FIELD_DEFINITION
directive @override(from: String!, label: String) on FIELD_DEFINITION
directive @inaccessible on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
directive @tag(name: String!) repeatable on FIELD_DEFINITION | OBJECT | INTERFACE | UNION | ARGUMENT_DEFINITION | SCALAR | ENUM | ENUM_VALUE | INPUT_OBJECT | INPUT_FIELD_DEFINITION
directive @extends on OBJECT | INTERFACE
directive @interfaceObject on OBJECT
directive @context(name: String!) repeatable on OBJECT | INTERFACE | UNION
directive @fromContext(field: String) on ARGUMENT_DEFINITION
directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @policy(policies: [[String!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @cost(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
scalar _Any
`

// Serve starts a subgraph on a loopback port; the caller closes it.
func Serve(sdl string, data Data) (*Subgraph, error) {
	s, err := New(sdl, data)
	if err != nil {
		return nil, err
	}
	s.Server = httptest.NewServer(s)
	return s, nil
}

// New makes a subgraph that listens nowhere; Answer executes operations on it.
func New(sdl string, data Data) (*Subgraph, error) {
	schema, err := Schema(sdl)
	if err != nil {
		return nil, err
	}
	return &Subgraph{
		schema: schema, data: data,
		selections: map[string]ast.SelectionSet{}, documents: map[string]*ast.QueryDocument{},
		rows: sync.OnceValue(func() *schemaRows { return introspected(schema) }),
	}, nil
}

// Schema is what a subgraph of that SDL serves, _entities included.
func Schema(sdl string) (*ast.Schema, error) {
	doc, err := parser.ParseSchemas(validator.Prelude, &ast.Source{Name: "sdl", Input: sdl}, &ast.Source{Name: "federation", Input: federation})
	if err != nil {
		return nil, fmt.Errorf("parse subgraph: %w", err)
	}
	doc.SchemaExtension = nil
	var entities []string
	for _, def := range append(append(ast.DefinitionList{}, doc.Definitions...), doc.Extensions...) {
		if def.Kind == ast.Object && resolvable(def) && !slices.Contains(entities, def.Name) {
			entities = append(entities, def.Name)
		}
	}
	extra := ""
	if doc.Definitions.ForName("Query") == nil && doc.Extensions.ForName("Query") == nil {
		extra = "type Query { _sdl: String }\n"
	}
	if len(entities) > 0 {
		extra += "union _Entity = " + strings.Join(entities, " | ") +
			"\nextend type Query { _entities(representations: [_Any!]!): [_Entity]! }\n"
	}
	more, err := parser.ParseSchema(&ast.Source{Name: "entities", Input: extra})
	if err != nil {
		return nil, fmt.Errorf("parse entities: %w", err)
	}
	doc.Merge(more)
	schema, err := validator.ValidateSchemaDocument(doc)
	if err != nil {
		return nil, fmt.Errorf("validate subgraph: %w", err)
	}
	return schema, nil
}

// resolvable reports whether a type can be entered by some key.
func resolvable(def *ast.Definition) bool {
	for _, d := range def.Directives.ForNames("key") {
		if a := d.Arguments.ForName("resolvable"); a == nil || a.Value.Raw != "false" {
			return true
		}
	}
	return false
}

// Requests returns the operations received so far.
func (s *Subgraph) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}
