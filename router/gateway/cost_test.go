package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"storefront/router/gateway"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// costlyHouse serves orders in lists, of which 100 units of cost are allowed.
func costlyHouse(t *testing.T) *house {
	t.Helper()
	text := strings.NewReplacer(
		"schema\n", `schema
  @link(url: "https://specs.apollo.dev/cost/v0.1", import: ["@listSize"])
`,
		"scalar link__Import", `scalar link__Import
directive @cost(weight: Int!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION`,
		"whoami: String @join__field(graph: ORDERS)", `whoami: String @join__field(graph: ORDERS) @cost(weight: 3)
  list(first: Int): [Order] @join__field(graph: ORDERS) @listSize(slicingArguments: ["first"])`,
	).Replace(testSupergraph)
	return newHouse(t, func(c *gateway.Config) {
		var err error
		if c.Supergraph, err = supergraph.Parse(text); err != nil {
			t.Fatal(err)
		}
		c.Limits = operation.DefaultLimits()
		c.Limits.MaxCost = 100
	})
}

func TestCostIsLimited(t *testing.T) {
	h := costlyHouse(t)
	for _, c := range []struct {
		body, header, want string
		status, requests   int
	}{
		{`{"query":"{ whoami }"}`, "", `{"data":{"whoami":"ada"}}`, 200, 1},
		{`{"query":"{ whoami again: whoami }"}`, "1", `{"data":{"whoami":"ada","again":"ada"},"extensions":{"cost":{"costliest":"whoami","limit":100,"total":6}}}`, 200, 1},
		{`{"query":"query ($n: Int!) { list(first: $n) { id } }","variables":{"n":100}}`, "0", `{"data":{"list":null}}`, 200, 1},
		{`{"query":"query ($n: Int!) { list(first: $n) { id } }","variables":{"n":101}}`, "", `{"errors":[{"message":"The operation costs up to 101, and 100 is allowed; what costs most is list. Ask for shorter lists, or for less of each item.","extensions":{"code":"COST_TOO_HIGH","cost":101,"costliest":"list","limit":100}}]}`, 400, 0},
		{`{"query":"{ whoami list { id } }"}`, "", `{"errors":[{"message":"the field list needs exactly one of the arguments first, to say how long its list may be","locations":[{"line":1,"column":10}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`, 400, 0},
	} {
		before := h.orders.requests("orders")
		got := h.post(c.body, "Authorization", "Bearer ada", "X-Operation-Cost", c.header, "Accept", "application/graphql-response+json")
		if got.body != c.want || got.status != c.status {
			t.Errorf("%s answers %d\n%s\nwant %d\n%s", c.body, got.status, got.body, c.status, c.want)
		}
		if n := h.orders.requests("orders") - before; n != c.requests {
			t.Errorf("%s asks %d times, want %d", c.body, n, c.requests)
		}
	}
	s := h.signedIn(t, "ada")
	s.subscribe("1", "{ list(first: 1000) { id } }")
	s.expect("error", "COST_TOO_HIGH")
}

// TestCostIsToldOverEveryTransport: to who asks for it, also where fragments come later.
func TestCostIsToldOverEveryTransport(t *testing.T) {
	h := costlyHouse(t)
	const plain, deferred = `{ whoami }`, `{ whoami ... @defer { again: whoami } }`
	const plainCost, deferredCost = `"extensions":{"cost":{"costliest":"whoami","limit":100,"total":3}}`, `"extensions":{"cost":{"costliest":"whoami","limit":100,"total":6}}`
	for _, accept := range []string{"application/json", "text/event-stream", "multipart/mixed"} {
		for query, cost := range map[string]string{plain: plainCost, deferred: deferredCost} {
			got := h.post(`{"query":"`+query+`"}`, "Authorization", "Bearer ada", "X-Operation-Cost", "1", "Accept", accept)
			if strings.Count(got.body, cost) != 1 {
				t.Errorf("%s as %s answers without its cost: %s", query, accept, got.body)
			}
			if got := h.post(`{"query":"`+query+`"}`, "Authorization", "Bearer ada", "Accept", accept); strings.Contains(got.body, `"cost"`) {
				t.Errorf("%s as %s tells its cost unasked: %s", query, accept, got.body)
			}
		}
	}
	s := h.dial(t)
	s.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada","x-operation-cost":"1"}}`)
	s.expect("connection_ack", "")
	s.subscribe("1", plain)
	s.expect("next", plainCost)
	s.expect("complete", "")
	s.subscribe("2", deferred)
	s.expect("next", deferredCost)
}

// TestCostOfASubscription: told with the first result, to whom has asked, beside its cursor.
func TestCostOfASubscription(t *testing.T) {
	h := costlyHouse(t)
	const watch, cost = `subscription { orderStatus(orderId: "o1") { status } }`, `"cost":{"costliest":"orderStatus","limit":100,"total":1}`
	s := h.dial(t)
	s.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada","x-operation-cost":"1"}}`)
	s.expect("connection_ack", "")
	other := h.signedIn(t, "ada")
	for _, c := range []*client{s, other} {
		c.subscribe("1", watch)
		f := c.expect("next", "PLACED")
		var body struct{ Extensions map[string]any }
		if err := json.Unmarshal(f.Payload, &body); err != nil || body.Extensions["cursor"] == nil || strings.Contains(string(f.Payload), cost) != (c == s) {
			t.Errorf("the first result is %s, %v", f.Payload, err)
		}
	}
	h.broker.publish("order-events", gateway.Event{ID: "e2", Type: "OrderPaid", Key: "o1", Data: map[string]any{"id": "o1", "customerId": "ada", "status": "PAID", "version": 2}})
	for _, c := range []*client{s, other} {
		if f := c.expect("next", "PAID"); strings.Contains(string(f.Payload), `"cost"`) {
			t.Errorf("a later result is %s", f.Payload)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res := h.open(ctx, t, strings.ReplaceAll(watch, `"`, `\"`), "Accept", "text/event-stream", "X-Operation-Cost", "1")
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "data:") {
	}
	if !strings.Contains(lines.Text(), cost) {
		t.Errorf("over SSE it gives %s", lines.Text())
	}
}
