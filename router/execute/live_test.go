package execute_test

import (
	"context"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/operation"
	"storefront/router/planner"
)

// TestLive answers a subscription from what an event knows, and fetches only what it does not.
func TestLive(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "live", "orders.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	event := map[string]any{"id": "o1", "status": "PAID", "total": map[string]any{"amount": 7}}
	for _, c := range []struct {
		name, query string
		initial     bool
		root        map[string]any
		want        string
		requests    int
	}{
		{"event covered", `subscription { orderStatus(orderId: "o1") { id status total { amount } } }`, false, event,
			`{"orderStatus":{"id":"o1","status":"PAID","total":{"amount":7}}}`, 0},
		{"initial", `subscription { orderStatus(orderId: "o1") { id status total { amount } } }`, true, map[string]any{"id": "o1"},
			`{"orderStatus":{"id":"o1","status":"PLACED","total":{"amount":5}}}`, 1},
		{"event and the rest", `subscription { o: orderStatus(orderId: "o1") { status customer { name } total { amount currency } } }`, false, event,
			`{"o":{"status":"PAID","customer":{"name":"Ada"},"total":{"amount":7,"currency":"EUR"}}}`, 2},
		{"aliases crossing", `subscription { orderStatus(orderId: "o1") { id: status status: id note(lang: "nl") } }`, false, event,
			`{"orderStatus":{"id":"PAID","status":"o1","note":"nl"}}`, 1},
		{"unknown entity", `subscription { orderStatus(orderId: "o9") { id } }`, true, map[string]any{"id": "o9"},
			`{"orderStatus":{"id":"o9"}}`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			op, errs := operation.Prepare(h.sg, c.query, "", operation.DefaultLimits())
			if errs != nil {
				t.Fatal(errs)
			}
			p, err := planner.Plan(h.sg, op)
			if err != nil {
				t.Fatal(err)
			}
			before := h.requests()
			r := h.executor.ExecuteLive(context.Background(), h.executor.Prepare(p), c.initial, c.root, nil, nil)
			if string(r.Data) != c.want || len(r.Errors) > 0 {
				t.Errorf("data is %s, errors %v; want %s", r.Data, r.Errors, c.want)
			}
			if n := h.requests() - before; n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
		})
	}
}
