package main

// Clients that listen: server-sent events and graphql-transport-ws.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"storefront/internal/client"
)

// listener is a running subscription. Its channel closes when the server completes it.
type listener struct {
	results chan answer
	err     error // why it ended early; read after results has closed
}

type result struct {
	Data   any           `json:"data"`
	Errors client.Errors `json:"errors"`
}

// listen subscribes over SSE, and returns once the stream is open.
func (p *person) listen(t *testing.T, query string, variables vars) *listener {
	t.Helper()
	return p.listenTo(t, vars{"query": query, "variables": variables})
}

// listenTo is listen for any request.
func (p *person) listenTo(t *testing.T, request vars) *listener {
	t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = p.header.Clone()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	res, err := (&http.Client{Transport: p.http.Transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Fatalf("subscribe: %s, %s", res.Status, kind)
	}
	l := &listener{results: make(chan answer, 100)}
	opened := make(chan struct{})
	go func() {
		defer res.Body.Close()
		defer close(l.results)
		in := bufio.NewScanner(res.Body)
		in.Buffer(nil, 1<<22)
		event := ""
		for first := true; in.Scan(); first = false {
			if first {
				close(opened)
			}
			text := in.Text()
			if name, ok := strings.CutPrefix(text, "event: "); ok {
				event = name
			}
			data, ok := strings.CutPrefix(text, "data: ")
			if !ok || event != "next" {
				if event == "complete" {
					return
				}
				continue
			}
			var r result
			if l.err = json.Unmarshal([]byte(data), &r); l.err != nil {
				return
			}
			l.results <- answer{res.StatusCode, value{r.Data}, r.Errors}
		}
		l.err = errors.Join(in.Err(), errors.New("the stream broke off"))
	}()
	select {
	case <-opened:
	case <-time.After(patience):
		t.Fatal("the stream does not open")
	}
	return l
}

// answer waits for the next result, of whichever kind; false at the end.
func (l *listener) answer(t *testing.T) (answer, bool) {
	t.Helper()
	select {
	case a, open := <-l.results:
		return a, open
	case <-time.After(patience):
		t.Fatal("no further event")
	}
	return answer{}, false
}

// next waits for the next result, which is to have no errors.
func (l *listener) next(t *testing.T) value {
	t.Helper()
	a, open := l.answer(t)
	if !open || len(a.errors) > 0 {
		t.Fatalf("next event: %s, %v, %v", a.data, a.errors, l.err)
	}
	return a.data
}

// refusedToListen wants a subscription to end with an error and without data.
func (p *person) refusedToListen(t *testing.T, query string, variables vars) {
	t.Helper()
	l := p.listen(t, query, variables)
	a, open := l.answer(t)
	if !open || len(a.errors) == 0 || !empty(a.data) {
		t.Errorf("%s: got %s, %v", query, a.data, a.errors)
	}
	if _, open := l.answer(t); open {
		t.Errorf("%s: goes on after it was refused", query)
	}
}

// empty reports whether an answer's data tells nothing.
func empty(data value) bool {
	fields, _ := data.any.(map[string]any)
	for _, f := range fields {
		if f != nil {
			return false
		}
	}
	return true
}

// wsClient is a graphql-transport-ws connection.
type wsClient struct {
	conn    *websocket.Conn
	results map[string]*listener
}

// dial opens a socket and subscribes to all operations on it, by id.
func (p *person) dial(t *testing.T, operations map[string]vars) *wsClient {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(p.url, "http")+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 22)
	say := func(m vars) {
		b, err := json.Marshal(m)
		if err == nil {
			err = conn.Write(ctx, websocket.MessageText, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	headers := vars{}
	for name := range p.header {
		headers[name] = p.header.Get(name)
	}
	say(vars{"type": "connection_init", "payload": headers})
	if kind, _, _, err := read(ctx, conn); err != nil || kind != "connection_ack" {
		t.Fatalf("connection_init: %s, %v", kind, err)
	}
	c := &wsClient{conn, map[string]*listener{}}
	for id, payload := range operations {
		c.results[id] = &listener{results: make(chan answer, 100)}
		say(vars{"id": id, "type": "subscribe", "payload": payload})
	}
	go receive(ctx, conn, maps.Clone(c.results))
	return c
}

func read(ctx context.Context, conn *websocket.Conn) (kind, id string, payload json.RawMessage, err error) {
	_, data, err := conn.Read(ctx)
	if err != nil {
		return "", "", nil, err
	}
	var m struct {
		Type, ID string
		Payload  json.RawMessage
	}
	err = json.Unmarshal(data, &m)
	return m.Type, m.ID, m.Payload, err
}

// receive hands each message to its operation until the socket closes.
func receive(ctx context.Context, conn *websocket.Conn, running map[string]*listener) {
	for {
		kind, id, payload, err := read(ctx, conn)
		l := running[id]
		switch {
		case err != nil:
			for _, l := range running {
				l.err = err
				close(l.results)
			}
			return
		case l == nil:
		case kind == "next":
			var r result
			if err := json.Unmarshal(payload, &r); err != nil {
				r.Errors = client.Errors{{Message: fmt.Sprint(err)}}
			}
			l.results <- answer{data: value{r.Data}, errors: r.Errors}
		case kind == "error":
			var list client.Errors
			_ = json.Unmarshal(payload, &list) // the kind says enough
			l.results <- answer{errors: append(list, client.Error{Message: "the operation was refused"})}
		case kind == "complete":
			delete(running, id)
			close(l.results)
		}
	}
}
