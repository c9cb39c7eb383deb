package gateway_test

// The house the gateway is tested in: two subgraphs over real HTTP, an event source in memory, a
// gateway on a real port.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"storefront/internal/errs"
	"storefront/internal/live"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

const testSupergraph = `
schema
  @link(url: "https://specs.apollo.dev/link/v1.0")
  @link(url: "https://specs.apollo.dev/join/v0.3", for: EXECUTION)
  @link(url: "https://example.test/live/v1.0", import: ["@live"])
{ query: Query mutation: Mutation subscription: Subscription }

directive @link(url: String, as: String, for: link__Purpose, import: [link__Import]) repeatable on SCHEMA
directive @join__enumValue(graph: join__Graph!) repeatable on ENUM_VALUE
directive @join__field(graph: join__Graph, requires: join__FieldSet, provides: join__FieldSet, type: String, external: Boolean, override: String, usedOverridden: Boolean) repeatable on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
directive @join__graph(name: String!, url: String!) on ENUM_VALUE
directive @join__implements(graph: join__Graph!, interface: String!) repeatable on OBJECT | INTERFACE
directive @join__type(graph: join__Graph!, key: join__FieldSet, extension: Boolean! = false, resolvable: Boolean! = true, isInterfaceObject: Boolean! = false) repeatable on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT | SCALAR
directive @join__unionMember(graph: join__Graph!, member: String!) repeatable on UNION
directive @live(topic: String!, key: String!, field: String! = "id", types: [String!], provides: String, owner: String, version: String) on FIELD_DEFINITION

scalar join__FieldSet
scalar link__Import
enum link__Purpose { SECURITY EXECUTION }
enum join__Graph {
  ORDERS @join__graph(name: "orders", url: "http://orders.test")
  REVIEWS @join__graph(name: "reviews", url: "http://reviews.test")
}

type Query @join__type(graph: ORDERS) @join__type(graph: REVIEWS) {
  hello(name: String): String @join__field(graph: ORDERS)
  order(id: ID!): Order @join__field(graph: ORDERS)
  boom: String @join__field(graph: ORDERS)
  denied: String @join__field(graph: ORDERS)
  whoami: String @join__field(graph: ORDERS)
}
type Mutation @join__type(graph: ORDERS) @join__type(graph: REVIEWS) {
  setNote(id: ID!, note: String!): Order @join__field(graph: ORDERS)
}
type Subscription @join__type(graph: ORDERS) @join__type(graph: REVIEWS) {
  orderStatus(orderId: ID!): Order @join__field(graph: ORDERS)
    @live(topic: "order-events", key: "orderId", provides: "id status version", owner: "customerId", version: "version")
  myOrders: Order @join__field(graph: ORDERS)
    @live(topic: "order-events", key: "$viewer", types: ["OrderPlaced", "OrderPaid"], provides: "id status version", owner: "customerId")
  orderAlways(orderId: ID!): Order! @join__field(graph: ORDERS)
    @live(topic: "order-events", key: "orderId", provides: "id status", owner: "customerId", version: "version")
  plain: Int @join__field(graph: ORDERS)
  anyOrder: Order @join__field(graph: ORDERS)
}
type Order @join__type(graph: ORDERS, key: "id") @join__type(graph: REVIEWS, key: "id") {
  id: ID!
  status: String! @join__field(graph: ORDERS)
  version: Int! @join__field(graph: ORDERS)
  note: String @join__field(graph: ORDERS)
  score: Int @join__field(graph: REVIEWS)
}
`

// order is an entity of both subgraphs.
type order struct {
	ID, Customer, Status, Note string
	Version                    int
}

// orders is the state behind the subgraphs.
type orders struct {
	mu    sync.Mutex
	byID  map[string]order
	calls map[string]int // requests per subgraph
	heads []http.Header  // of requests to the subgraph orders
	// onRead runs once, while the state of an order is being read and before it is returned.
	onRead func()
}

func (o *orders) set(v order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byID[v.ID] = v
}

func (o *orders) requests(subgraph string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls[subgraph]
}

func (o *orders) lastHeader() http.Header {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.heads[len(o.heads)-1]
}

type fields map[string]any

// find returns an order as the named subgraph and caller see it.
func (o *orders) find(subgraph, id, user string) any {
	o.mu.Lock()
	v, ok := o.byID[id]
	hook := o.onRead
	o.onRead = nil
	o.mu.Unlock()
	if hook != nil && subgraph == "orders" {
		hook()
	}
	if !ok || subgraph == "orders" && user != v.Customer && user != "staff" {
		return nil
	}
	if subgraph == "reviews" {
		return fields{"__typename": "Order", "id": v.ID, "score": len(v.ID)}
	}
	return fields{"__typename": "Order", "id": v.ID, "status": v.Status, "version": v.Version, "note": v.Note}
}

