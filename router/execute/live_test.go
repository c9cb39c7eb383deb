package execute_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
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

// TestEventsTogether: events that are answered together get what each gets alone, with one request a fetch.
func TestEventsTogether(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "live", "orders.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	var roots []map[string]any
	for _, id := range []string{"o1", "o2", "o9", "o3", "o1"} {
		roots = append(roots, map[string]any{"id": id, "status": "EVENT", "total": map[string]any{"amount": len(roots)}})
	}
	for query, requests := range map[string]int{
		`subscription { orderStatus(orderId: "o1") { id status total { amount } } }`:                            0,
		`subscription { orderStatus(orderId: "o1") { id note(lang: "nl") } }`:                                   1,
		`subscription { o: orderStatus(orderId: "o1") { n: note customer { who: name } total { currency } } }`:  2,
		`subscription { orderStatus(orderId: "o1") { status customer { id name } } }`:                           2,
		`subscription { orderStatus(orderId: "o1") { id ... @include(if: false) { note customer { name } } } }`: 0,
	} {
		op, list := operation.Prepare(h.sg, query, "", operation.DefaultLimits())
		if list != nil {
			t.Fatal(list)
		}
		planned, err := planner.Plan(h.sg, op)
		if err != nil {
			t.Fatal(err)
		}
		p := h.executor.Prepare(planned)
		var want []string
		for _, root := range roots {
			want = append(want, string(h.executor.ExecuteLive(t.Context(), p, false, root, nil, nil).JSON()))
		}
		before := h.requests()
		var got []string
		for _, r := range h.executor.ExecuteEvents(t.Context(), p, roots, nil, nil) {
			got = append(got, string(r.JSON()))
		}
		if n := h.requests() - before; n != requests {
			t.Errorf("%s: %d requests, want %d", query, n, requests)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: together\n%s\nalone\n%s", query, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// alone counts the requests that may be answered together with equal ones, and those that may not.
type alone struct {
	execute.Transport
	together, apart atomic.Int32
}

func (a *alone) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	if r.Alone {
		a.apart.Add(1)
	} else {
		a.together.Add(1)
	}
	return a.Transport.Do(ctx, r)
}

// TestLiveIsReadAnew: what is read for an event, or where a subscription begins, is no answer that was asked for before.
func TestLiveIsReadAnew(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "live", "orders.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	op, errs := operation.Prepare(h.sg, `subscription { orderStatus(orderId: "o1") { status customer { name } } }`, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(h.sg, op)
	if err != nil {
		t.Fatal(err)
	}
	seen := &alone{Transport: h.transport}
	e := execute.New(h.sg, seen, execute.Options{})
	e.ExecuteLive(t.Context(), e.Prepare(p), true, map[string]any{"id": "o1"}, nil, nil)
	e.ExecuteEvents(t.Context(), e.Prepare(p), []map[string]any{{"id": "o1"}, {"id": "o2"}}, nil, nil)
	if seen.apart.Load() < 3 || seen.together.Load() != 0 {
		t.Errorf("%d requests stand alone, %d do not", seen.apart.Load(), seen.together.Load())
	}
}
