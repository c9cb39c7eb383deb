package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"storefront/router/gateway"
)

// client is a graphql-transport-ws client that says exactly what a test tells it to.
type client struct {
	t    *testing.T
	conn *websocket.Conn
	ctx  context.Context
}

type frame struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

func (h *house) dial(t *testing.T, header ...string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	options := &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		options.HTTPHeader.Add(header[i], header[i+1])
	}
	conn, _, err := websocket.Dial(ctx, strings.Replace(h.url, "http", "ws", 1), options)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 22)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{t, conn, ctx}
}

// signedIn dials and goes through the handshake as user.
func (h *house) signedIn(t *testing.T, user string) *client {
	t.Helper()
	c := h.dial(t)
	c.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ` + user + `"}}`)
	c.expect("connection_ack", "")
	return c
}

func (c *client) say(text string) {
	c.t.Helper()
	if err := c.conn.Write(c.ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) subscribe(id, query string) {
	c.t.Helper()
	payload, _ := json.Marshal(map[string]string{"query": query})
	c.say(`{"id":"` + id + `","type":"subscribe","payload":` + string(payload) + `}`)
}

func (c *client) read() (frame, error) {
	_, data, err := c.conn.Read(c.ctx)
	if err != nil {
		return frame{}, err
	}
	var f frame
	return f, json.Unmarshal(data, &f)
}

// expect reads one message, of this type and with this in its payload.
func (c *client) expect(kind, holds string) frame {
	c.t.Helper()
	f, err := c.read()
	if err != nil {
		c.t.Fatalf("want %s: %v", kind, err)
	}
	if f.Type != kind || !strings.Contains(string(f.Payload), holds) {
		c.t.Fatalf("got %s %s, want %s with %q", f.Type, f.Payload, kind, holds)
	}
	return f
}

// closed reads until the socket closes and checks the code.
func (c *client) closed(code websocket.StatusCode) {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			if got := websocket.CloseStatus(err); got != code {
				c.t.Fatalf("closed with %d (%v), want %d", got, err, code)
			}
			return
		}
	}
}

func TestWebSocketClosesAsTheProtocolSays(t *testing.T) {
	h := newHouse(t, nil)
	short := newHouse(t, func(c *gateway.Config) { c.InitTimeout = 30 * time.Millisecond })
	for name, c := range map[string]struct {
		code websocket.StatusCode
		say  []string
	}{
		"no init":              {4408, nil},
		"not JSON":             {4400, []string{`{`}},
		"unknown type":         {4400, []string{`{"type":"start"}`}},
		"a server's type":      {4400, []string{`{"type":"next","id":"1","payload":{}}`}},
		"subscribe first":      {4401, []string{`{"type":"subscribe","id":"1","payload":{"query":"{ hello }"}}`}},
		"init twice":           {4429, []string{`{"type":"connection_init"}`, `{"type":"connection_init"}`}},
		"init payload":         {4400, []string{`{"type":"connection_init","payload":"x"}`}},
		"sign-in is no text":   {4400, []string{`{"type":"connection_init","payload":{"authorization":{"token":"ada"}}}`}},
		"sign-in in a list":    {4400, []string{`{"type":"connection_init","payload":{"headers":{"Authorization":["Bearer ada"]}}}`}},
		"sign-in in two lines": {4400, []string{`{"type":"connection_init","payload":{"AUTHORIZATION":"Bearer ada\n"}}`}},
		"name is no text":      {4400, []string{`{"type":"connection_init","payload":{"graphql-client-name":7}}`}},
		"headers are a text":   {4400, []string{`{"type":"connection_init","payload":{"headers":"authorization: Bearer ada"}}`}},
		"renewed by no text":   {4400, []string{`{"type":"connection_init","payload":{"authorization":null,"more":[7]}}`, `{"type":"ping","payload":{"authorization":7}}`}},
		"refused":              {4403, []string{`{"type":"connection_init","payload":{"authorization":"Bearer expired"}}`}},
		"fault":                {4500, []string{`{"type":"connection_init","payload":{"headers":{"authorization":"Bearer broken"}}}`}},
		"no id":                {4400, []string{`{"type":"connection_init"}`, `{"type":"subscribe","payload":{"query":"{ hello }"}}`}},
		"no payload":           {4400, []string{`{"type":"connection_init"}`, `{"type":"subscribe","id":"1"}`}},
		"complete without id":  {4400, []string{`{"type":"connection_init"}`, `{"type":"complete"}`}},
		"the same id at once":  {4409, []string{`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, `{"type":"subscribe","id":"1","payload":{"query":"subscription{orderStatus(orderId:\"o1\"){id}}"}}`, `{"type":"subscribe","id":"1","payload":{"query":"{ hello }"}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			house := h
			if c.code == 4408 {
				house = short
			}
			ws := house.dial(t)
			for _, text := range c.say {
				ws.say(text)
			}
			ws.closed(c.code)
		})
	}
}

func TestWebSocketHandshake(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.CORS.Origins = []string{"https://shop.example"} })
	ctx := t.Context()
	url := strings.Replace(h.url, "http", "ws", 1)
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"graphql-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = conn.Read(ctx); websocket.CloseStatus(err) != 4406 {
		t.Errorf("another subprotocol: %v", err)
	}
	options := func(origin string) *websocket.DialOptions {
		return &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Origin": {origin}}}
	}
	if _, res, err := websocket.Dial(ctx, url, options("https://evil.example")); err == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another origin connects: %v", err)
	}
	allowed, _, err := websocket.Dial(ctx, url, options("https://shop.example"))
	if err != nil {
		t.Errorf("a page of an allowed origin: %v", err)
	} else {
		_ = allowed.CloseNow()
	}
}

