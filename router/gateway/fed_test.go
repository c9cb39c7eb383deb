package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	gqltransport "github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/execute/transport"
	"storefront/router/gateway"
)

// feeder is a subgraph with subscriptions, on gqlgen's server: each gets what is emitted while it is open.
type feeder struct {
	schema *ast.Schema
	server *httptest.Server

	mu     sync.Mutex
	open   map[chan any]http.Header
	begun  int
	refuse bool

	sockets []net.Conn
}

type headerKey struct{}

func newFeeder(t *testing.T) *feeder {
	t.Helper()
	f := &feeder{open: map[chan any]http.Header{}, schema: gqlparser.MustLoadSchema(&ast.Source{Input: `
		type Query { hello: String }
		type Subscription { plain: Int anyOrder: Order }
		type Order { id: ID! status: String! version: Int! note: String }`})}
	srv := handler.New(f)
	srv.AddTransport(gqltransport.Websocket{})
	srv.AddTransport(gqltransport.SSE{KeepAlivePingInterval: 10 * time.Millisecond})
	srv.AddTransport(gqltransport.POST{})
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), headerKey{}, r.Header)))
	}))
	f.server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateHijacked { // httptest forgets it then
			f.mu.Lock()
			defer f.mu.Unlock()
			f.sockets = append(f.sockets, c)
		}
	}
	f.server.Start()
	t.Cleanup(f.server.Close)
	return f
}

// cut breaks all connections.
func (f *feeder) cut() {
	f.server.CloseClientConnections()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.sockets {
		c.Close()
	}
}

func (f *feeder) Schema() *ast.Schema { return f.schema }

func (f *feeder) Complexity(context.Context, string, string, int, map[string]any) (int, bool) {
	return 0, false
}

// Exec implements graphql.ExecutableSchema.
func (f *feeder) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	field := op.Operation.SelectionSet[0].(*ast.Field)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse {
		return graphql.OneShot(&graphql.Response{Errors: gqlerror.List{{Message: "Not for you.", Extensions: map[string]any{"code": "FORBIDDEN"}}}})
	}
	values := make(chan any, 10)
	header, _ := ctx.Value(headerKey{}).(http.Header)
	f.open[values] = header
	f.begun++
	over := func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, values)
	}
	context.AfterFunc(ctx, over) // gqlgen may not ask for a response any more
	return func(ctx context.Context) *graphql.Response {
		select {
		case v, more := <-values:
			if more {
				data, _ := json.Marshal(fields{field.Alias: project(op.Doc, field.SelectionSet, v)})
				return &graphql.Response{Data: data}
			}
		case <-ctx.Done():
		}
		over()
		return nil
	}
}

func (f *feeder) emit(v any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for values := range f.open {
		values <- v
	}
}

// end completes all subscriptions.
func (f *feeder) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for values := range f.open {
		close(values)
	}
}

func (f *feeder) counts() (open, begun int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.open), f.begun
}

func (f *feeder) opens(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d subscriptions at the subgraph", n), func() bool { open, _ := f.counts(); return open == n })
}

