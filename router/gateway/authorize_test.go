package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"storefront/internal/errs"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// guardedSupergraph is the house's with things that not everyone may see.
func guardedSupergraph(t *testing.T) *supergraph.Supergraph {
	t.Helper()
	text := strings.NewReplacer(
		"schema\n", `schema
  @link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY)
  @link(url: "https://specs.apollo.dev/requiresScopes/v0.1", for: SECURITY)
  @link(url: "https://specs.apollo.dev/policy/v0.1", for: SECURITY)
`,
		"scalar link__Import", `scalar link__Import
directive @authenticated on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @requiresScopes(scopes: [[requiresScopes__Scope!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
directive @policy(policies: [[policy__Policy!]!]!) on FIELD_DEFINITION | OBJECT | INTERFACE | SCALAR | ENUM
scalar requiresScopes__Scope
scalar policy__Policy`,
		"denied: String @join__field(graph: ORDERS)", `denied: String @join__field(graph: ORDERS)
  members: String @join__field(graph: ORDERS) @authenticated`,
		"note: String @join__field(graph: ORDERS)\n", `note: String @join__field(graph: ORDERS) @requiresScopes(scopes: [["notes"], ["all"]])`+"\n",
		"score: Int @join__field(graph: REVIEWS)", `score: Int @join__field(graph: REVIEWS) @policy(policies: [["buyer", "adult"]])`,
		"orderAlways(orderId: ID!): Order!", "orderAlways(orderId: ID!): Order! @authenticated",
	).Replace(testSupergraph)
	sg, err := supergraph.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

// scoped gives callers the scopes of the header X-Scopes.
type scoped struct{ tokens }

func (s scoped) Authenticate(ctx context.Context, h http.Header) (*gateway.Identity, error) {
	id, err := s.tokens.Authenticate(ctx, h)
	if id != nil {
		id.Scopes = strings.Fields(h.Get("X-Scopes"))
	}
	return id, err
}

// policies hold as the header X-Policies says.
type policies struct {
	mu    sync.Mutex
	asked [][]string
}

func (p *policies) Policies(_ context.Context, _ *gateway.Identity, client http.Header, names []string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, names)
	switch client.Get("X-Policies") {
	case "away":
		return nil, errs.New(errs.Unavailable, "The policies cannot be decided now.")
	case "broken":
		return nil, errors.New("dial tcp 10.0.0.9: refused")
	}
	return strings.Fields(client.Get("X-Policies")), nil
}

func guardedHouse(t *testing.T, how gateway.Authorization) (*house, *policies) {
	t.Helper()
	decided := &policies{}
	return newHouse(t, func(c *gateway.Config) {
		c.Supergraph, c.Auth, c.Policies, c.Authorization = guardedSupergraph(t), scoped{}, decided, how
	}), decided
}

