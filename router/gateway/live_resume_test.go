package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// another is a second router on the same events and subgraphs.
func (h *house) another(t *testing.T, change func(*gateway.Config)) *house {
	t.Helper()
	o := newHouse(t, func(c *gateway.Config) {
		c.Events = h.broker
		to, err := transport.New(transport.To(h.urls), transport.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.Transport = to
		if change != nil {
			change(c)
		}
	})
	o.broker, o.orders = h.broker, h.orders
	return o
}

func cursorOf(t *testing.T, payload []byte) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Extensions struct{ Cursor string }
		}
		Extensions struct{ Cursor string }
	}
	if err := json.Unmarshal(payload, &body); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if len(body.Errors) > 0 {
		return body.Errors[0].Extensions.Cursor
	}
	return body.Extensions.Cursor
}

// subscribeWith sends a subscription with extensions.
func (c *client) subscribeWith(id, query, extensions string) {
	c.t.Helper()
	c.say(fmt.Sprintf(`{"id":%q,"type":"subscribe","payload":{"query":%s,"extensions":%s}}`, id, mustJSON(query), extensions))
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestResume goes on at another router behind each of the messages, over both transports: nothing is missed,
// and nothing is repeated.
func TestResume(t *testing.T) {
	h := newHouse(t, nil)
	there := h.another(t, nil)
	for _, query := range []string{watchO1, `subscription { orderStatus(orderId: "o1") { status version note } }`} {
		h.change("o1", "ada", "PLACED", 1)
		c := h.signedIn(t, "ada")
		c.subscribe("1", query)
		var cursors []string
		last := 0
		for v := 1; v <= 6; v++ {
			if v > 1 {
				h.change("o1", "ada", fmt.Sprintf("S%d", v), v)
				h.broker.publish("order-events", event("o1", "ada", fmt.Sprintf("S%d", v), v)) // published twice
				h.change("o2", "bob", "S", v)
			}
			cursors = append(cursors, cursorOf(t, c.expect("next", fmt.Sprintf(`"version":%d`, v)).Payload))
			last = v
		}
		for i, cursor := range cursors {
			ws := there.signedIn(t, "ada")
			ws.subscribeWith("1", query, `{"resume":"`+cursor+`"}`)
			sse := there.stream(t, query, "Authorization", "Bearer ada", "Last-Event-ID", cursor)
			for v := i + 2; v <= last; v++ {
				ws.expect("next", fmt.Sprintf(`"version":%d`, v))
				sse.expect("next", fmt.Sprintf(`"version":%d`, v))
			}
			last++
			h.change("o1", "ada", "MORE", last)
			ws.expect("next", fmt.Sprintf(`"version":%d`, last))
			sse.expect("next", fmt.Sprintf(`"version":%d`, last))
		}
		h.orders.set(order{ID: "o1", Customer: "ada", Status: "PLACED", Version: 1})
		h.broker.forget()
	}
}

// TestResumeShowsNobodyElses: a cursor gives no right.
func TestResumeShowsNobodyElses(t *testing.T) {
	h := newHouse(t, nil)
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	cursor := cursorOf(t, c.expect("next", "PLACED").Payload)
	h.change("o1", "ada", "PAID", 2)
	c.expect("next", "PAID")
	eve := h.signedIn(t, "eve")
	eve.subscribeWith("1", watchO1, `{"resume":"`+cursor+`"}`)
	eve.expect("error", "FORBIDDEN")
}

func TestCursorsThatDoNotHold(t *testing.T) {
	h := newHouse(t, nil)
	stranger := h.another(t, func(c *gateway.Config) { c.CursorKey = []byte("another key") })
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	old := cursorOf(t, c.expect("next", "PLACED").Payload)
	bob := h.signedIn(t, "bob")
	bob.subscribe("1", strings.ReplaceAll(watchO1, "o1", "o2"))
	other := cursorOf(t, bob.expect("next", "PLACED").Payload) // of another order
	foreign := stranger.signedIn(t, "ada")
	foreign.subscribe("1", watchO1)
	for _, bad := range []string{"x", "MDo5OTk5", strings.ToUpper(old), old[:len(old)-2], other, cursorOf(t, foreign.expect("next", "PLACED").Payload)} {
		c.subscribeWith("2", watchO1, `{"resume":"`+bad+`"}`)
		c.expect("error", "BAD_INPUT")
	}
	c.subscribeWith("2", watchO1, `{"resume":7}`)
	c.expect("error", "BAD_INPUT")
	for v := 2; v < 6; v++ {
		h.change("o1", "ada", "S", v)
	}
	h.broker.forget()
	c.subscribeWith("3", watchO1, `{"resume":"`+old+`"}`)
	for f, err := c.read(); f.Type != "error"; f, err = c.read() {
		if err != nil {
			t.Fatal(err)
		}
	}
	again := h.signedIn(t, "ada")
	again.subscribeWith("4", watchO1, `{"resume":"`+old+`","fresh":true}`)
	again.expect("next", `"version":5`)
	if n := h.observed.count("too old") + h.observed.count("fresh"); n != 2 {
		t.Errorf("%d of 2 cursors were counted as too old", n)
	}
}

func TestOnlyChanges(t *testing.T) {
	h := newHouse(t, nil)
	c := h.signedIn(t, "ada")
	c.subscribeWith("1", watchO1, `{"initial":false}`)
	eventually(t, "it has begun", func() bool { return h.gw.Live().Feeds == 1 })
	h.change("o1", "ada", "PAID", 2)
	c.expect("next", `"version":2`)
}

// TestOnlyChangesTellNobodyOfOthers: who begins without the state hears nothing of what is not theirs, not even
// that it is there.
func TestOnlyChangesTellNobodyOfOthers(t *testing.T) {
	h := newHouse(t, nil)
	c := h.signedIn(t, "bob")
	c.subscribeWith("1", watchO1, `{"initial":false}`)
	c.subscribeWith("2", strings.Replace(watchO1, "o1", "o2", 1), `{"initial":false}`)
	eventually(t, "both have begun", func() bool { return h.gw.Live().Feeds == 2 })
	h.change("o1", "ada", "PAID", 2)
	eventually(t, "ada's event is kept back", func() bool { return h.observed.count("owner") == 1 })
	h.change("o2", "bob", "PAID", 2)
	c.expect("next", `"version":2`)
}

// TestQuietStreamHasFreshCursors: a heartbeat brings the cursor on, though nothing was told.
func TestQuietStreamHasFreshCursors(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Heartbeat = 5 * time.Millisecond })
	s := h.stream(t, watchO1, "Authorization", "Bearer ada")
	first, _ := s.expect("next", "PLACED")
	h.change("o2", "bob", "PAID", 2)
	moved := ""
	for moved == "" && s.lines.Scan() {
		if id, ok := strings.CutPrefix(s.lines.Text(), "id: "); ok && id != first {
			moved = id
		}
	}
	h.broker.forget()
	h.change("o1", "ada", "PAID", 2)
	again := h.stream(t, watchO1, "Authorization", "Bearer ada", "Last-Event-ID", moved)
	again.expect("next", `"version":2`)
}

