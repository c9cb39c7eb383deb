package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// reachable counts how often the transport behind it is given back.
type reachable struct {
	*transport.Transport
	closed *atomic.Int64
}

func (r reachable) Close() error { r.closed.Add(1); return nil }

// replace serves the test's supergraph with some text of it replaced, old and new in turn.
func (h *house) replace(urls map[string]string, closed *atomic.Int64, change ...string) int {
	h.t.Helper()
	sg, err := supergraph.Parse(strings.NewReplacer(change...).Replace(testSupergraph))
	if err != nil {
		h.t.Fatal(err)
	}
	to, err := transport.New(transport.To(urls), transport.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	warm, err := h.gw.Replace(h.t.Context(), sg, reachable{to, closed}, h.headers)
	if err != nil {
		h.t.Fatal(err)
	}
	return warm
}

// more is a change of the schema that breaks nobody.
var more = []string{"  whoami: String", "  another: String @join__field(graph: ORDERS)\n  whoami: String"}

func TestReplacingUnderLoadDropsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	var stop, closed, answered atomic.Int64
	var clients sync.WaitGroup
	finish := func() { stop.Store(1); clients.Wait() }
	defer finish()
	ask := func(i int) string {
		return fmt.Sprintf(`{ a%d: order(id: "o1") { id status score } hello(name: "x") }`, i%30)
	}
	right := func(i int, body string) bool {
		return strings.Contains(body, fmt.Sprintf(`"a%d":{"id":"o1","status":"PLACED","score":2},"hello":"hello x"`, i%30)) && !strings.Contains(body, "errors")
	}
	for n := range 4 {
		clients.Go(func() {
			for i := n; stop.Load() == 0; i++ {
				body, _ := json.Marshal(map[string]string{"query": ask(i)})
				r, _ := http.NewRequest(http.MethodPost, h.url, strings.NewReader(string(body)))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer ada")
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != http.StatusOK || !right(i, string(got)) {
					t.Errorf("%d %s %v", res.StatusCode, got, err)
					return
				}
				answered.Add(1)
			}
		})
		c := h.signedIn(t, "ada")
		clients.Go(func() {
			for i := n; stop.Load() == 0; i++ {
				payload, _ := json.Marshal(map[string]string{"query": ask(i)})
				if err := c.conn.Write(c.ctx, websocket.MessageText, []byte(`{"id":"q","type":"subscribe","payload":`+string(payload)+`}`)); err != nil {
					t.Error(err)
					return
				}
				next, err := c.read()
				if err == nil {
					_, err = c.read()
				}
				if err != nil || next.Type != "next" || !right(i, string(next.Payload)) {
					t.Errorf("%s %s %v", next.Type, next.Payload, err)
					return
				}
				answered.Add(1)
			}
		})
	}
	watching := h.stream(t, `subscription { orderStatus(orderId: "o2") { id version } }`, "Authorization", "Bearer bob")
	watching.expect("next", `"version":1`)
	const times = 50
	for i := range times {
		seen := answered.Load()
		change := more
		if i%2 == 1 {
			change = nil
		}
		h.replace(h.urls, &closed, change...)
		h.change("o2", "bob", "PAID", 2+i)
		watching.expect("next", fmt.Sprintf(`"version":%d`, 2+i))
		eventually(t, "requests between two supergraphs", func() bool { return answered.Load() >= seen+8 })
	}
	finish()
	t.Logf("%d requests were answered while the supergraph was replaced %d times", answered.Load(), times)
	eventually(t, "transports that nobody uses are closed", func() bool { runtime.GC(); return closed.Load() == times-1 })
}

func TestRequestEndsOnTheSupergraphItBeganOn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	h.orders.onRead = func() { close(arrived); <-goOn }
	got := make(chan reply, 1)
	go func() {
		got <- h.post(`{"query":"{ order(id: \"o1\") { status score } }"}`, "Authorization", "Bearer ada")
	}()
	<-arrived
	var closed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":{"another":"elsewhere"}}`)
	}))
	t.Cleanup(elsewhere.Close)
	h.replace(map[string]string{"orders": elsewhere.URL, "reviews": elsewhere.URL}, &closed, more...)
	if now := h.post(`{"query":"{ another }"}`); !strings.Contains(now.body, "elsewhere") {
		t.Errorf("a new request: %s", now.body)
	}
	close(goOn)
	if r := <-got; r.status != http.StatusOK || !strings.Contains(r.body, `{"order":{"status":"PLACED","score":2}}`) {
		t.Errorf("the old request: %d %s", r.status, r.body)
	}
}

