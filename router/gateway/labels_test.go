package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"storefront/router/compose"
	"storefront/router/execute"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

type noTransport struct{}

func (noTransport) Do(context.Context, *execute.SubgraphRequest) ([]byte, error) {
	return nil, errors.New("nobody is asked here")
}

// composed is a gateway over subgraphs that nobody asks.
func composed(t *testing.T, subgraphs ...compose.Subgraph) *Gateway {
	t.Helper()
	result, errs := compose.Compose(subgraphs)
	if errs != nil {
		t.Fatal(errs)
	}
	sg, err := supergraph.Parse(result.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{Supergraph: sg, Transport: noTransport{}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestPlansByLabel: an operation is prepared once for each set of labels, and asks the subgraph that
// the field is in then.
func TestPlansByLabel(t *testing.T) {
	g := composed(t,
		compose.Subgraph{Name: "old", SDL: `type Query { a: Int }`},
		compose.Subgraph{Name: "new", SDL: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@override"])
type Query { a: Int @override(from: "old", label: "beta") }`},
	)
	for range 2 {
		for want, labels := range map[string][]string{"old": nil, "new": {"beta"}} {
			p, f := g.edition.Load().prepare("{ a }", "", labels)
			if f != nil {
				t.Fatal(f.errors)
			}
			if got := plan.Fetches(p.ready.Plan().Root)[0].Subgraph; got != want {
				t.Errorf("with the labels %q the subgraph %s is asked, want %s", labels, got, want)
			}
		}
	}
}

// TestLabelsOfACaller: a share is about as large as it says and the same for a caller every time, 0
// and 100 are nobody and everybody, and other labels are the embedder's to decide.
func TestLabelsOfACaller(t *testing.T) {
	g := &Gateway{cfg: Config{Labels: func(_ context.Context, id *Identity, h http.Header, label string) bool {
		return id.ID == "user-7" && h.Get("X-Beta") == "yes" && label == "beta"
	}}}
	all := []string{"beta", "percent(0)", "percent(100)", "percent(25)"}
	counts := map[string]int{}
	for i := range 4000 {
		c := &caller{id: &Identity{ID: fmt.Sprintf("user-%d", i)}, header: http.Header{"X-Beta": {"yes"}}}
		if i >= 2000 {
			c.id.ID = ""
		}
		on := g.labels(context.Background(), c, all)
		if again := g.labels(context.Background(), c, all); i < 2000 && !slices.Equal(on, again) {
			t.Fatalf("%s has %q, then %q", c.id.ID, on, again)
		}
		for _, label := range on {
			counts[label]++
		}
	}
	if counts["percent(0)"] != 0 || counts["percent(100)"] != 4000 || counts["beta"] != 1 {
		t.Errorf("labels were on %v times of 4000", counts)
	}
	if n := counts["percent(25)"]; n < 800 || n > 1200 {
		t.Errorf("percent(25) was on %d times of 4000", n)
	}
}