// over is a transport to the house's subgraphs by which orders is asked for subscriptions at a feeder.
func (f *feeder) over(t *testing.T, urls map[string]string, protocol, at string) *transport.Transport {
	t.Helper()
	cfg := transport.To(urls)
	s := cfg.Subgraphs["orders"]
	s.URLs = []string{at}
	s.Subscription.Protocol, s.Subscription.Heartbeat = protocol, 5*time.Second
	s.Retry = transport.Retry{}
	cfg.Subgraphs["orders"] = s
	to, err := transport.New(cfg, transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// fedHouse is a house whose subgraph orders feeds subscriptions by a protocol.
func fedHouse(t *testing.T, protocol string) (*house, *feeder) {
	t.Helper()
	f := newFeeder(t)
	at := f.server.URL
	if protocol == transport.Multipart { // which gqlgen does not speak, and a gateway does
		behind := newHouse(t, func(c *gateway.Config) {
			c.Headers = nil
			c.Transport = f.over(t, map[string]string{"orders": at, "reviews": at}, transport.WebSocket, at)
		})
		at = behind.url
	}
	h := newHouse(t, func(c *gateway.Config) { c.Reconnect = 5 * time.Second })
	if _, err := h.gw.Replace(t.Context(), parsed(t, testSupergraph), f.over(t, h.urls, protocol, at), h.headers); err != nil {
		t.Fatal(err)
	}
	return h, f
}

const watchAny = `subscription { anyOrder { id status score } }`

func TestSubgraphFeeds(t *testing.T) {
	for _, protocol := range []string{transport.WebSocket, transport.SSE, transport.Multipart} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			h, f := fedHouse(t, protocol)
			s := h.stream(t, watchAny)
			f.opens(t, 1)
			for i := range 20 {
				h.orders.set(order{ID: strings.Repeat("o", i+1)})
			}
			for i := range 20 { // the rest is fetched beside each other, and comes in order
				f.emit(fields{"__typename": "Order", "id": strings.Repeat("o", i+1), "status": fmt.Sprint("S", i)})
				if i%10 == 9 {
					for k := i - 9; k <= i; k++ {
						s.expect("next", fmt.Sprintf(`{"data":{"anyOrder":{"id":"%s","status":"S%d","score":%d}}}`, strings.Repeat("o", k+1), k, k+1))
					}
				}
			}
			f.end()
			s.expect("complete", "")
		})
	}
}

func TestSubgraphFeedIsShared(t *testing.T) {
	t.Parallel()
	h, f := fedHouse(t, transport.WebSocket)
	one := h.stream(t, watchAny, "Authorization", "Bearer ada")
	two := h.stream(t, watchAny, "Authorization", "Bearer ada")
	other := h.stream(t, `subscription { plain }`)
	f.opens(t, 2+1) // tokens says nothing of what its headers depend on, so nothing is shared
	f.mu.Lock()
	for values, header := range f.open {
		if user := header.Get("X-User"); user != "" && user != "ada" {
			t.Errorf("the subgraph hears %q", user)
		}
		if user := header.Get("X-User"); user == "" {
			values <- 7
		}
	}
	f.mu.Unlock()
	other.expect("next", `{"data":{"plain":7}}`)
	f.end()
	for _, s := range []*events{one, two, other} {
		s.expect("complete", "")
	}

	h, f = fedHouse(t, transport.WebSocket)
	h2 := newHouse(t, func(c *gateway.Config) {
		c.Headers = nil
		c.Transport = f.over(t, h.urls, transport.WebSocket, f.server.URL)
	})
	one, two = h2.stream(t, watchAny), h2.stream(t, watchAny)
	f.opens(t, 1)
	f.emit(fields{"__typename": "Order", "id": "o1", "status": "PAID"})
	one.expect("next", `"status":"PAID"`)
	two.expect("next", `"status":"PAID"`)
}

func TestSubgraphFeedIsReconnected(t *testing.T) {
	for _, protocol := range []string{transport.WebSocket, transport.SSE} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			h, f := fedHouse(t, protocol)
			s := h.stream(t, `subscription { plain }`)
			f.opens(t, 1)
			f.emit(1)
			s.expect("next", `{"data":{"plain":1}}`)
			f.cut()
			eventually(t, "another subscription", func() bool { open, begun := f.counts(); return open == 1 && begun >= 2 })
			f.emit(2)
			s.expect("next", `{"data":{"plain":2},"extensions":{"reconnected":true}}`)
			f.emit(3)
			s.expect("next", `{"data":{"plain":3}}`)
		})
	}
}

