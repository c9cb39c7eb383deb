package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/router/gateway"
)

// connect sends a request whose answer is read as it comes.
func (h *house) connect(t *testing.T, method, query, body string, header ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, h.url+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestSingleEventStream(t *testing.T) {
	h := newHouse(t, nil)
	const ada = "Bearer ada"
	token := h.send(http.MethodPut, "", "", "Authorization", ada)
	if token.status != http.StatusCreated || len(token.body) < 20 {
		t.Fatalf("reserving answered %d %q", token.status, token.body)
	}
	post := func(id, query string) reply {
		return h.post(`{"query":`+mustJSON(query)+`,"extensions":{"operationId":"`+id+`"}}`, "Authorization", ada, "X-GraphQL-Event-Stream-Token", token.body)
	}
	// An operation may come before the stream is open.
	if got := post("early", `{ whoami }`); got.status != http.StatusAccepted {
		t.Fatalf("an operation answered %d %s", got.status, got.body)
	}
	stolen := h.send(http.MethodGet, "token="+token.body, "", "Accept", "text/event-stream", "Authorization", "Bearer eve")
	if stolen.status != http.StatusForbidden {
		t.Errorf("someone else's stream answered %d", stolen.status)
	}
	res := h.connect(t, http.MethodGet, "?token="+token.body, "", "Accept", "text/event-stream", "Authorization", ada)
	lines := bufio.NewScanner(res.Body)
	s := &events{t, res.StatusCode, res.Header, lines}
	s.expect("next", `{"id":"early","payload":{"data":{"whoami":"ada"}}}`)
	s.expect("complete", `{"id":"early"}`)
	if again := h.send(http.MethodGet, "token="+token.body, "", "Accept", "text/event-stream", "Authorization", ada); again.status != http.StatusConflict {
		t.Errorf("opened again: %d", again.status)
	}
	post("1", watchO1)
	s.expect("next", `{"id":"1","payload":{"data":{"orderStatus":{"status":"PLACED"`)
	if twice := post("1", watchO1); twice.status != http.StatusConflict {
		t.Errorf("one id twice: %d", twice.status)
	}
	if none := post("", watchO1); none.status != http.StatusBadRequest {
		t.Errorf("no id: %d", none.status)
	}
	post("2", watchO1)
	s.expect("next", `{"id":"2","payload":`)
	if ended := h.send(http.MethodDelete, "operationId=2", "", "Authorization", ada, "X-GraphQL-Event-Stream-Token", token.body); ended.status != http.StatusOK {
		t.Errorf("ending an operation: %d", ended.status)
	}
	eventually(t, "one is left", func() bool { return h.observed.open() == 1 })
	h.change("o1", "ada", "PAID", 2)
	if id, data := s.expect("next", `{"id":"1","payload":{"data":{"orderStatus":{"status":"PAID"`); id != "" || !strings.Contains(data, `"cursor":"`) {
		t.Errorf("event id %q of %s", id, data)
	}
	post("3", `{ nothing }`)
	s.expect("next", "GRAPHQL_VALIDATION_FAILED")
	s.expect("complete", `{"id":"3"}`)
	if gone := h.post(`{"query":"{ whoami }","extensions":{"operationId":"9"}}`, "Authorization", ada, "X-GraphQL-Event-Stream-Token", "x"); gone.status != http.StatusNotFound {
		t.Errorf("an unknown token: %d", gone.status)
	}
	res.Body.Close()
	eventually(t, "the stream is gone", func() bool { return post("4", `{ whoami }`).status == http.StatusNotFound && h.observed.open() == 0 })
}

// A stream carries so many operations at once, and a router so many streams; what ends makes room.
func TestSingleEventStreamsAreBounded(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxOperations, c.MaxStreams = 2, 1 })
	const ada = "Bearer ada"
	reserve := func() reply { return h.send(http.MethodPut, "", "", "Authorization", ada) }
	token := reserve()
	if more := reserve(); token.status != http.StatusCreated || more.status != http.StatusServiceUnavailable || !strings.Contains(more.body, "TOO_MANY") {
		t.Fatalf("the first stream: %d, one too many: %d %s", token.status, more.status, more.body)
	}
	post := func(id string) reply {
		return h.post(`{"query":`+mustJSON(watchO1)+`,"extensions":{"operationId":"`+id+`"}}`, "Authorization", ada, "X-GraphQL-Event-Stream-Token", token.body)
	}
	res := h.connect(t, http.MethodGet, "?token="+token.body, "", "Accept", "text/event-stream", "Authorization", ada)
	if a, b, c := post("a"), post("b"), post("c"); a.status != http.StatusAccepted || b.status != http.StatusAccepted || c.status != http.StatusTooManyRequests || !strings.Contains(c.body, "TOO_MANY") {
		t.Errorf("three operations: %d, %d, %d %s", a.status, b.status, c.status, c.body)
	}
	h.send(http.MethodDelete, "operationId=a", "", "Authorization", ada, "X-GraphQL-Event-Stream-Token", token.body)
	if c := post("c"); c.status != http.StatusAccepted {
		t.Errorf("in the place of one that ended: %d %s", c.status, c.body)
	}
	res.Body.Close()
	eventually(t, "there is room for another stream", func() bool { return reserve().status == http.StatusCreated })
}

