package execute_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"storefront/router/execute"
)

// TestLimits: whatever subgraphs send, and however often an entity is to be written, one operation takes
// no more than its limits, and says so in one error.
func TestLimits(t *testing.T) {
	sg := shop(t)
	many := func(n int, item string) string { return strings.Repeat(item+",", n-1) + item }
	aliases := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "n%d: name ", i)
		}
		return b.String()
	}
	products := `{"data":{"topProducts":[` + many(500, `{"upc":"1","name":"n"}`) + `]}}`
	reviews := `{"data":{"_entities":[{"reviews":[` + many(500, `{"body":"`+strings.Repeat("x", 100)+`"}`) + `]}]}}`
	for _, c := range []struct {
		name, query string
		answers     []string
		opts        execute.Options
		data, error string
		requests    int64
	}{
		{"one answer too large", `{ topProducts { name } }`, []string{products}, execute.Options{MaxAnswerBytes: 1000},
			`null`, "the answers of subgraphs to this operation are larger than 1000 bytes", 1},
		{"nothing more is asked for", `{ topProducts { name reviews { body } } }`, []string{products[:len(products)-2] + "}}" + strings.Repeat(" ", 200), reviews}, execute.Options{MaxAnswerBytes: len(products)},
			`null`, fmt.Sprintf("the answers of subgraphs to this operation are larger than %d bytes", len(products)), 1},
		{"answers too large together", `{ topProducts { name reviews { body } } }`, []string{products, reviews}, execute.Options{MaxAnswerBytes: len(reviews) + 10},
			"", fmt.Sprintf("the answers of subgraphs to this operation are larger than %d bytes", len(reviews)+10), 2},
		{"small objects of many fields", `{ topProducts { ` + aliases(200) + ` } }`, []string{`{"data":{"topProducts":[` + many(1000, `{}`) + `]}}`}, execute.Options{MaxAnswerBytes: 5000},
			`null`, "the answers of subgraphs to this operation are larger than 5000 bytes", 1},
		{"many items", `{ topProducts { name } }`, []string{`{"data":{"topProducts":[` + many(2000, `1`) + `]}}`}, execute.Options{MaxAnswerBytes: 5000},
			`null`, "the answers of subgraphs to this operation are larger than 5000 bytes", 1},
		{"an entity at many places", `{ topProducts { name reviews { body } } }`, []string{products, reviews}, execute.Options{MaxResponseBytes: 1 << 20},
			`null`, "the response is larger than 1048576 bytes", 2},
		{"within the limits", `{ topProducts { reviews { body } } }`, []string{products, reviews}, execute.Options{MaxAnswerBytes: len(products) + len(reviews), MaxResponseBytes: 500 * len(reviews)},
			"", "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := planned(t, sg, c.query)
			subgraphs := &replay{}
			for _, a := range c.answers {
				subgraphs.answers = append(subgraphs.answers, []byte(a))
			}
			e := execute.New(sg, subgraphs, c.opts)
			r := e.Execute(t.Context(), e.Prepare(p), nil, nil)
			if n := subgraphs.next.Load(); n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			if !json.Valid(r.Data) || c.data != "" && string(r.Data) != c.data {
				t.Errorf("data is %.100s, want %s", r.Data, c.data)
			}
			switch {
			case c.error == "" && len(r.Errors) > 0:
				t.Errorf("errors %v", r.Errors)
			case c.error != "" && (len(r.Errors) == 0 || r.Errors[0].Message != c.error || r.Errors[0].Extensions["code"] != "TOO_MANY"):
				t.Errorf("errors %v, want %q", r.Errors, c.error)
			}
		})
	}
}