// A subgraph that takes every subscription on and drops it at once is not asked again and again at the pace of
// the first attempt.
func TestSubgraphDropsItsFeed(t *testing.T) {
	t.Parallel()
	h, f := fedHouse(t, transport.WebSocket)
	var asked []time.Time
	dropping := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.Read(r.Context()) // connection_init
		c.Write(r.Context(), websocket.MessageText, []byte(`{"type":"connection_ack"}`))
		c.Read(r.Context()) // subscribe
		f.mu.Lock()
		defer f.mu.Unlock()
		asked = append(asked, time.Now())
	}))
	defer dropping.Close()
	if _, err := h.gw.Replace(t.Context(), parsed(t, testSupergraph), f.over(t, h.urls, transport.WebSocket, dropping.URL), h.headers); err != nil {
		t.Fatal(err)
	}
	h.stream(t, `subscription { plain }`)
	eventually(t, "a fifth subscription", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(asked) >= 5
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	// Pauses are between half and all of 250 ms, 500 ms, 1 s and 2 s.
	if least := 1875 * time.Millisecond; asked[4].Sub(asked[0]) < least {
		t.Errorf("five subscriptions within %s, want %s at least", asked[4].Sub(asked[0]), least)
	}
}

func TestSubgraphRefusesItsFeed(t *testing.T) {
	for _, protocol := range []string{transport.WebSocket, transport.SSE} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			h, f := fedHouse(t, protocol)
			f.refuse = true
			s := h.stream(t, `subscription { plain }`)
			s.expect("next", "FORBIDDEN")
			s.expect("complete", "")
			if _, begun := f.counts(); begun != 0 {
				t.Error("it has begun")
			}
		})
	}
}

func TestSubgraphIsAway(t *testing.T) {
	t.Parallel()
	h, f := fedHouse(t, transport.WebSocket)
	f.server.Close()
	s := h.stream(t, `subscription { plain }`)
	_, data := s.expect("next", `"code":"UNAVAILABLE"`)
	if strings.Contains(data, "127.0.0.1") || !strings.Contains(data, "orders") {
		t.Errorf("the client is told %s", data)
	}
}

func TestSubgraphFeedEndsWithItsClient(t *testing.T) {
	for _, protocol := range []string{transport.WebSocket, transport.SSE, transport.Multipart} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			h, f := fedHouse(t, protocol)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, h.url, strings.NewReader(`{"query":"subscription { plain }"}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "text/event-stream")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			f.opens(t, 1)
			cancel()
			f.opens(t, 0)
		})
	}
}

// A new supergraph that leaves the subscription as it is leaves its stream too; one that reaches the
// subgraph elsewhere asks there.
func TestSubgraphFeedOverReplacement(t *testing.T) {
	t.Parallel()
	h, f := fedHouse(t, transport.WebSocket)
	s := h.stream(t, `subscription { plain }`)
	f.opens(t, 1)
	to := f.over(t, h.urls, transport.WebSocket, f.server.URL)
	if _, err := h.gw.Replace(t.Context(), parsed(t, strings.NewReplacer(more...).Replace(testSupergraph)), to, h.headers); err != nil {
		t.Fatal(err)
	}
	f.emit(1)
	s.expect("next", `{"data":{"plain":1}}`)
	if _, begun := f.counts(); begun != 1 {
		t.Errorf("the subgraph was asked %d times", begun)
	}

	elsewhere := newFeeder(t)
	if _, err := h.gw.Replace(t.Context(), parsed(t, testSupergraph), f.over(t, h.urls, transport.WebSocket, elsewhere.server.URL), h.headers); err != nil {
		t.Fatal(err)
	}
	elsewhere.opens(t, 1)
	f.opens(t, 0)
	elsewhere.emit(2)
	s.expect("next", `{"data":{"plain":2},"extensions":{"reconnected":true}}`)

	var closed atomic.Int64
	h.replace(h.urls, &closed, "  plain: Int @join__field(graph: ORDERS)\n", "")
	s.expect("next", "SCHEMA_CHANGED")
	elsewhere.opens(t, 0)
}

func TestSubgraphFeedIsNotResumed(t *testing.T) {
	t.Parallel()
	h, _ := fedHouse(t, transport.WebSocket)
	h.stream(t, `subscription { plain }`, "Last-Event-ID", "x").expect("next", "BAD_INPUT")
}