// fromClient tells subgraphs what a proxy is to have written into a request.
type fromClient struct{ tokens }

func (fromClient) SubgraphHeaders(_ context.Context, _ *gateway.Identity, _ string, client http.Header) http.Header {
	return http.Header{"X-User": {client.Get("X-Person") + "," + client.Get("Accept-Language") + "," + client.Get("X-Forwarded-For")}}
}

// A connection_init adds headers, of those that it may, and takes the place of none that a proxy has written.
func TestWebSocketHeaders(t *testing.T) {
	usual := newHouse(t, func(c *gateway.Config) { c.Headers = fromClient{} })
	more := newHouse(t, func(c *gateway.Config) {
		c.Headers, c.InitHeaders = fromClient{}, append(gateway.DefaultInitHeaders(), "x-person")
	})
	for _, c := range []struct {
		*house
		request []string
		payload string
		want    string
	}{
		{usual, nil, `{"x-person":"staff","headers":{"X-Person":"staff","accept-language":"de"}}`, ",de,"},
		{usual, []string{"X-Person", "ada"}, `{"x-person":"staff"}`, "ada,,"},
		{more, nil, `{"x-person":"ada","headers":{"accept-language":"de"}}`, "ada,de,"},
		{more, []string{"X-Person", "ada", "Accept-Language", "en"}, `{"x-person":"staff","headers":{"X-PERSON":"staff","accept-language":"de"}}`, "ada,de,"},
		{more, []string{"X-Person", "", "X-Forwarded-For", "10.1.1.1"}, `{"x-person":"staff","x-forwarded-for":"127.0.0.1"}`, ",,10.1.1.1"},
		{more, nil, `{"x-person":"ada","X-forwarded-FOR":"127.0.0.1"}`, "ada,,"},
	} {
		s := c.dial(t, c.request...)
		s.say(`{"type":"connection_init","payload":` + c.payload + `}`)
		s.expect("connection_ack", "")
		s.subscribe("1", "{ whoami }")
		s.expect("next", `{"data":{"whoami":"`+c.want+`"}}`)
	}
}

// What proxies write is never a client's to set.
func TestInitHeadersOfProxies(t *testing.T) {
	for _, name := range []string{"X-Forwarded-For", "forwarded", "X-Real-IP", "Connection", "host", "two words"} {
		if gateway.IsInitHeader(name) {
			t.Errorf("a connection_init may set %s", name)
		}
	}
}

