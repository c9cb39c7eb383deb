package testgraph

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

type failure struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
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
	_, _ = w.Write(s.Answer(in.Query, in.Variables))
}

// Answer executes one operation and returns the body of the response: data first, its fields in the
// order the specification gives them. An operation that this schema finds invalid gets one error whose
// message begins with "parse:", "validate:" or "variables:".
func (s *Subgraph) Answer(query string, vars map[string]any) []byte {
	if s.data.Raw != "" {
		return []byte(s.data.Raw)
	}
	doc, err := s.document(query)
	if err != nil {
		return refusal(err.Error())
	}
	op := doc.Operations[0]
	values, err := validator.VariableValues(s.schema, op, vars)
	if err != nil {
		return refusal("variables: " + err.Error() + " in " + query)
	}
	root := s.schema.Query
	switch op.Operation {
	case ast.Mutation:
		root = s.schema.Mutation
	case ast.Subscription: // one event
		root = s.schema.Subscription
	}
	x := &executing{s: s, vars: values}
	out, ok := x.object(root, Row{}, []selected{{op.SelectionSet, root.Name}}, nil)
	b := []byte(`{"data":`)
	if ok {
		b = appendJSON(b, out)
	} else {
		b = append(b, "null"...)
	}
	if len(x.errors) > 0 {
		b = append(b, `,"errors":`...)
		b = appendJSON(b, x.errors)
	}
	return append(b, '}')
}

// Validate says what is wrong with an operation by this schema, nil for nothing.
func (s *Subgraph) Validate(query string) error {
	_, err := s.document(query)
	return err
}

// Parsed is a valid operation, with the schema it is one of.
func (s *Subgraph) Parsed(query string) (*ast.Schema, *ast.QueryDocument, error) {
	doc, err := s.document(query)
	return s.schema, doc, err
}

// document parses and validates an operation, once.
func (s *Subgraph) document(query string) (*ast.QueryDocument, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if doc, ok := s.documents[query]; ok {
		return doc, nil
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return nil, fmt.Errorf("parse: %w in %s", err, query)
	}
	if errs := validator.ValidateWithRules(s.schema, doc, nil); len(errs) > 0 {
		return nil, fmt.Errorf("validate: %w in %s", errs, query)
	}
	s.documents[query] = doc
	return doc, nil
}

func refusal(message string) []byte {
	return append(appendJSON([]byte(`{"errors":`), []failure{{Message: message}}), '}')
}

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), m.key...), '"', ':')
			b = appendJSON(b, m.value)
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	}
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte("null")
	}
	return append(b, data...)
}