func TestSubscriptionInParts(t *testing.T) {
	h := newHouse(t, nil)
	accept := "multipart/mixed;subscriptionSpec=1.0, application/json"
	res := h.connect(t, http.MethodPost, "", `{"query":`+mustJSON(watchO1)+`}`, "Accept", accept, "Content-Type", "application/json", "Authorization", "Bearer ada")
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != `multipart/mixed;subscriptionSpec="1.0";boundary="graphql"` {
		t.Fatalf("answered %d %s", res.StatusCode, got)
	}
	in := bufio.NewReader(res.Body)
	part := func() string { // up to the boundary behind it
		t.Helper()
		text := ""
		for !strings.HasSuffix(text, "\r\n--graphql") {
			b, err := in.ReadByte()
			if err != nil {
				t.Fatalf("%v behind %q", err, text)
			}
			text += string(b)
		}
		return strings.TrimSuffix(strings.TrimPrefix(text, "\r\ncontent-type: application/json\r\n\r\n"), "\r\n--graphql")
	}
	opening := make([]byte, len("--graphql"))
	if _, err := io.ReadFull(in, opening); err != nil || string(opening) != "--graphql" {
		t.Fatalf("begins with %q, %v", opening, err)
	}
	if p := part(); p != "{}" {
		t.Errorf("the first part is %s", p)
	}
	if p := part(); !strings.HasPrefix(p, `{"payload":{"data":{"orderStatus":{"status":"PLACED","version":1}},"extensions":{"cursor":"`) {
		t.Errorf("the state: %s", p)
	}
	h.change("o1", "ada", "PAID", 2)
	if p := part(); !strings.Contains(p, `"PAID"`) {
		t.Errorf("the change: %s", p)
	}
	h.broker.publish("order-events", event("o1", "bob", "SOLD", 3))
	if p := part(); !strings.HasPrefix(p, `{"payload":null,"errors":[`) || !strings.Contains(p, "FORBIDDEN") {
		t.Errorf("the end: %s", p)
	}
	if rest, err := io.ReadAll(in); err != nil || string(rest) != "--\r\n" {
		t.Errorf("ends with %q, %v", rest, err)
	}
	if bad := h.post(`{"query":"subscription { nothing }"}`, "Accept", accept); bad.status != http.StatusOK || !strings.HasPrefix(bad.header.Get("Content-Type"), "application/json") {
		t.Errorf("a wrong subscription: %d %s", bad.status, bad.header.Get("Content-Type"))
	}
}

// lateEnd holds the end of the first subscription up.
type lateEnd struct {
	*observer
	once sync.Once
	at   chan struct{} // closed when it has come to that
	goOn chan struct{}
}

func (o *lateEnd) SubscriberEnded(field, reason string) {
	o.observer.SubscriberEnded(field, reason)
	o.once.Do(func() { close(o.at); <-o.goOn })
}

// An operation that has been ended takes nothing with it of another that got its id, however late it is through.
func TestSingleEventStreamGivesAnIDAgain(t *testing.T) {
	t.Parallel()
	var late *lateEnd
	h := newHouse(t, func(c *gateway.Config) {
		late = &lateEnd{observer: c.Observer.(*observer), at: make(chan struct{}), goOn: make(chan struct{})}
		c.Observer, c.MaxOperations = late, 1
	})
	const ada = "Bearer ada"
	token := h.send(http.MethodPut, "", "", "Authorization", ada).body
	post := func(id string) int {
		return h.post(`{"query":`+mustJSON(watchO1)+`,"extensions":{"operationId":"`+id+`"}}`, "Authorization", ada, "X-GraphQL-Event-Stream-Token", token).status
	}
	res := h.connect(t, http.MethodGet, "?token="+token, "", "Accept", "text/event-stream", "Authorization", ada)
	s := &events{t, res.StatusCode, res.Header, bufio.NewScanner(res.Body)}
	if none := post(""); none != http.StatusBadRequest {
		t.Errorf("no id: %d", none)
	}
	if first := post("1"); first != http.StatusAccepted { // one without an id has no place
		t.Fatalf("the first operation: %d", first)
	}
	s.expect("next", "PLACED")
	h.send(http.MethodDelete, "operationId=1", "", "Authorization", ada, "X-GraphQL-Event-Stream-Token", token)
	<-late.at
	if again := post("1"); again != http.StatusAccepted {
		t.Errorf("the id again: %d", again)
	}
	s.expect("next", "PLACED")
	close(late.goOn)
	eventually(t, "the first one is gone", func() bool { return h.gw.Live().Feeds == 1 && h.observed.open() == 1 })
	h.change("o1", "ada", "PAID", 2)
	s.expect("next", "PAID")
}
