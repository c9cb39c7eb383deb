// Package testgraph is a federation subgraph made from an SDL and tables of data, served over HTTP
// by a plain executor, so that a federation case in a test is one file.
//
// Data is JSON: "roots" gives root fields' values by "Query.field", "entities" the rows of each type.
// A value {"$ref": "User", "id": "1"} is the row of that type with those fields; {"$error": "text",
// "code": "C"} fails; {"$arg": "name"} is an argument; {"$join": ["price", "weight"]} joins fields of
// the object as text, which shows what an entity was given. Enter at Serve.
package testgraph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Data is what a subgraph answers with.
type Data struct {
	Roots    map[string]any   `json:"roots"`
	Entities map[string][]Row `json:"entities"`
	Raw      string           `json:"raw"`    // when set, every request gets this text
	Status   int              `json:"status"` // when set, every request gets this status
}

// Row is an object.
type Row map[string]any

// Subgraph is a running subgraph.
type Subgraph struct {
	*httptest.Server
	schema *ast.Schema
	data   Data

	mu       sync.Mutex
	requests []string
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
scalar _Any
`

// Serve starts a subgraph on a loopback port; the caller closes it.
func Serve(sdl string, data Data) (*Subgraph, error) {
	schema, err := Schema(sdl)
	if err != nil {
		return nil, err
	}
	s := &Subgraph{schema: schema, data: data}
	s.Server = httptest.NewServer(s)
	return s, nil
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
		if def.Kind == ast.Object && def.Directives.ForName("key") != nil {
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

// Requests returns the operations received so far.
func (s *Subgraph) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// ServeHTTP answers one GraphQL request.
func (s *Subgraph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, in.Query)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if s.data.Status != 0 {
		w.WriteHeader(s.data.Status)
	}
	if s.data.Raw != "" {
		_, _ = w.Write([]byte(s.data.Raw))
		return
	}
	_ = json.NewEncoder(w).Encode(s.execute(in.Query, in.Variables))
}

type failure struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

func (s *Subgraph) execute(query string, vars map[string]any) map[string]any {
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return map[string]any{"errors": []failure{{Message: "parse: " + err.Error()}}}
	}
	if errs := validator.ValidateWithRules(s.schema, doc, nil); len(errs) > 0 {
		return map[string]any{"errors": []failure{{Message: "validate: " + errs.Error() + " in " + query}}}
	}
	op := doc.Operations[0]
	root := s.schema.Query
	if op.Operation == ast.Mutation {
		root = s.schema.Mutation
	}
	x := &executing{s: s, vars: vars}
	out, ok := x.object(root, Row{}, op.SelectionSet, nil)
	body := map[string]any{"data": out}
	if !ok {
		body["data"] = nil
	}
	if len(x.errors) > 0 {
		body["errors"] = x.errors
	}
	return body
}
