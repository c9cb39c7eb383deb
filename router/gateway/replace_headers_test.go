package gateway_test

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"storefront/router/execute"
	"storefront/router/gateway"
)

// asUser makes subgraphs answer everybody as one user; "" answers each as who it is.
type asUser string

func (u asUser) SubgraphHeaders(_ context.Context, id *gateway.Identity, _ string, _ http.Header) http.Header {
	return http.Header{"X-User": {u.ShareKey(id, nil)}}
}

func (u asUser) ShareKey(id *gateway.Identity, _ http.Header) string { return cmp.Or(string(u), id.ID) }

// noting is a transport that notes as whom subgraphs are asked.
type noting struct {
	mu     sync.Mutex
	users  []string // with the subgraph
	orders func()   // before orders answers; once
}

func (n *noting) Do(_ context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	n.mu.Lock()
	n.users = append(n.users, r.Subgraph+" as "+r.Header.Get("X-User"))
	wait := n.orders
	n.orders = nil
	n.mu.Unlock()
	if wait != nil {
		wait()
	}
	if r.Subgraph == "orders" {
		return []byte(`{"data":{"order":{"__typename":"Order","id":"o1","status":"PLACED"}}}`), nil
	}
	return []byte(`{"data":{"_entities":[{"__typename":"Order","score":2}]}}`), nil
}

// A request has the headers of the supergraph that it runs on: one that began before it is replaced gets none of those
// of the next, and one that comes while the next is prepared neither.
func TestHeadersAreThoseOfTheSupergraph(t *testing.T) {
	t.Parallel()
	old, next := &noting{}, &noting{}
	h := newHouse(t, func(c *gateway.Config) { c.Transport, c.Headers = old, asUser("old") })
	arrived, goOn, got := make(chan struct{}), make(chan struct{}), make(chan reply, 1)
	old.orders = func() { close(arrived); <-goOn }
	ask := func() reply { return h.post(`{"query":"{ order(id: \"o1\") { status score } }"}`) }
	go func() { got <- ask() }()
	<-arrived
	if _, err := h.gw.Replace(t.Context(), parsed(t, testSupergraph), next, asUser("next")); err != nil {
		t.Fatal(err)
	}
	now := ask()
	close(goOn)
	for _, c := range []struct {
		name string
		to   *noting
		got  reply
	}{{"old", old, <-got}, {"next", next, now}} {
		if c.got.status != http.StatusOK || !strings.Contains(c.got.body, `"score":2`) {
			t.Errorf("on the %s supergraph: %d %s", c.name, c.got.status, c.got.body)
		}
		if users, want := strings.Join(c.to.users, ", "), "orders as "+c.name+", reviews as "+c.name; users != want {
			t.Errorf("on the %s supergraph: %s, want %s", c.name, users, want)
		}
	}
}

// Subscribers whom subgraphs answered the same are told apart when the next supergraph's headers make a difference.
func TestHeadersOfTheNextSupergraphTellSubscribersApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) { c.Headers = asUser("ada") })
	const query = `subscription { orderStatus(orderId: "o1") { version note } }`
	ada := h.stream(t, query, "Authorization", "Bearer ada")
	ada.expect("next", `"note":"first"`)
	bob := h.stream(t, query, "Authorization", "Bearer bob", "X-Guest", "ada")
	bob.expect("next", `"note":"first"`)
	if n := h.gw.Live().Groups; n != 1 {
		t.Fatalf("they are in %d groups", n)
	}
	sg := parsed(t, strings.NewReplacer(more...).Replace(testSupergraph))
	if _, err := h.gw.Replace(t.Context(), sg, h.reach, asUser("")); err != nil {
		t.Fatal(err)
	}
	h.orders.set(order{ID: "o1", Customer: "ada", Status: "PAID", Version: 2, Note: "first"})
	h.broker.publish("order-events", event("o1", "ada", "PAID", 2))
	ada.expect("next", `"note":"first"`)
	bob.expect("next", `"note":null`)
}

// Groups that one supergraph makes the same of are moved on to the next all the same, each of them.
func TestGroupsThatBecomeOneMoveOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) { c.Headers = asUser("") })
	const query = `subscription { orderStatus(orderId: "o1") { version note } }`
	ada := h.stream(t, query, "Authorization", "Bearer ada")
	ada.expect("next", `"note":"first"`)
	bob := h.stream(t, query, "Authorization", "Bearer bob", "X-Guest", "ada")
	bob.expect("next", `"orderStatus":null`)
	if n := h.gw.Live().Groups; n != 2 {
		t.Fatalf("they are in %d groups", n)
	}
	for version, as := range []asUser{"", "ada", "eve"} {
		sg := parsed(t, strings.NewReplacer(more...).Replace(testSupergraph))
		if _, err := h.gw.Replace(t.Context(), sg, h.reach, as); err != nil {
			t.Fatal(err)
		}
		if as == "" {
			continue
		}
		note := map[asUser]string{"ada": `"note":"first"`, "eve": `"note":null`}[as]
		h.orders.set(order{ID: "o1", Customer: "ada", Status: "PAID", Version: version + 1, Note: "first"})
		h.broker.publish("order-events", event("o1", "ada", "PAID", version+1))
		ada.expect("next", note)
		bob.expect("next", note)
	}
}

// A subgraph's own stream is asked for anew when it is to be asked for with other headers, and ends where those are not
// the same for all who have it.
func TestSubgraphFeedOverOtherHeaders(t *testing.T) {
	t.Parallel()
	h, f := fedHouse(t, "websocket")
	replace := func(headers gateway.HeaderSource) {
		t.Helper()
		sg := parsed(t, testSupergraph)
		if _, err := h.gw.Replace(t.Context(), sg, f.over(t, h.urls, "websocket", f.server.URL), headers); err != nil {
			t.Fatal(err)
		}
	}
	replace(asUser("old"))
	ada := h.stream(t, `subscription { plain }`, "Authorization", "Bearer ada")
	f.opens(t, 1)
	replace(asUser("next"))
	eventually(t, "a stream with the next headers", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, header := range f.open {
			return len(f.open) == 1 && header.Get("X-User") == "next"
		}
		return false
	})
	bob := h.stream(t, `subscription { plain }`, "Authorization", "Bearer bob")
	eventually(t, "both are there", func() bool { return h.gw.Live().Feeds == 2 })
	if open, _ := f.counts(); open != 1 {
		t.Fatalf("they have %d streams", open)
	}
	replace(asUser(""))
	ada.expect("next", "SCHEMA_CHANGED")
	bob.expect("next", "SCHEMA_CHANGED")
	f.opens(t, 0)
}
