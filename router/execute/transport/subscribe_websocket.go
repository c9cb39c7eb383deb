package transport

// The client's side of graphql-transport-ws:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const subprotocol = "graphql-transport-ws"

// socket is a WebSocket with one operation.
type socket struct {
	conn      *websocket.Conn
	ctx       context.Context
	heartbeat time.Duration
	over      bool // the operation has ended

	once sync.Once
	done chan struct{}
}

type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

const operationID = "1"

// dial opens a socket and asks for the operation. Headers go with the handshake, and as the payload of
// connection_init, where servers look that see no headers.
func (s *streams) dial(ctx context.Context, target url.URL, header http.Header, operation []byte) (source, error) {
	target.Scheme = strings.Replace(target.Scheme, "http", "ws", 1)
	conn, resp, err := websocket.Dial(ctx, target.String(), &websocket.DialOptions{HTTPClient: s.client, HTTPHeader: header, Subprotocols: []string{subprotocol}})
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			return nil, &refused{resp.StatusCode, fmt.Sprintf("status %d, where a WebSocket was asked for", resp.StatusCode)}
		}
		return nil, fmt.Errorf("dial: %w", err)
	}
	if conn.Subprotocol() != subprotocol {
		_ = conn.CloseNow()
		return nil, &refused{0, "the subgraph does not speak " + subprotocol}
	}
	conn.SetReadLimit(s.MaxResponseBytes)
	c := &socket{conn: conn, ctx: ctx, heartbeat: s.Subscription.Heartbeat, done: make(chan struct{})}
	if err := c.begin(header, operation); err != nil {
		_ = conn.CloseNow()
		return nil, err
	}
	go c.beat()
	return c, nil
}

func (c *socket) begin(header http.Header, operation []byte) error {
	params := make(map[string]string, len(header))
	for name, values := range header {
		params[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	payload, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("write connection_init: %w", err)
	}
	if err := c.write(frame{Type: "connection_init", Payload: payload}); err != nil {
		return err
	}
	for {
		f, err := c.read()
		if err != nil {
			return err
		}
		if f.Type == "connection_ack" {
			return c.write(frame{ID: operationID, Type: "subscribe", Payload: operation})
		}
	}
}

// next implements source. Nothing else reads.
func (c *socket) next() ([]byte, error) {
	for !c.over {
		f, err := c.read()
		if err != nil {
			return nil, err
		}
		if f.ID != operationID {
			continue
		}
		switch f.Type {
		case "next":
			return f.Payload, nil
		case "error":
			c.over = true
			return failedResponse(f.Payload), nil
		case "complete":
			c.over = true
		}
	}
	return nil, io.EOF
}

// read waits for a frame, and answers pings. The other side has answered our own within two heartbeats.
func (c *socket) read() (f frame, err error) {
	for {
		ctx, cancel := context.WithTimeout(c.ctx, 2*c.heartbeat)
		_, data, err := c.conn.Read(ctx)
		cancel()
		if err != nil {
			switch code := websocket.CloseStatus(err); {
			case code == 4400 || code == 4401 || code == 4403 || code == 4406:
				return f, &refused{http.StatusForbidden, fmt.Sprintf("the subgraph closed the socket with %d", code)}
			case code > 0:
				return f, fmt.Errorf("the subgraph closed the socket with %d", code)
			case errors.Is(err, io.EOF): // which would be the end of the operation
				return f, io.ErrUnexpectedEOF
			}
			return f, fmt.Errorf("read: %w", err)
		}
		f = frame{}
		if err := json.Unmarshal(data, &f); err != nil {
			return f, &refused{0, "what came is no frame of " + subprotocol}
		}
		switch f.Type {
		case "ping":
			if err := c.write(frame{Type: "pong"}); err != nil {
				return f, err
			}
		case "pong":
		default:
			return f, nil
		}
	}
}

func (c *socket) write(f frame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Type, err)
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.heartbeat)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, data); err != nil {
		return fmt.Errorf("write %s: %w", f.Type, err)
	}
	return nil
}

// beat pings, so that a connection that went silent is found.
func (c *socket) beat() {
	tick := time.NewTicker(c.heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-tick.C:
			if c.write(frame{Type: "ping"}) != nil {
				return
			}
		}
	}
}

// close implements source: it says so where that can be done at once.
func (c *socket) close() {
	c.once.Do(func() {
		close(c.done)
		_ = c.write(frame{ID: operationID, Type: "complete"})
		_ = c.conn.CloseNow()
	})
}