// serveSubgraph answers GraphQL requests of the router by walking the document over Go maps.
func (o *orders) serveSubgraph(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			Query     string         `json:"query"`
			Variables map[string]any `json:"variables"`
		}
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		o.mu.Lock()
		o.calls[name]++
		if name == "orders" {
			o.heads = append(o.heads, r.Header.Clone())
		}
		o.mu.Unlock()
		doc, err := parser.ParseQuery(&ast.Source{Input: req.Query})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		user := r.Header.Get("X-User")
		data, problems := fields{}, []any{}
		refuse := func(key, code, text string) any {
			problems = append(problems, fields{"message": text, "path": []any{key}, "extensions": fields{"code": code}})
			return nil
		}
		for _, s := range doc.Operations[0].SelectionSet {
			f := s.(*ast.Field)
			args := map[string]any{}
			for _, a := range f.Arguments {
				args[a.Name], _ = a.Value.Value(req.Variables)
			}
			var value any
			switch f.Name {
			case "hello":
				value = fmt.Sprintf("hello %v", args["name"])
			case "whoami":
				value = user
			case "boom":
				value = refuse(f.Alias, "", "dial tcp 10.0.0.7:27017: password wrong")
			case "denied":
				value = refuse(f.Alias, "FORBIDDEN", "Only staff may see this.")
			case "order":
				value = o.find(name, args["id"].(string), user)
			case "setNote":
				o.mu.Lock()
				v := o.byID[args["id"].(string)]
				v.Note = args["note"].(string)
				o.byID[v.ID] = v
				o.mu.Unlock()
				value = o.find(name, v.ID, user)
			case "_entities":
				list := []any{}
				for _, rep := range args["representations"].([]any) {
					list = append(list, o.find(name, rep.(map[string]any)["id"].(string), user))
				}
				value = list
			}
			data[f.Alias] = project(doc, f.SelectionSet, value)
		}
		answer := fields{"data": data}
		if len(problems) > 0 {
			answer["errors"] = problems
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func project(doc *ast.QueryDocument, set ast.SelectionSet, value any) any {
	switch value := value.(type) {
	case []any:
		out := []any{}
		for _, v := range value {
			out = append(out, project(doc, set, v))
		}
		return out
	case fields:
		out := fields{}
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				out[s.Alias] = project(doc, s.SelectionSet, value[s.Name])
			case *ast.InlineFragment:
				maps.Copy(out, project(doc, s.SelectionSet, value).(fields))
			case *ast.FragmentSpread:
				maps.Copy(out, project(doc, doc.Fragments.ForName(s.Name).SelectionSet, value).(fields))
			}
		}
		return out
	}
	return value
}

// broker is an event source in memory, of one partition: what is published reaches the watches that match, in order.
type broker struct {
	mu      sync.Mutex
	log     []*gateway.Event
	watches map[*watch]bool
}

type watch struct {
	b       *broker
	topic   string
	filters []gateway.EventFilter
	sink    gateway.EventSink
}

func (b *broker) Watch(_ context.Context, topic string, filters []gateway.EventFilter, after gateway.Position, sink gateway.EventSink) (gateway.EventWatch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &watch{b, topic, filters, sink}
	if next, ok := after.Of(0); ok {
		if next < b.oldest() {
			return nil, live.ErrTooOld
		}
		for _, e := range b.log[next-b.oldest():] {
			w.offer(e)
		}
	}
	b.watches[w] = true
	return w, nil
}

func (b *broker) Subscribe(context.Context, string, gateway.EventFilter) (gateway.EventStream, error) {
	return nil, errors.New("the gateway watches")
}

func (b *broker) oldest() int64 {
	if len(b.log) == 0 {
		return 0
	}
	return b.log[0].Offset
}

// forget drops the events so far.
func (b *broker) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = b.log[len(b.log)-1:]
}

func (b *broker) end() int64 {
	if len(b.log) == 0 {
		return 0
	}
	return b.log[len(b.log)-1].Offset + 1
}

func (w *watch) Position() gateway.Position {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	return gateway.Position{{Next: w.b.end()}}
}

func (w *watch) Close() { w.fail(nil) }

func (w *watch) fail(err error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if w.b.watches[w] && err != nil {
		w.sink.Ended(err)
	}
	delete(w.b.watches, w)
}

func (w *watch) offer(e *gateway.Event) {
	for _, f := range w.filters {
		byKey := f.Key != "" && f.Key == e.Key
		byField := f.Key == "" && e.Data[f.Attribute] == f.Value
		if (byKey || byField) && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) {
			w.sink.Event(e)
			return
		}
	}
}

func (b *broker) publish(topic string, e gateway.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Offset = b.end()
	e.At = gateway.Position{{Next: e.Offset + 1}}
	b.log = append(b.log, &e)
	for w := range b.watches {
		if w.topic == topic {
			w.offer(&e)
		}
	}
}

