package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"storefront/internal/errs"
	"storefront/internal/live"
	"storefront/router/gateway"
)

// change stores an order and publishes the event of it.
func (h *house) change(id, customer, status string, version int) {
	h.orders.set(order{ID: id, Customer: customer, Status: status, Version: version})
	h.broker.publish("order-events", event(id, customer, status, version))
}

func event(id, customer, status string, version int) gateway.Event {
	return gateway.Event{
		Type: "OrderPaid", ID: fmt.Sprintf("%s-%d", id, version), Key: id, Time: time.Now(),
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Data:        map[string]any{"id": id, "customerId": customer, "status": status, "version": json.Number(fmt.Sprint(version))},
	}
}

// events is a server-sent event stream being read.
type events struct {
	t      *testing.T
	status int
	header http.Header
	lines  *bufio.Scanner
}

func (h *house) stream(t *testing.T, query string, header ...string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	body, _ := json.Marshal(map[string]string{"query": query})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<22)
	return &events{t, res.StatusCode, res.Header, lines}
}

// read returns the next event; comments are left out.
func (e *events) read() (kind, id, data string, open bool) {
	e.t.Helper()
	for e.lines.Scan() {
		line := e.lines.Text()
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "event":
			kind = strings.TrimSpace(value)
		case "id":
			id = strings.TrimSpace(value)
		case "data":
			data = strings.TrimSpace(value)
		case "":
			if line == "" && kind != "" {
				return kind, id, data, true
			}
		}
	}
	return "", "", "", false
}

func (e *events) expect(kind, holds string) (id, data string) {
	e.t.Helper()
	got, id, data, open := e.read()
	if !open || got != kind || !strings.Contains(data, holds) {
		e.t.Fatalf("got event %q %s (open: %v), want %s with %q", got, data, open, kind, holds)
	}
	return id, data
}

const watchO1 = `subscription { orderStatus(orderId: "o1") { status version } }`

func TestLiveOverEventStream(t *testing.T) {
	h := newHouse(t, nil)
	s := h.stream(t, `subscription { s: orderStatus(orderId: "o1") { status score note } }`, "Authorization", "Bearer ada")
	if s.status != 200 || !strings.HasPrefix(s.header.Get("Content-Type"), "text/event-stream") || s.header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("answered %d %v", s.status, s.header)
	}
	if _, data := s.expect("next", `"status":"PLACED"`); !strings.HasPrefix(data, `{"data":{"s":{"status":"PLACED","score":2,"note":"first"}},"extensions":{"cursor":"`) {
		t.Errorf("the state: %s", data)
	}
	h.change("o1", "ada", "PAID", 2)
	if id, data := s.expect("next", `"status":"PAID"`); id == "" || !strings.Contains(data, `"extensions":{"cursor":"`+id+`"}`) || !strings.Contains(data, `"score":2`) {
		t.Errorf("the change has id %q: %s", id, data)
	}
	if got := h.orders.lastHeader().Get("Traceparent"); !strings.HasPrefix(got, "00-0af7") {
		t.Errorf("the event's trace goes on as %q", got)
	}
	got := h.stream(t, `{ whoami }`, "Authorization", "Bearer ada")
	got.expect("next", `{"data":{"whoami":"ada"}}`)
	got.expect("complete", "")
	bad := h.stream(t, `{ nothing }`)
	bad.expect("next", "GRAPHQL_VALIDATION_FAILED")
	bad.expect("complete", "")
	byGet := h.send(http.MethodGet, "query=%7Bwhoami%7D", "", "Accept", "text/event-stream", "Authorization", "Bearer ada")
	if want := "event: next\ndata: {\"data\":{\"whoami\":\"ada\"}}\n\nevent: complete\ndata:\n\n"; byGet.body != want {
		t.Errorf("by GET: %q", byGet.body)
	}
	plain := h.stream(t, `subscription { plain }`)
	plain.expect("next", "UNAVAILABLE")
	plain.expect("complete", "")
}

