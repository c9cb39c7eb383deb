package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Implementers is how many types implement the interface of the schema: T0 to T99.
const Implementers = 100

// SDL is the schema of the one subgraph that hostile requests are for.
func SDL() string {
	var b strings.Builder
	b.WriteString(`
extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])

type Query {
  plain: String
  n: Int
  s(x: String, i: Int, f: Float, d: ID, l: [Int], in: In): String
  any(v: Any): String
  b: B
  node: Node
}
type Subscription { n: Int }
type B implements Node { id: ID! n: Int b: B node: Node s(x: String, i: Int, l: [Int], in: In): String }
interface Node { id: ID! b: B node: Node }
input In { a: Int in: In list: [In!] s: String }
scalar Any
`)
	for i := range Implementers {
		fmt.Fprintf(&b, "type T%d implements Node { id: ID! b: B node: Node }\n", i)
	}
	return b.String()
}

// Subgraph answers every operation on SDL: objects for what has a selection, something for what has none.
func Subgraph() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct{ Query string }
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		doc, err := parser.ParseQuery(&ast.Source{Input: req.Query})
		if err != nil || len(doc.Operations) != 1 {
			http.Error(w, fmt.Sprint("not an operation: ", err), http.StatusBadRequest)
			return
		}
		data := map[string]any{}
		fill(data, doc, doc.Operations[0].SelectionSet)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
	})
}

// fill writes what a selection asks for into an object. Every Node is a T7.
func fill(into map[string]any, doc *ast.QueryDocument, set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			switch sel.Name {
			case "plain", "s", "any", "id":
				into[sel.Alias] = "ok"
			case "n":
				into[sel.Alias] = 1
			case "__typename":
				if into[sel.Alias] == nil {
					into[sel.Alias] = "T7"
				}
			default:
				object, ok := into[sel.Alias].(map[string]any)
				if !ok {
					object = map[string]any{}
					into[sel.Alias] = object
				}
				if sel.Name == "b" {
					object["__typename"] = "B"
				}
				fill(object, doc, sel.SelectionSet)
			}
		case *ast.InlineFragment:
			if sel.TypeCondition == "" || sel.TypeCondition == "B" || sel.TypeCondition == "T7" || sel.TypeCondition == "Node" {
				fill(into, doc, sel.SelectionSet)
			}
		case *ast.FragmentSpread:
			if f := doc.Fragments.ForName(sel.Name); f != nil {
				fill(into, doc, f.SelectionSet)
			}
		}
	}
}
