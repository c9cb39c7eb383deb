package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// machinery is what a federation library adds to a service's schema.
const machinery = `
directive @link(url: String!, import: [String!]) repeatable on SCHEMA
directive @key(fields: String!) repeatable on OBJECT
directive @external on FIELD_DEFINITION
directive @shareable on FIELD_DEFINITION
directive @requires(fields: String!) on FIELD_DEFINITION
directive @provides(fields: String!) on FIELD_DEFINITION
scalar _Any
`

// service answers GraphQL for one of the four services: it parses, validates and executes, and keeps
// the parsed documents, as a production server would.
type service struct {
	schema    *ast.Schema
	data      *tables
	documents sync.Map // the query as JSON → *ast.QueryDocument
}

func newService(name string) (*service, error) {
	sdl := file(name+".graphqls") + machinery
	entities := map[string]string{"accounts": "User", "inventory": "Product", "products": "Product", "reviews": "Review | User | Product"}[name]
	if name == "inventory" || name == "reviews" {
		sdl += "type Query { _entities(representations: [_Any!]!): [_Entity]! }\n"
	} else {
		sdl += "extend type Query { _entities(representations: [_Any!]!): [_Entity]! }\n"
	}
	sdl += "schema { query: Query }\nunion _Entity = " + entities
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: name, Input: sdl})
	if err != nil {
		return nil, fmt.Errorf("load schema of %s: %w", name, err)
	}
	return &service{schema: schema, data: newTables()}, nil
}

type request struct {
	Query     json.RawMessage            `json:"query"` // a string, as it came
	Variables map[string]json.RawMessage `json:"variables"`
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req request
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	doc, err := s.document(req.Query)
	if err != nil {
		answer, _ := json.Marshal(map[string]any{"errors": gqlerror.List{gqlerror.Wrap(err)}})
		w.Write(answer)
		return
	}
	x := &execution{service: s, vars: req.Variables}
	x.out = append(x.out, `{"data":`...)
	x.object(&record{typ: "Query"}, doc.Operations[0].SelectionSet)
	x.out = append(x.out, '}')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(x.out)))
	w.Write(x.out)
}

func (s *service) document(quoted []byte) (*ast.QueryDocument, error) {
	if doc, ok := s.documents.Load(string(quoted)); ok {
		return doc.(*ast.QueryDocument), nil
	}
	var query string
	if err := json.Unmarshal(quoted, &query); err != nil {
		return nil, err
	}
	doc, errs := gqlparser.LoadQuery(s.schema, query)
	if len(errs) > 0 {
		return nil, errs
	}
	s.documents.Store(string(quoted), doc)
	return doc, nil
}

type execution struct {
	*service
	vars map[string]json.RawMessage
	out  []byte
}

func (x *execution) object(r *record, set ast.SelectionSet) {
	x.out = append(x.out, '{')
	x.selections(r, set, true)
	x.out = append(x.out, '}')
}

func (x *execution) selections(r *record, set ast.SelectionSet, first bool) bool {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if !first {
				x.out = append(x.out, ',')
			}
			first = false
			x.out = append(append(append(x.out, '"'), sel.Alias...), `":`...)
			x.field(r, sel)
		case *ast.InlineFragment:
			if sel.TypeCondition == "" || sel.TypeCondition == r.typ {
				first = x.selections(r, sel.SelectionSet, first)
			}
		case *ast.FragmentSpread:
			if sel.Definition.TypeCondition == r.typ {
				first = x.selections(r, sel.Definition.SelectionSet, first)
			}
		}
	}
	return first
}

func (x *execution) field(r *record, f *ast.Field) {
	switch f.Name {
	case "__typename":
		x.out = strconv.AppendQuote(x.out, r.typ)
	case "users":
		x.value(x.data.users, f)
	case "me":
		x.value(x.data.users[0], f)
	case "user":
		x.value(x.data.byKey["User "+f.ArgumentMap(x.plainVars())["id"].(string)], f)
	case "topProducts":
		first, ok := f.ArgumentMap(x.plainVars())["first"].(int64)
		if !ok || first > int64(len(x.data.products)) {
			first = int64(len(x.data.products))
		}
		x.value(x.data.products[:max(first, 0)], f)
	case "_entities":
		x.entities(f)
	default:
		x.value(r.fields[f.Name], f)
	}
}

func (x *execution) plainVars() map[string]any {
	vars := map[string]any{}
	for name, raw := range x.vars {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			vars[name] = v
		}
	}
	return vars
}

func (x *execution) value(v any, f *ast.Field) {
	switch v := v.(type) {
	case text:
		x.out = append(x.out, v...)
	case int:
		x.out = strconv.AppendInt(x.out, int64(v), 10)
	case bool:
		x.out = strconv.AppendBool(x.out, v)
	case *record:
		if v == nil {
			x.out = append(x.out, "null"...)
			return
		}
		x.object(v, f.SelectionSet)
	case []*record:
		x.out = append(x.out, '[')
		for i, item := range v {
			if i > 0 {
				x.out = append(x.out, ',')
			}
			x.value(item, f)
		}
		x.out = append(x.out, ']')
	default:
		x.out = append(x.out, "null"...)
	}
}

// representation is what any of the services is sent of an entity.
type representation struct {
	Typename string `json:"__typename"`
	ID       string `json:"id"`
	UPC      string `json:"upc"`
	Price    int    `json:"price"`
	Weight   int    `json:"weight"`
}

func (x *execution) entities(f *ast.Field) {
	var reps []representation
	if v := f.Arguments.ForName("representations").Value; v.Kind == ast.Variable {
		if err := json.Unmarshal(x.vars[v.Raw], &reps); err != nil {
			reps = nil
		}
	}
	x.out = append(x.out, '[')
	for i, rep := range reps {
		if i > 0 {
			x.out = append(x.out, ',')
		}
		r := x.data.byKey[rep.Typename+" "+rep.ID+rep.UPC]
		if r == nil {
			x.out = append(x.out, "null"...)
			continue
		}
		if rep.Typename == "Product" && rep.Price != 0 {
			r = withEstimate(r, rep)
		}
		x.object(r, f.SelectionSet)
	}
	x.out = append(x.out, ']')
}

// withEstimate is a product with what inventory computes of its price and weight.
func withEstimate(r *record, rep representation) *record {
	estimate := rep.Weight / 2
	if rep.Price > 1000 {
		estimate = 0
	}
	return &record{r.typ, map[string]any{"upc": r.fields["upc"], "inStock": r.fields["inStock"], "shippingEstimate": estimate}}
}
