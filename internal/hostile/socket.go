package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/coder/websocket"
)

// socket is a client of graphql-transport-ws.
type socket struct{ conn *websocket.Conn }

// openSocket opens a socket, and goes through the handshake.
func openSocket(ctx context.Context, url string) (Client, error) {
	conn, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	conn.SetReadLimit(64 << 20)
	s := &socket{conn}
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init"}`)); err != nil {
		return nil, err
	}
	if kind, _, err := s.read(ctx); err != nil || kind != "connection_ack" {
		return nil, fmt.Errorf("open socket: got %q, %w", kind, err)
	}
	return s, nil
}

func (s *socket) Close() error { return s.conn.CloseNow() }

func (s *socket) read(ctx context.Context) (kind string, payload json.RawMessage, err error) {
	_, data, err := s.conn.Read(ctx)
	if err != nil {
		return "", nil, err
	}
	var m struct {
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return "", nil, err
	}
	return m.Type, m.Payload, nil
}

// Ask sends a request. What is no JSON ends the socket, as the protocol says.
func (s *socket) Ask(ctx context.Context, c Case) (a Answer, err error) {
	message := append(append([]byte(`{"id":"1","type":"subscribe","payload":`), c.Body...), '}')
	if err := s.conn.Write(ctx, websocket.MessageText, message); err != nil && !c.TooLarge {
		return a, fmt.Errorf("send %s: %w", c.Name, err)
	}
	for {
		kind, payload, err := s.read(ctx)
		switch {
		case websocket.CloseStatus(err) == websocket.StatusMessageTooBig:
			return Answer{TooLarge: true}, nil
		case websocket.CloseStatus(err) == 4400:
			return Answer{Codes: []string{request}, Message: err.Error()}, nil
		case err == nil && kind == "next":
			err = a.add(payload)
		case err == nil && kind == "error":
			var list problems
			err = json.Unmarshal(payload, &list)
			a.fail(list)
			return a, err
		case err == nil && kind == "complete":
			return a, nil
		}
		if err != nil {
			return a, fmt.Errorf("read answer to %s: %w", c.Name, err)
		}
	}
}