func (b *broker) open() []*watch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.watches))
}

// tokens authenticates "Bearer <user>"; the names staff, partner and expired mean what they say.
type tokens struct{ expiry time.Time }

func (a tokens) Authenticate(_ context.Context, h http.Header) (*gateway.Identity, error) {
	user, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		return &gateway.Identity{Also: h.Values("X-Guest")}, nil
	case user == "broken":
		return nil, fmt.Errorf("read key set: connection to 10.0.0.8 refused")
	case user == "expired":
		return nil, errs.New(errs.Unauthenticated, "The token has expired.")
	case user == "staff":
		return &gateway.Identity{ID: user, All: true}, nil
	case user == "acme":
		return &gateway.Identity{ID: user, Partner: user}, nil
	}
	return &gateway.Identity{ID: user, Also: h.Values("X-Guest"), Expiry: a.expiry}, nil
}

// SubgraphHeaders tells subgraphs who is calling.
func (tokens) SubgraphHeaders(_ context.Context, id *gateway.Identity, _ string, client http.Header) http.Header {
	return http.Header{"X-User": {id.ID}, "Accept-Language": client.Values("Accept-Language"), "Connection": {"close"}}
}

// house is everything running.
type house struct {
	t        *testing.T
	gw       *gateway.Gateway
	url      string            // of /graphql
	urls     map[string]string // of the subgraphs
	reach    *transport.Transport
	headers  gateway.HeaderSource
	orders   *orders
	broker   *broker
	observed *observer
}

func newHouse(t *testing.T, change func(*gateway.Config)) *house {
	t.Helper()
	h := &house{t: t, orders: &orders{byID: map[string]order{}, calls: map[string]int{}}, broker: &broker{watches: map[*watch]bool{}}, observed: &observer{ended: map[string]int{}, withheld: map[string]int{}}}
	h.orders.set(order{ID: "o1", Customer: "ada", Status: "PLACED", Version: 1, Note: "first"})
	h.orders.set(order{ID: "o2", Customer: "bob", Status: "PLACED", Version: 1})
	sg, err := supergraph.Parse(testSupergraph)
	if err != nil {
		t.Fatal(err)
	}
	urls := map[string]string{}
	for _, name := range []string{"orders", "reviews"} {
		server := httptest.NewServer(h.orders.serveSubgraph(name))
		t.Cleanup(server.Close)
		urls[name] = server.URL
	}
	reach, err := transport.New(transport.To(urls), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := gateway.Config{
		Supergraph: sg, Transport: reach, Auth: tokens{}, Headers: tokens{},
		Events: h.broker, Introspection: true, Observer: h.observed, DrainTime: 20 * time.Millisecond, CursorKey: []byte("key of all the tests"),
	}
	if change != nil {
		change(&cfg)
	}
	if h.gw, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h.gw.Handler())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.gw.Drain(ctx); err != nil {
			t.Error(err)
		}
		server.Close()
		eventually(t, "all subscriptions are counted as ended", func() bool { return h.observed.open() == 0 })
	})
	h.url, h.urls, h.reach, h.headers = server.URL+"/graphql", urls, reach, cfg.Headers
	return h
}

// observer counts.
type observer struct {
	gateway.NopObserver
	mu              sync.Mutex
	subscribers     int
	ended, withheld map[string]int
	requests        []gateway.RequestInfo
}

func (o *observer) locked(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *observer) ObserveRequest(i gateway.RequestInfo) {
	o.locked(func() { o.requests = append(o.requests, i) })
}
func (o *observer) Shed(how gateway.Priority, _ string) {
	o.locked(func() { o.withheld["shed "+string(how)]++ })
}
func (o *observer) SubscribersAdd(n int)             { o.locked(func() { o.subscribers += n }) }
func (o *observer) SubscriberEnded(_, reason string) { o.locked(func() { o.ended[reason]++ }) }
func (o *observer) EventWithheld(_, reason string)   { o.locked(func() { o.withheld[reason]++ }) }

func (o *observer) SubscriberResumed(_, outcome string) {
	o.locked(func() { o.ended[outcome]++ })
}

func (o *observer) open() (n int) { o.locked(func() { n = o.subscribers }); return n }
func (o *observer) count(reason string) (n int) {
	o.locked(func() { n = o.ended[reason] + o.withheld[reason] })
	return n
}

// reply is an HTTP answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends one request; header holds names and values in turn.
func (h *house) send(method, query, body string, header ...string) reply {
	h.t.Helper()
	url := h.url
	if query != "" {
		url += "?" + query
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

// post sends a GraphQL request as JSON.
func (h *house) post(body string, header ...string) reply {
	h.t.Helper()
	return h.send(http.MethodPost, "", body, append([]string{"Content-Type", "application/json"}, header...)...)
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}