func TestAuthorization(t *testing.T) {
	h, decided := guardedHouse(t, "")
	ada := []string{"Authorization", "Bearer ada"}
	for _, c := range []struct {
		query           string
		header          []string
		want            string
		orders, reviews int // requests
	}{
		{`{ whoami members }`, nil,
			`{"errors":[{"message":"Unauthorized field or type","path":["members"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}}],"data":{"whoami":"","members":null}}`, 1, 0},
		{`{ members }`, nil,
			`{"errors":[{"message":"Unauthorized field or type","path":["members"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}}],"data":{"members":null}}`, 0, 0},
		{`{ members }`, []string{"X-Guest", "gst_1"},
			`{"errors":[{"message":"Unauthorized field or type","path":["members"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}}],"data":{"members":null}}`, 0, 0},
		{`{ members }`, ada, `{"data":{"members":null}}`, 1, 0},
		{`{ order(id: "o1") { status note score } }`, ada,
			`{"errors":[{"message":"Unauthorized field or type","path":["order","note"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}},{"message":"Unauthorized field or type","path":["order","score"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}}],"data":{"order":{"status":"PLACED","note":null,"score":null}}}`, 1, 0},
		{`{ order(id: "o1") { status note score } }`, slices.Concat(ada, []string{"X-Scopes", "other notes", "X-Policies", "buyer"}),
			`{"errors":[{"message":"Unauthorized field or type","path":["order","score"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}}],"data":{"order":{"status":"PLACED","note":"first","score":null}}}`, 1, 0},
		{`{ order(id: "o1") { status note score } }`, slices.Concat(ada, []string{"X-Scopes", "all", "X-Policies", "adult buyer"}),
			`{"data":{"order":{"status":"PLACED","note":"first","score":2}}}`, 1, 1},
		{`{ order(id: "o1") { score } }`, slices.Concat(ada, []string{"X-Policies", "away"}),
			`{"errors":[{"message":"The policies cannot be decided now.","extensions":{"code":"UNAVAILABLE"}}]}`, 0, 0},
		{`mutation { setNote(id: "o1", note: "second") { note } }`, ada,
			`{"errors":[{"message":"Unauthorized field or type","path":["setNote","note"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE"}}],"data":{"setNote":{"note":null}}}`, 1, 0},
		{`mutation { setNote(id: "o1", note: "first") { note } }`, slices.Concat(ada, []string{"X-Scopes", "notes"}),
			`{"data":{"setNote":{"note":"first"}}}`, 1, 0},
	} {
		orders, reviews := h.orders.requests("orders"), h.orders.requests("reviews")
		body := string(jsonOf(map[string]string{"query": c.query}))
		if got := h.post(body, c.header...); got.body != c.want {
			t.Errorf("%s as %q answers\n%s\nwant\n%s", c.query, c.header, got.body, c.want)
		}
		if a, b := h.orders.requests("orders")-orders, h.orders.requests("reviews")-reviews; a != c.orders || b != c.reviews {
			t.Errorf("%s as %q asks %d and %d times, want %d and %d", c.query, c.header, a, b, c.orders, c.reviews)
		}
	}
	for _, names := range decided.asked {
		if !slices.Equal(names, []string{"adult", "buyer"}) {
			t.Errorf("the policies %q were asked for", names)
		}
	}
	if got := h.post(`{"query":"{ order(id: \"o1\") { score } }"}`, slices.Concat(ada, []string{"X-Policies", "broken"})...); got.status != 500 || strings.Contains(got.body, "10.0.0.9") {
		t.Errorf("policies that fail answer %d %s", got.status, got.body)
	}
}

func TestAuthorizationRejects(t *testing.T) {
	h, _ := guardedHouse(t, gateway.AuthorizationReject)
	for _, c := range []struct {
		query  string
		header []string
		status int
		want   string
	}{
		{`{ whoami }`, nil, 200, `{"data":{"whoami":""}}`},
		{`{ whoami members }`, nil, 401,
			`{"errors":[{"message":"Unauthorized field or type","path":["members"],"extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE","refused":["members"]}}]}`},
		{`{ order(id: "o1") { status label: note score } }`, []string{"Authorization", "Bearer ada"}, 403,
			`{"errors":[{"message":"Unauthorized field or type","extensions":{"code":"UNAUTHORIZED_FIELD_OR_TYPE","refused":["order.label","order.score"]}}]}`},
		{`{ order(id: "o1") { status note } }`, []string{"Authorization", "Bearer ada", "X-Scopes", "notes"}, 200,
			`{"data":{"order":{"status":"PLACED","note":"first"}}}`},
	} {
		before := h.orders.requests("orders")
		got := h.post(string(jsonOf(map[string]string{"query": c.query})), append([]string{"Accept", "application/graphql-response+json"}, c.header...)...)
		if got.body != c.want || got.status != c.status {
			t.Errorf("%s as %q answers %d\n%s\nwant %d\n%s", c.query, c.header, got.status, got.body, c.status, c.want)
		}
		if asked := h.orders.requests("orders") > before; asked != (c.status == 200) {
			t.Errorf("%s as %q: a subgraph was asked: %v", c.query, c.header, asked)
		}
	}
}

