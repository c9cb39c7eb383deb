package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/execute"
	"storefront/router/gateway"
)

// TestOverloadedByTransport: an operation too many is refused in the form of its transport, and is no reason to
// end a connection.
func TestOverloadedByTransport(t *testing.T) {
	held, with := hold("orders")
	defer held.release()
	h := newHouse(t, func(c *gateway.Config) {
		with(c)
		c.Overload, c.MaxBatch = gateway.Overload{Max: 1, Critical: []string{"Mutation.*"}}, 2
	})
	var one sync.WaitGroup
	one.Go(func() {
		if got := h.post(`{"query":"{ whoami }"}`); got.status != 200 {
			t.Errorf("the first: %d %s", got.status, got.body)
		}
	})
	<-held.arrived
	const query = `{"query":"{ hello }"}`
	for accept, status := range map[string]int{"application/json": 503, "application/graphql-response+json": 503, "text/event-stream": 503} {
		got := h.post(query, "Accept", accept)
		if got.status != status || !strings.Contains(got.body, `"code":"OVERLOADED"`) || !strings.Contains(got.body, `"retryAfter":`) || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v %s", accept, got.status, got.header, got.body)
		}
	}
	if got := h.post("["+query+"]", "Accept", "application/json"); got.status != 200 || !strings.Contains(got.body, `"OVERLOADED"`) {
		t.Errorf("in a batch: %d %s", got.status, got.body)
	}
	c := h.signedIn(t, "ada")
	c.subscribe("1", "{ hello }")
	c.expect("error", `"OVERLOADED"`)
	const watch = `subscription { orderStatus(orderId: \"o1\") { status } }`
	c.subscribe("1", `subscription { orderStatus(orderId: "o1") { status } }`)
	c.expect("error", `"OVERLOADED"`)
	if got := h.post(`{"query":"`+watch+`"}`, "Accept", "text/event-stream", "Authorization", "Bearer ada"); got.status != 503 || got.header.Get("Retry-After") == "" {
		t.Errorf("a subscription: %d %v %s", got.status, got.header, got.body)
	}
	one.Go(func() {
		if got := h.post(`{"query":"mutation { setNote(id: \"o1\", note: \"n\") { note } }"}`, "Authorization", "Bearer ada"); got.status != 200 {
			t.Errorf("a critical one: %d %s", got.status, got.body)
		}
	})
	select {
	case <-held.arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("the critical one was not let through")
	}
	held.release()
	one.Wait()
	c.subscribe("1", "{ hello }") // the same on the same socket
	c.expect("next", `"hello"`)
	eventually(t, "one is answered when all others are", func() bool { return h.post(query).status == 200 })
	c.expect("complete", "")
	c.subscribe("1", `subscription { orderStatus(orderId: "o1") { status } }`)
	c.expect("next", `"status"`)
}

// narrow is a way to subgraphs that bear so many requests at once, each a while long.
type narrow struct {
	execute.Transport
	places chan struct{}
	takes  time.Duration
}

func (n *narrow) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	select {
	case n.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-n.places }()
	work := time.NewTimer(n.takes)
	defer work.Stop()
	select {
	case <-work.C:
	case <-ctx.Done():
	}
	return n.Transport.Do(ctx, r)
}

// asking are clients of one kind that send their operation again and again.
type asking struct{ sent, answered, shed atomic.Int64 }

func (a *asking) ask(h *house, i int64, body string, header ...string) {
	a.sent.Add(1)
	switch got := h.post(strings.ReplaceAll(body, "#", fmt.Sprint(i)), header...); {
	case got.status == 200 && !strings.Contains(got.body, `"errors"`):
		a.answered.Add(1)
	case got.status == 503 && strings.Contains(got.body, `"OVERLOADED"`) && got.header.Get("Retry-After") != "":
		a.shed.Add(1)
	default:
		h.t.Errorf("%s: %d %s", body, got.status, got.body)
	}
}

// TestOverloadOfASubgraph sends more than a slow subgraph bears, over HTTP.
func TestOverloadOfASubgraph(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) {
		c.Transport = &narrow{c.Transport, make(chan struct{}, 4), 10 * time.Millisecond}
		c.Overload = gateway.Overload{Window: 50 * time.Millisecond, Delay: 20 * time.Millisecond, Floor: 10, Heavy: 1, Critical: []string{"Mutation.setNote"}}
	})
	var critical, usual, low asking
	buy := func(i int64) {
		critical.ask(h, i, `{"query":"mutation { setNote(id: \"o1\", note: \"#\") { note } }"}`, "Authorization", "Bearer ada")
	}
	look := func(i int64) {
		usual.ask(h, i, `{"query":"query($n: String) { hello(name: $n) }","variables":{"n":"#"}}`, "Authorization", "Bearer ada")
	}
	roam := func(i int64) {
		low.ask(h, i, `{"query":"query($id: ID!) { order(id: $id) { id } }","variables":{"id":"none-#"}}`)
	}
	schema := func(i int64) { low.ask(h, i, `{"query":"{ __schema { queryType { name } } }"}`) }
	for i := range int64(3) {
		buy(i)
		look(i)
		roam(i)
		schema(i)
	}
	if shed := critical.shed.Load() + usual.shed.Load() + low.shed.Load(); shed > 0 {
		t.Fatalf("%d operations are refused without load", shed)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	loop := func(clients int, one func(int64)) {
		for c := range clients {
			running.Go(func() {
				pause := time.NewTicker(5 * time.Millisecond)
				defer pause.Stop()
				for i := int64(c * 1_000_000); ; i++ {
					select {
					case <-ctx.Done():
						return
					case <-pause.C:
						one(i)
					}
				}
			})
		}
	}
	loop(60, look)
	loop(15, roam)
	loop(2, schema)
	eventually(t, "the least important and the usual ones are refused", func() bool { return low.shed.Load() > 20 && usual.shed.Load() > 20 })
	for i := range int64(20) {
		buy(i)
	}
	stop()
	running.Wait()
	if critical.shed.Load() > 0 || critical.answered.Load() != 23 {
		t.Errorf("of the critical ones %d are refused", critical.shed.Load())
	}
	if usual.answered.Load() < 30 {
		t.Errorf("of the usual ones %d are answered", usual.answered.Load())
	}
	if n := h.observed.count("shed low"); int64(n) != low.shed.Load() {
		t.Errorf("%d of the least important are counted as refused, not %d", n, low.shed.Load())
	}
	for _, lane := range h.gw.Load() {
		if lane.Running != 0 {
			t.Errorf("%d are left under way to %q", lane.Running, lane.Subgraph)
		}
	}
	before := low.answered.Load() + usual.answered.Load()
	eventually(t, "all of them are answered again", func() bool {
		look(1)
		roam(1)
		schema(1)
		return low.answered.Load()+usual.answered.Load() >= before+15
	})
}
