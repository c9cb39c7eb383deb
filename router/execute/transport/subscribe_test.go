package transport_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"storefront/internal/errs"
	"storefront/router/execute"
	"storefront/router/execute/transport"
)

// subscriber is a transport to one subgraph, and what to ask it for.
func subscriber(t *testing.T, serve http.HandlerFunc, change func(*transport.Subgraph)) (*transport.Transport, *execute.SubgraphRequest) {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	to, err := transport.New(transport.To(map[string]string{"a": server.URL}).With(func(s *transport.Subgraph) {
		s.Retry.Attempts = 0
		s.Timeout = 5 * time.Second
		change(s)
	}), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = to.Close() })
	return to, &execute.SubgraphRequest{Subgraph: "a", Query: "subscription { x }", Header: http.Header{"X-User": {"ada"}}}
}

// over serves graphql-transport-ws by hand: what is said is sent once the operation has come.
func over(t *testing.T, then func(c *websocket.Conn, r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		_, hello, _ := c.Read(r.Context())
		if string(hello) != `{"type":"connection_init","payload":{"x-user":"ada"}}` {
			t.Errorf("it begins with %s", hello)
		}
		_ = c.Write(r.Context(), websocket.MessageText, []byte(`{"type":"ping"}`))
		_ = c.Write(r.Context(), websocket.MessageText, []byte(`{"type":"connection_ack"}`))
		_, pong, _ := c.Read(r.Context())
		_, operation, _ := c.Read(r.Context())
		if string(pong) != `{"type":"pong"}` || string(operation) != `{"id":"1","type":"subscribe","payload":{"query":"subscription { x }"}}` {
			t.Errorf("it goes on with %s and %s", pong, operation)
		}
		then(c, r)
	}
}

func TestSubscribeOverWebSocket(t *testing.T) {
	for name, c := range map[string]struct {
		frames []string
		want   string
		end    error // nil: any that is neither of these
	}{
		"results, then the end": {[]string{`{"id":"1","type":"next","payload":{"data":{"x":1}}}`, `{"id":"9","type":"next","payload":{}}`, `{"type":"ping"}`, `{"id":"1","type":"next","payload":{"data":{"x":2}}}`, `{"id":"1","type":"complete"}`},
			`{"data":{"x":1}} {"data":{"x":2}}`, io.EOF},
		"refused":   {[]string{`{"id":"1","type":"error","payload":[{"message":"no"}]}`}, `{"errors":[{"message":"no"}]}`, io.EOF},
		"no frame":  {[]string{`{"id"`}, "", execute.ErrRefused},
		"cut off":   {[]string{`{"id":"1","type":"next","payload":{"data":null}}`}, `{"data":null}`, nil},
		"too large": {[]string{`{"id":"1","type":"next","payload":"` + strings.Repeat("x", 5000) + `"}`}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			to, r := subscriber(t, over(t, func(conn *websocket.Conn, r *http.Request) {
				for _, f := range c.frames {
					_ = conn.Write(r.Context(), websocket.MessageText, []byte(f))
				}
			}), func(s *transport.Subgraph) { s.MaxResponseBytes = 4096 })
			got, err := all(t, to, r)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if c.end != nil && !errors.Is(err, c.end) || c.end == nil && (errors.Is(err, io.EOF) || errors.Is(err, execute.ErrRefused)) {
				t.Errorf("it ends with %v, want %v", err, c.end)
			}
		})
	}
}

// all subscribes, and returns everything that comes and how it ends.
func all(t *testing.T, to *transport.Transport, r *execute.SubgraphRequest) (string, error) {
	t.Helper()
	s, err := to.Subscribe(t.Context(), r)
	if err != nil {
		return "", err
	}
	defer s.Close()
	var got []string
	for {
		body, err := s.Next()
		if err != nil {
			return strings.Join(got, " "), err
		}
		got = append(got, string(body))
	}
}

// A socket without a sign of life is lost, though nobody has closed it.
func TestSubscribeFindsSilence(t *testing.T) {
	to, r := subscriber(t, over(t, func(_ *websocket.Conn, r *http.Request) {
		select { // reads nothing, so that no ping is answered
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	}), func(s *transport.Subgraph) { s.Subscription.Heartbeat = 20 * time.Millisecond })
	if _, err := all(t, to, r); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
}

// What is no stream is told apart: whether it is of use to ask again.
func TestSubscribeIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		refused bool
	}{
		"forbidden": {http.StatusForbidden, true}, "not there": {http.StatusNotFound, true}, "answered otherwise": {http.StatusOK, true},
		"away": {http.StatusServiceUnavailable, false}, "throttled": {http.StatusTooManyRequests, false},
	} {
		for _, protocol := range []string{transport.WebSocket, transport.SSE, transport.Multipart} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				to, r := subscriber(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c.status) }, func(s *transport.Subgraph) { s.Subscription.Protocol = protocol })
				if _, err := to.Subscribe(t.Context(), r); err == nil || errors.Is(err, execute.ErrRefused) != c.refused {
					t.Errorf("got %v; asking again is of no use: %v", err, c.refused)
				}
			})
		}
	}
}

func TestSubscribeAtMost(t *testing.T) {
	to, r := subscriber(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(s *transport.Subgraph) { s.Subscription.Protocol, s.Subscription.Max = transport.SSE, 1 })
	first, err := to.Subscribe(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Subscribe(t.Context(), r); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a second one is told %v", err)
	}
	first.Close()
	first.Close()
	second, err := to.Subscribe(t.Context(), r)
	if err != nil {
		t.Fatalf("there is a place again: %v", err)
	}
	second.Close()
}
