package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"storefront/router/gateway"
)

// findSupergraph has a field whose argument is an input object.
func findSupergraph() string {
	const join = " @join__type(graph: ORDERS)"
	return strings.Replace(testSupergraph, "  whoami: String", "  find(by: Filter, sort: [Sort!]): String @join__field(graph: ORDERS)\n  whoami: String", 1) + `
input Filter` + join + ` { text: String  limit: Int = 10  sort: Sort  all: [Filter!]  not: Filter }
enum Sort` + join + ` { NAME @join__enumValue(graph: ORDERS) PRICE @join__enumValue(graph: ORDERS) AGE @join__enumValue(graph: ORDERS) }`
}

// Of input types what is named counts, in the text and in each run's variables; no value of a client's does, and no
// default that it left to the schema.
func TestUsageOfInputs(t *testing.T) {
	t.Parallel()
	told := &uses{}
	h := newHouse(t, func(c *gateway.Config) {
		c.Usage, c.Supergraph, c.Transport = told, parsed(t, findSupergraph()), constant(`{"data":{"find":"x"}}`)
	})
	const by = `query By($by: Filter = {not: {sort: AGE}}, $sort: [Sort!]) { find(by: $by, sort: $sort) }`
	for _, request := range []string{
		`{"query":"query Text { find(by: {text: \"secret\", all: [{sort: NAME}]}, sort: PRICE) }"}`,
		`{"query":"` + by + `"}`,
		`{"query":"` + by + `","variables":{"by":{"text":"secret","all":[{"text":"NAME"},{"limit":1}],"not":{"sort":"AGE"}},"sort":["PRICE","NAME"]}}`,
		`{"query":"` + by + `","variables":{"by":null,"sort":"PRICE"}}`,
	} {
		if r := h.post(request); r.status != 200 {
			t.Fatalf("%s: %s", request, r.body)
		}
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	var got []string
	for _, line := range told.lines {
		got = append(got, line[strings.LastIndex(line, "|")+1:])
	}
	want := []string{
		"Filter.all Filter.sort Filter.text Query.find Query.find(by:) Query.find(sort:) Sort.NAME Sort.PRICE",
		"Filter.not Filter.sort Query.find Query.find(by:) Query.find(sort:) Sort.AGE",
		"Filter.not Filter.sort Query.find Query.find(by:) Query.find(sort:) Sort.AGE",
		"by variables: Filter.all Filter.limit Filter.text Sort.NAME Sort.PRICE",
		"Filter.not Filter.sort Query.find Query.find(by:) Query.find(sort:) Sort.AGE",
		"by variables: Sort.PRICE",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the gateway tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// uses are what a gateway tells.
type uses struct {
	mu    sync.Mutex
	lines []string
}

func (u *uses) Add(client, version, operation, id string, fields, inputs []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lines = append(u.lines, fmt.Sprint(client, "|", version, "|", operation, "|", id, "|", strings.Join(fields, " ")))
	if len(inputs) > 0 {
		u.lines = append(u.lines, "by variables: "+strings.Join(inputs, " "))
	}
}

// TestUsage: what is run counts, by whom, over every transport; what is refused does not.
func TestUsage(t *testing.T) {
	told := &uses{}
	h := newHouse(t, func(c *gateway.Config) {
		c.Usage, c.Operations = told, storedTexts{"who-1": "query Who { whoami }"}
	})
	const query = `{"query":"query Shelf($n: String) { __typename hello(name: $n) order(id: \"o1\") { ...Parts ... on Order { status } } } fragment Parts on Order { id status score }"}`
	const shelf = "|Order.id Order.score Order.status Query.hello Query.hello(name:) Query.order Query.order(id:)"
	h.post(query, "Authorization", "Bearer ada", "apollographql-client-name", "web", "apollographql-client-version", "1.2")
	h.post(query, "Authorization", "Bearer ada", "graphql-client-name", "ada@example.com")
	h.post(query, "Accept", "text/event-stream")
	h.post(`{"id":"who-1"}`, "Authorization", "Bearer acme", "graphql-client-name", "someone-else", "graphql-client-version", "7")
	h.post(`{"query":"{ nothing }"}`)
	c := h.signedIn(t, "ada")
	c.subscribe("1", `subscription Follow { orderStatus(orderId: "o1") { version } }`)
	c.expect("next", "version")
	told.mu.Lock()
	defer told.mu.Unlock()
	hash := ""
	if parts := strings.Split(told.lines[0], "|"); len(parts) == 5 {
		hash = parts[3]
	}
	want := []string{"web|1.2|Shelf|" + hash + shelf, "unreadable||Shelf|" + hash + shelf, "||Shelf|" + hash + shelf,
		"acme|7|Who|who-1|Query.whoami", "||Follow|" + told.lines[len(told.lines)-1][9:25] + "|Order.version Subscription.orderStatus Subscription.orderStatus(orderId:)"}
	if len(hash) != 16 || !slices.Equal(told.lines, want) {
		t.Errorf("the gateway tells\n%s\nwant\n%s", strings.Join(told.lines, "\n"), strings.Join(want, "\n"))
	}
}