// TestEventAnswersAlone: what the event provides is not fetched.
func TestEventAnswersAlone(t *testing.T) {
	h := newHouse(t, nil)
	c := h.signedIn(t, "ada")
	c.subscribe("1", `subscription { orderStatus(orderId: "o1") { id status version } }`)
	c.expect("next", `{"data":{"orderStatus":{"id":"o1","status":"PLACED","version":1}}`)
	before := h.orders.requests("orders")
	h.change("o1", "ada", "PAID", 2)
	c.expect("next", `"orderStatus":{"id":"o1","status":"PAID","version":2}`)
	if n := h.orders.requests("orders") - before; n != 0 {
		t.Errorf("%d requests for what the event knew", n)
	}
}

// TestNoGapNoRepetition changes the order while its state is being read: what the state shows is
// not told again, and what comes after it is not lost.
func TestNoGapNoRepetition(t *testing.T) {
	h := newHouse(t, nil)
	h.orders.onRead = func() {
		// Both happen after the stream is in place; the state that is read has version 3.
		h.change("o1", "ada", "PAID", 2)
		h.change("o1", "ada", "SHIPPED", 3)
	}
	h.orders.set(order{ID: "o1", Customer: "ada", Status: "SHIPPED", Version: 3})
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", `"version":3`)
	h.broker.publish("order-events", event("o1", "ada", "SHIPPED", 3))
	h.change("o1", "ada", "DELIVERED", 4)
	c.expect("next", `"version":4`)
	// Version unselected: it is asked for all the same, and not shown.
	h.orders.onRead = func() { h.broker.publish("order-events", event("o1", "ada", "DELIVERED", 4)) }
	c.subscribe("2", `subscription { orderStatus(orderId: "o1") { status } }`)
	if f := c.expect("next", "DELIVERED"); !strings.HasPrefix(string(f.Payload), `{"data":{"orderStatus":{"status":"DELIVERED"}},"extensions"`) {
		t.Errorf("the state: %s", f.Payload)
	}
	h.change("o1", "ada", "RETURNED", 5)
	for range 2 {
		c.expect("next", "RETURNED")
	}
	if n := h.observed.count("version"); n != 5 {
		t.Errorf("%d events were withheld as seen, want 5", n)
	}
}

func TestEveryChangeInOrder(t *testing.T) {
	h := newHouse(t, nil)
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", `"version":1`)
	for v := 2; v <= 200; v++ {
		h.change("o1", "ada", "S", v)
	}
	for v := 2; v <= 200; v++ {
		c.expect("next", fmt.Sprintf(`"version":%d}`, v))
	}
}

// TestOnlyTheOwnerSees: nobody but the owner and staff gets an order's state or its events.
func TestOnlyTheOwnerSees(t *testing.T) {
	h := newHouse(t, nil)
	for _, user := range []string{"bob", ""} {
		always := h.stream(t, `subscription { orderAlways(orderId: "o1") { id status } }`, "Authorization", "Bearer "+user)
		always.expect("next", "NOT_FOUND")
		always.expect("complete", "")
	}
	// Where the field may be null there is nothing yet; what comes is not hers to see either.
	eve := h.stream(t, watchO1, "Authorization", "Bearer eve")
	eve.expect("next", `{"data":{"orderStatus":null}`)
	staff := h.signedIn(t, "staff")
	staff.subscribe("1", watchO1)
	staff.expect("next", `"version":1`)
	ada := h.signedIn(t, "ada")
	ada.subscribe("1", watchO1)
	ada.expect("next", `"version":1`)
	// An event says nothing of an owner; then the order is hers; then another's, and never hers again.
	h.broker.publish("order-events", event("o1", "", "LOST", 2))
	h.broker.publish("order-events", event("o1", "ada", "PAID", 3))
	h.broker.publish("order-events", event("o1", "bob", "SOLD", 4))
	ada.expect("next", `"PAID"`)
	ada.expect("error", "FORBIDDEN")
	staff.expect("next", "LOST")
	staff.expect("next", "PAID")
	staff.expect("next", "SOLD")
	eventually(t, "2 events are withheld from ada and 3 from eve", func() bool { return h.observed.count("owner") == 5 })
}