// sharers have one key for all people of one name.
type sharers struct{ tokens }

func (sharers) ShareKey(id *gateway.Identity, _ http.Header) string { return id.ID }

// TestOneResolutionForAll: subscribers with the same rights share what is fetched for an event, and all who
// come at once share the state.
func TestOneResolutionForAll(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Headers = sharers{} })
	const query = `subscription { orderStatus(orderId: "o1") { version note } }`
	arrived, goOn := make(chan struct{}), make(chan struct{})
	h.orders.onRead = func() { close(arrived); <-goOn }
	const clients = 20
	var sockets []*client
	for i := range clients {
		c := h.signedIn(t, "ada")
		c.subscribe("1", query)
		sockets = append(sockets, c)
		if i == 0 {
			<-arrived
		}
	}
	eventually(t, "all are in one group", func() bool { return h.observed.open() == clients && h.gw.Live().Groups == 1 })
	close(goOn)
	for _, c := range sockets {
		c.expect("next", `"version":1`)
	}
	if n := h.orders.requests("orders"); n > 2+clients/4 { // the first, and those who came meanwhile
		t.Errorf("%d requests for %d states", n, clients)
	}
	for v := 2; v < 12; v++ {
		before := h.orders.requests("orders")
		h.change("o1", "ada", "S", v)
		for _, c := range sockets {
			c.expect("next", fmt.Sprintf(`"version":%d`, v))
		}
		if n := h.orders.requests("orders") - before; n != 1 {
			t.Errorf("%d requests for one event and %d subscribers", n, clients)
		}
	}
}

// TestLatestIsEnough: who is behind gets the last change of a key, and no other of it.
func TestLatestIsEnough(t *testing.T) {
	sg, err := supergraph.Parse(strings.NewReplacer(
		`types: ["OrderPlaced", "OrderPaid"], provides: "id status version", owner: "customerId"`,
		`types: ["OrderPlaced", "OrderPaid"], provides: "id status version", owner: "customerId", delivery: "LATEST"`,
		`version: String) on`, `version: String, delivery: String) on`).Replace(testSupergraph))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, func(c *gateway.Config) { c.Supergraph = sg })
	s := h.stream(t, `subscription { myOrders { id status version note } }`, "Authorization", "Bearer ada")
	eventually(t, "the stream is open", func() bool { return h.gw.Live().Feeds == 1 })
	arrived, goOn := make(chan struct{}), make(chan struct{})
	h.orders.onRead = func() { close(arrived); <-goOn }
	h.change("o1", "ada", "PAID", 2)
	<-arrived // its note is being read
	for v := 3; v <= 50; v++ {
		h.change("o1", "ada", "PAID", v)
		h.change("o5", "ada", "PAID", v)
	}
	close(goOn)
	_, data := s.expect("next", `"id":"o1"`)
	if strings.Contains(data, `"version":2,`) { // unless that was too late already
		_, data = s.expect("next", `"id":"o1"`)
	}
	if !strings.Contains(data, `"version":50`) {
		t.Errorf("got %s", data)
	}
	s.expect("next", `"id":"o5","status":"PAID","version":50`)
	if n := h.observed.count("superseded"); n < 2*47 {
		t.Errorf("%d changes were superseded, want 94", n)
	}
	if _, err := supergraph.Parse(strings.NewReplacer(`version: String) on`, `version: String, delivery: String) on`,
		`owner: "customerId", version: "version")`, `owner: "customerId", version: "version", delivery: "SOME")`).Replace(testSupergraph)); err == nil || !strings.Contains(err.Error(), "must be ALL or LATEST") {
		t.Errorf("a delivery that does not exist: %v", err)
	}
}