func TestPopularOperationsArePreparedBefore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) { c.Warm = 3 })
	ask := func(field string, times int) {
		for range times {
			if r := h.post(`{"query":"{ `+field+` }"}`, "Authorization", "Bearer ada"); r.status != http.StatusOK {
				t.Fatal(r.body)
			}
		}
	}
	ask("whoami", 3)
	ask(`hello(name: \"a\")`, 5)
	var closed atomic.Int64
	if n := h.replace(h.urls, &closed, more...); n != 2 {
		t.Errorf("%d operations are prepared, want both", n)
	}
	ask("another", 3)
	ask(`hello(name: \"b\")`, 1)
	// hello and whoami count half of what they did; another is gone.
	if n := h.replace(h.urls, &closed); n != 2 {
		t.Errorf("%d operations are prepared, want the 2 of the 3 most used that the schema has", n)
	}
}

func TestSubscriptionGoesOnOrIsToldWhyNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change []string
		query  string
		holds  string // of the error; none: it goes on
	}{
		"still valid":       {more, `subscription { orderStatus(orderId: "o1") { id version } }`, ""},
		"of the viewer":     {more, `subscription { orderStatus: myOrders { id version } }`, ""},
		"more of the event": {[]string{`"id status version", owner`, `"id status", owner`}, `subscription { orderStatus(orderId: "o1") { id version } }`, ""},
		"a field is gone":   {[]string{"  version: Int! @join__field(graph: ORDERS)", "", `version: "version"`, "", `"id status version"`, `"id status"`}, `subscription { orderStatus(orderId: "o1") { id version } }`, `Cannot query field \"version\"`},
		"a variable is":     {[]string{"orderStatus(orderId: ID!)", "orderStatus(orderId: Int!)"}, `subscription { orderStatus(orderId: "o1") { id version } }`, "Int"},
		"other events":      {[]string{`topic: "order-events"`, `topic: "orders"`}, `subscription { orderStatus(orderId: "o1") { id version } }`, "events come from elsewhere"},
		"other event types": {[]string{`key: "orderId", provides`, `key: "orderId", types: ["OrderPaid"], provides`}, `subscription { orderStatus(orderId: "o1") { id version } }`, "found in another way"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil)
			sse := h.stream(t, c.query, "Authorization", "Bearer ada")
			ws := h.signedIn(t, "ada")
			ws.subscribe("s", c.query)
			if strings.Contains(c.query, "orderId") {
				sse.expect("next", `"version":1`)
				ws.expect("next", `"version":1`)
			} else {
				eventually(t, "both listen", func() bool { return h.gw.Live().Feeds == 2 })
			}
			var closed atomic.Int64
			h.replace(h.urls, &closed, c.change...)
			if c.holds != "" {
				sse.expect("next", c.holds)
				sse.expect("complete", "")
				if f := ws.expect("error", c.holds); !strings.Contains(string(f.Payload), "SCHEMA_CHANGED") {
					t.Errorf("got %s", f.Payload)
				}
				eventually(t, "both are counted", func() bool { return h.observed.count("replaced") == 2 })
				return
			}
			h.change("o1", "ada", "PAID", 2)
			sse.expect("next", `"version":2`)
			ws.expect("next", `"version":2`)
		})
	}
}

func TestReplaceRefusesWhatIsNoSupergraph(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	if _, err := h.gw.Replace(t.Context(), nil, nil, nil); err == nil {
		t.Error("no supergraph is taken")
	}
	h.post(`{"query":"{ whoami }"}`)
	sg, err := supergraph.Parse(testSupergraph)
	if err != nil {
		t.Fatal(err)
	}
	to, err := transport.New(transport.To(h.urls), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.gw.Replace(ended, sg, to, h.headers); err == nil {
		t.Error("a supergraph is taken after its context has ended")
	}
	if r := h.post(`{"query":"{ whoami }"}`, "Authorization", "Bearer ada"); !strings.Contains(r.body, "ada") {
		t.Errorf("got %s", r.body)
	}
}

func parsed(t *testing.T, text string) *supergraph.Supergraph {
	t.Helper()
	sg, err := supergraph.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}