func TestWebSocketOperations(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxOperations = 2 })
	c := h.dial(t)
	c.say(`{"type":"ping","payload":{"n":1}}`)
	c.expect("pong", `{"n":1}`)
	c.say(`{"type":"connection_init","payload":{"Authorization":"Bearer ada","n":1}}`)
	c.expect("connection_ack", "")
	// One id, again and again: it is free as soon as complete has been sent.
	for range 20 {
		c.subscribe("q", "{ whoami }")
		c.expect("next", `{"data":{"whoami":"ada"}}`)
		c.expect("complete", "")
	}
	c.subscribe("m", `mutation { setNote(id: "o1", note: "new") { note } }`)
	c.expect("next", `"note":"new"`)
	c.expect("complete", "")
	c.subscribe("bad", "{ nothing }")
	c.expect("error", "GRAPHQL_VALIDATION_FAILED")
	c.say(`{"id":"e","type":"subscribe","payload":{"query":7}}`)
	c.expect("error", "must be a string")
	for _, id := range []string{"1", "2"} {
		c.subscribe(id, `subscription { orderStatus(orderId: "o1") { status } }`)
		c.expect("next", "PLACED")
	}
	c.subscribe("3", "{ hello }")
	if f := c.expect("error", "TOO_MANY"); f.ID != "3" {
		t.Errorf("the error is for %q", f.ID)
	}
	c.say(`{"id":"1","type":"complete"}`)
	eventually(t, "one stream left", func() bool { return len(h.broker.open()) == 1 })
	c.subscribe("1", "{ hello }")
	c.expect("next", "hello")
	c.expect("complete", "")
	c.say(`{"id":"unknown","type":"complete"}`)
	if err := c.conn.Close(websocket.StatusNormalClosure, ""); err != nil && !errors.Is(err, context.Canceled) {
		t.Logf("close: %v", err)
	}
	eventually(t, "no stream left", func() bool { return len(h.broker.open()) == 0 && h.observed.open() == 0 })
}

func TestPartnerOnWebSocket(t *testing.T) {
	h := newHouse(t, withPublished(t))
	c := h.signedIn(t, "acme")
	c.subscribe("1", "{ hello }")
	c.expect("error", "PERSISTED_OPERATION_REQUIRED")
	c.say(`{"id":"2","type":"subscribe","payload":{"documentId":"op1","variables":{"n":"x"}}}`)
	c.expect("next", "hello x")
	c.expect("complete", "")
}

// One client cannot have all the sockets: those of a network are counted, whoever signs in on them, as proxies tell it.
func TestSocketsOfOneNetworkAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) {
		c.MaxSockets = 1
		c.Proxies = gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	})
	open := func(from string) (*websocket.Conn, *http.Response) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		t.Cleanup(cancel)
		c, res, err := websocket.Dial(ctx, strings.Replace(h.url, "http", "ws", 1), &websocket.DialOptions{
			Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"X-Forwarded-For": {from}}})
		if err != nil && res == nil {
			t.Fatal(err)
		}
		return c, res
	}
	first, _ := open("2001:db8::1")
	if first == nil {
		t.Fatal("no socket at all")
	}
	c, res := open("2001:db8::2")
	if c != nil || res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "1" {
		t.Fatalf("the second of a network: %v", res)
	}
	if body, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(body), `"code":"TOO_MANY"`) || !strings.Contains(string(body), "1 WebSockets open") {
		t.Errorf("it is told %s, %v", body, err)
	}
	for _, from := range []string{"2001:db8:0:1::1", "127.0.0.1", "127.0.0.1"} { // this machine's own are not counted
		if c, res := open(from); c == nil {
			t.Errorf("one from %s: %v", from, res)
		} else {
			defer c.CloseNow()
		}
	}
	_ = first.CloseNow()
	eventually(t, "its place is free", func() bool {
		c, _ := open("2001:db8::2")
		if c != nil {
			_ = c.CloseNow()
		}
		return c != nil
	})
}
