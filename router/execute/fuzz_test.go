package execute_test

import (
	"bytes"
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
)

// replay is a transport whose subgraphs answer with given bytes, one after the other.
type replay struct {
	answers [][]byte
	next    atomic.Int64
}

func (r *replay) Do(context.Context, *execute.SubgraphRequest) ([]byte, error) {
	n := int(r.next.Add(1)) - 1
	return bytes.Clone(r.answers[n%len(r.answers)]), nil
}

// FuzzAnswers: whatever subgraphs answer, the client gets one valid JSON response.
func FuzzAnswers(f *testing.F) {
	sg := shop(f)
	p := planned(f, sg, `{ topProducts { n: name shippingEstimate reviews { body author { email } } } media { id ... on Book { reviews { id } } } }`)
	f.Add([]byte(`{"data":{"topProducts":[{"n":"a","upc":"1","price":1,"weight":2}],"media":[{"__typename":"Book","id":"1"}]}}`), []byte(`{"data":{"_entities":[{"reviews":[{"author":{"id":1}}]}]},"errors":[{"message":"m","path":["_entities",0,"reviews",0]}]}`))
	f.Add([]byte(`{"data":{"topProducts":{"a":[[]]},"media":7}}`), []byte(`{"data":{"_entities":[null,3]}}`))
	f.Add([]byte(`{"errors":[7,{"path":["_entities",99,{}]}]}`), []byte(`[]`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		e := execute.New(sg, &replay{answers: [][]byte{a, b}}, execute.Options{Errors: execute.AllErrors()})
		var out bytes.Buffer
		e.Execute(context.Background(), e.Prepare(p), nil, nil).WriteJSON(&out)
		if !json.Valid(out.Bytes()) {
			t.Fatalf("the response is no JSON: %s", out.Bytes())
		}
	})
}

// BenchmarkExecute measures everything but the network: four requests over two products.
func BenchmarkExecute(b *testing.B) {
	sg := shop(b)
	query := `{ topProducts { name price weight reviews { id body } } }`
	var list, entities []map[string]any
	for i := range 200 {
		list = append(list, map[string]any{"upc": i, "name": "a product", "price": i, "weight": 2})
		entities = append(entities, map[string]any{"reviews": []any{map[string]any{"id": "r", "body": "text"}, map[string]any{"id": "r", "body": "text"}}})
	}
	first, _ := json.Marshal(map[string]any{"data": map[string]any{"topProducts": list}})
	second, _ := json.Marshal(map[string]any{"data": map[string]any{"_entities": entities}})
	p := planned(b, sg, query)
	e := execute.New(sg, &replay{answers: [][]byte{first, second}}, execute.Options{})
	prepared := e.Prepare(p)
	b.ReportAllocs()
	for b.Loop() {
		r := e.Execute(context.Background(), prepared, nil, nil)
		if len(r.Errors) > 0 {
			b.Fatal(r.Errors)
		}
		r.Release()
	}
}

// BenchmarkPlan measures parsing, validation, normalization and planning of a query over four
// subgraphs.
func BenchmarkPlan(b *testing.B) {
	sg := shop(b)
	for b.Loop() {
		op, errs := operation.Prepare(sg, `{ topProducts { name inStock shippingEstimate reviews { body author { name email reviews { product { name } } } } } }`, "", operation.DefaultLimits())
		if errs != nil {
			b.Fatal(errs)
		}
		if _, err := planner.Plan(sg, op); err != nil {
			b.Fatal(err)
		}
	}
}