func TestViewersOwn(t *testing.T) {
	h := newHouse(t, nil)
	const mine = `subscription { myOrders { id status } }`
	nobody := h.stream(t, mine)
	nobody.expect("next", "UNAUTHENTICATED")
	nobody.expect("complete", "")
	s := h.stream(t, mine, "Authorization", "Bearer ada", "X-Guest", "guest-9")
	eventually(t, "the stream is open", func() bool { return h.gw.Live().Feeds == 1 })
	h.change("o7", "bob", "PAID", 1)
	skipped := event("o8", "ada", "PLACED", 1)
	skipped.Type = "OrderNoted"
	h.broker.publish("order-events", skipped)
	h.change("o9", "ada", "PAID", 1)
	s.expect("next", `{"id":"o9","status":"PAID"}`)
	h.change("o10", "guest-9", "PAID", 1)
	s.expect("next", `{"id":"o10","status":"PAID"}`)
}

func TestExpiryEndsStreams(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Auth = tokens{expiry: time.Now().Add(2 * time.Second)} })
	s := h.stream(t, watchO1, "Authorization", "Bearer ada")
	s.expect("next", "PLACED")
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	c.closed(4403)
	s.expect("next", "UNAUTHENTICATED")
	s.expect("complete", "")
	eventually(t, "both have ended", func() bool { return len(h.broker.open()) == 0 })
}

// TestSlowClientIsCutOff: one client stops reading; it is cut off, and another gets everything.
func TestSlowClientIsCutOff(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Queue = 8; c.WriteTimeout = 300 * time.Millisecond })
	stalled := h.signedIn(t, "ada")
	stalled.subscribe("1", watchO1)
	stalled.expect("next", `"version":1`)
	good := h.signedIn(t, "ada")
	good.subscribe("1", watchO1)
	good.expect("next", `"version":1`)
	big := strings.Repeat("x", 1<<18)
	version := 1
	for h.observed.open() == 2 {
		version++
		h.broker.publish("order-events", event("o1", "ada", big, version))
		good.expect("next", fmt.Sprintf(`"version":%d}`, version))
	}
	h.broker.publish("order-events", event("o1", "ada", "PAID", version+1))
	good.expect("next", "PAID")
	if h.observed.count("slow")+h.observed.count("done") != 1 {
		t.Errorf("subscribers ended: %v", h.observed.ended)
	}
}

func TestSourceEnds(t *testing.T) {
	h := newHouse(t, nil)
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	for _, s := range h.broker.open() {
		s.fail(errors.New("broker at 10.0.0.9 away"))
	}
	if f := c.expect("error", "UNAVAILABLE"); strings.Contains(string(f.Payload), "10.0.0.9") {
		t.Errorf("an internal text is shown: %s", f.Payload)
	}
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	for _, s := range h.broker.open() {
		s.fail(errs.New(errs.Forbidden, "The right to watch was taken away."))
	}
	c.expect("error", "The right to watch was taken away.")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	for _, s := range h.broker.open() {
		s.fail(live.ErrGap)
	}
	c.expect("error", "EVENTS_LOST")
}

func TestDrain(t *testing.T) {
	h := newHouse(t, nil)
	s := h.stream(t, watchO1, "Authorization", "Bearer ada")
	s.expect("next", "PLACED")
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- h.gw.Drain(ctx)
	}()
	c.closed(1001)
	// The event stream breaks off without an end, so that the client comes back with its cursor.
	rest := ""
	for s.lines.Scan() {
		rest += s.lines.Text() + "\n"
	}
	if !strings.Contains(rest, "retry: ") || !strings.Contains(rest, "id: ") || strings.Contains(rest, "event: ") {
		t.Errorf("the event stream ends with %q", rest)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	late := h.stream(t, watchO1, "Authorization", "Bearer ada")
	if kind, _, _, open := late.read(); open {
		t.Errorf("a stream of a router that drains: %s", kind)
	}
	if got := h.post(`{"query":"{ hello }"}`); got.status != 200 {
		t.Errorf("a query while draining: %d", got.status)
	}
}

// TestHeartbeat: a quiet stream shows signs of life.
func TestHeartbeat(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Heartbeat = 5 * time.Millisecond })
	s := h.stream(t, watchO1, "Authorization", "Bearer ada")
	comments := 0
	for comments < 5 && s.lines.Scan() {
		if s.lines.Text() == ":" {
			comments++
		}
	}
	if comments < 5 {
		t.Errorf("%d comments", comments)
	}
	c := h.signedIn(t, "ada")
	c.subscribe("1", watchO1)
	c.expect("next", "PLACED")
}
