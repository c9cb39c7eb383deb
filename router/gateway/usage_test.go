package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"storefront/router/gateway"
)

// uses are what a gateway tells.
type uses struct {
	mu    sync.Mutex
	lines []string
}

func (u *uses) Add(client, version, operation, id string, fields []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lines = append(u.lines, fmt.Sprint(client, "|", version, "|", operation, "|", id, "|", strings.Join(fields, " ")))
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