// people authenticates as tokens does, with what the test may change.
type people struct {
	tokens
	mu      sync.Mutex
	expiry  map[string]time.Time
	refused map[string]bool
}

func (p *people) Authenticate(ctx context.Context, h http.Header) (*gateway.Identity, error) {
	id, err := p.tokens.Authenticate(ctx, h)
	p.mu.Lock()
	defer p.mu.Unlock()
	token := h.Get("Authorization")
	if err == nil && p.refused[token] {
		return nil, errs.New(errs.Unauthenticated, "This sign-in has been taken back.")
	}
	if err == nil {
		id.ID, id.Rights, _ = strings.Cut(id.ID, "/less")
		id.ID, _, _ = strings.Cut(id.ID, "/")
		id.Expiry = p.expiry[token]
	}
	return id, err
}

// TestSignInIsRenewedInBand: with a ping, and for the same person only.
func TestSignInIsRenewedInBand(t *testing.T) {
	soon := time.Now().Add(1500 * time.Millisecond)
	h := newHouse(t, func(c *gateway.Config) {
		c.Auth = &people{expiry: map[string]time.Time{"Bearer ada": soon, "Bearer eve": soon}}
	})
	c, left, wrong, less := h.signedIn(t, "ada"), h.signedIn(t, "ada"), h.signedIn(t, "eve"), h.signedIn(t, "ada/less1")
	for _, c := range []*client{c, left} {
		c.subscribe("1", watchO1)
		c.expect("next", "PLACED")
	}
	c.say(`{"type":"ping","payload":{"authorization":"Bearer ada/2"}}`)
	c.expect("pong", "")
	wrong.say(`{"type":"ping","payload":{"authorization":"Bearer ada/2"}}`)
	wrong.closed(4403)
	less.say(`{"type":"ping","payload":{"authorization":"Bearer ada/less2"}}`)
	less.closed(4403)
	left.closed(4403)
	h.change("o1", "ada", "PAID", 2)
	c.expect("next", `"version":2`)
	c.subscribe("2", `{ whoami }`)
	c.expect("next", `"whoami":"ada"`)
}

// TestRightTakenAwayEndsStreams: whoever is not let in any more does not stay in either.
func TestRightTakenAwayEndsStreams(t *testing.T) {
	who := &people{refused: map[string]bool{}}
	h := newHouse(t, func(c *gateway.Config) { c.Auth, c.Recheck = who, 10*time.Millisecond })
	s := h.stream(t, watchO1, "Authorization", "Bearer ada")
	s.expect("next", "PLACED")
	staff := h.signedIn(t, "staff")
	staff.subscribe("1", watchO1)
	staff.expect("next", "PLACED")
	c := h.signedIn(t, "ada/2")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	who.mu.Lock()
	who.refused["Bearer ada"] = true
	who.mu.Unlock()
	s.expect("next", "UNAUTHENTICATED")
	s.expect("complete", "")
	h.change("o1", "ada", "PAID", 2)
	c.expect("next", "PAID")
	staff.expect("next", "PAID")
	who.mu.Lock()
	who.refused["Bearer ada/2"] = true
	who.mu.Unlock()
	c.closed(4403)
}

// TestDrainingRouterHandsOverItsClients: what a client missed while it changed routers comes there.
func TestDrainingRouterHandsOverItsClients(t *testing.T) {
	h := newHouse(t, nil)
	there := h.another(t, nil)
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	s := h.stream(t, watchO1, "Authorization", "Bearer ada")
	s.expect("next", "PLACED")
	h.change("o2", "bob", "PAID", 2) // the position moves on
	go func() { _ = h.gw.Drain(t.Context()) }()
	ping := c.expect("ping", "DRAINING")
	var payload struct{ Cursors map[string]string }
	if err := json.Unmarshal(ping.Payload, &payload); err != nil || payload.Cursors["1"] == "" {
		t.Fatalf("got %s", ping.Payload)
	}
	c.closed(1001)
	id := ""
	for s.lines.Scan() {
		if v, ok := strings.CutPrefix(s.lines.Text(), "id: "); ok {
			id = v
		}
	}
	h.change("o1", "ada", "PAID", 2)
	ws := there.signedIn(t, "ada")
	ws.subscribeWith("1", watchO1, `{"resume":"`+payload.Cursors["1"]+`"}`)
	ws.expect("next", `"version":2`)
	sse := there.stream(t, watchO1, "Authorization", "Bearer ada", "Last-Event-ID", id)
	sse.expect("next", `"version":2`)
}