// TestDenialIsTheEmbedders: what callers are told is by whether they have signed in and what they lack. What was
// prepared for one of them is not given to the other.
func TestDenialIsTheEmbedders(t *testing.T) {
	const members, score = `{ members }`, `{ order(id: "o1") { score } }`
	for _, c := range []struct {
		how                gateway.Authorization
		query, user, wants string
	}{
		{gateway.AuthorizationNull, members, "", `"message":"lacks true []","path":["members"],"extensions":{"code":"SIGNED_IN_false"`},
		{gateway.AuthorizationNull, score, "ada", `"message":"lacks false [[buyer adult]]","path":["order","score"],"extensions":{"code":"SIGNED_IN_true"`},
		{gateway.AuthorizationReject, score, "", `"message":"lacks false [[buyer adult]]","path":["order","score"],"extensions":{"code":"SIGNED_IN_false"`},
		{gateway.AuthorizationReject, score, "ada", `"message":"lacks false [[buyer adult]]","path":["order","score"],"extensions":{"code":"SIGNED_IN_true"`},
	} {
		h := newHouse(t, func(cfg *gateway.Config) {
			cfg.Supergraph, cfg.Auth, cfg.Authorization = guardedSupergraph(t), scoped{}, c.how
			cfg.Denial = func(signedIn bool, lacks []*supergraph.Access) (code, message string) {
				return fmt.Sprintf("SIGNED_IN_%v", signedIn), fmt.Sprint("lacks ", lacks[0].Authenticated, " ", lacks[0].Policies)
			}
		})
		header := []string{"Authorization", "Bearer " + c.user}
		if c.user == "" {
			h.post(string(jsonOf(map[string]string{"query": c.query})), "Authorization", "Bearer ada")
			header = nil
		} else {
			h.post(string(jsonOf(map[string]string{"query": c.query})))
		}
		if got := h.post(string(jsonOf(map[string]string{"query": c.query})), header...); !strings.Contains(got.body, c.wants) {
			t.Errorf("%s of %q, %s: %s\nwant %s", c.query, c.user, c.how, got.body, c.wants)
		}
	}
}

// TestAuthorizationOfEvents: what an event carries is kept back as what is fetched is, and a subscription to
// a field that the caller may not see does not begin.
func TestAuthorizationOfEvents(t *testing.T) {
	h, _ := guardedHouse(t, "")
	watch := `subscription { orderStatus(orderId: "o1") { status note score } }`
	s := h.stream(t, watch, "Authorization", "Bearer ada", "X-Policies", "adult buyer")
	s.expect("next", `"data":{"orderStatus":{"status":"PLACED","note":null,"score":2}}`)
	c := h.dial(t, "X-Scopes", "notes")
	c.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada"}}`)
	c.expect("connection_ack", "")
	c.subscribe("1", watch)
	c.expect("next", `"data":{"orderStatus":{"status":"PLACED","note":"first","score":null}}`)
	h.orders.set(order{ID: "o1", Customer: "ada", Status: "PAID", Version: 2, Note: "second"})
	e := event("o1", "ada", "PAID", 2)
	e.Data["note"] = "from the event"
	h.broker.publish("order-events", e)
	s.expect("next", `"data":{"orderStatus":{"status":"PAID","note":null,"score":2}}`)
	c.expect("next", `"data":{"orderStatus":{"status":"PAID","note":"second","score":null}}`)

	refused := h.stream(t, `subscription { orderAlways(orderId: "o1") { status } }`)
	refused.expect("next", "UNAUTHORIZED_FIELD_OR_TYPE")
	refused.expect("complete", "")
	h.dialGuest(t).subscribeRefused(`subscription { orderAlways(orderId: "o1") { status } }`)
	h.stream(t, `subscription { orderAlways(orderId: "o1") { status } }`, "Authorization", "Bearer ada").expect("next", `"status":"PAID"`)
}

// TestAuthorizationStays: a new supergraph in which more is guarded applies to subscriptions that are open.
func TestAuthorizationStays(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Auth = scoped{} })
	s := h.stream(t, `subscription { orderStatus(orderId: "o1") { status note } }`, "Authorization", "Bearer ada")
	s.expect("next", `"note":"first"`)
	if _, err := h.gw.Replace(context.Background(), guardedSupergraph(t), h.reach, h.headers); err != nil {
		t.Fatal(err)
	}
	version := 1
	eventually(t, "an event by the new supergraph", func() bool {
		version++
		h.orders.set(order{ID: "o1", Customer: "ada", Status: "PAID", Version: version, Note: "second"})
		h.broker.publish("order-events", event("o1", "ada", "PAID", version))
		_, data := s.expect("next", `"note":`)
		return strings.Contains(data, `"note":null`) && strings.Contains(data, "UNAUTHORIZED_FIELD_OR_TYPE")
	})
}

func (h *house) dialGuest(t *testing.T) *client {
	c := h.dial(t)
	c.say(`{"type":"connection_init"}`)
	c.expect("connection_ack", "")
	return c
}

func (c *client) subscribeRefused(query string) {
	c.t.Helper()
	c.subscribe("refused", query)
	c.expect("error", "UNAUTHORIZED_FIELD_OR_TYPE")
}

func jsonOf(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}
