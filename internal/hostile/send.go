package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/coder/websocket"
)

// Answer is what came back for a request.
type Answer struct {
	Data     bool     // there is data, and it is an object
	Codes    []string // extensions.code of each error
	Message  string   // of the first error
	TooLarge bool     // the router did not read the request, because of its size
}

// Fits says what is wrong with an answer to the case, "" for nothing.
func (c Case) Fits(a Answer) string {
	switch {
	case c.TooLarge && !a.TooLarge:
		return "it is not refused for its size"
	case c.TooLarge:
		return ""
	case c.Code == "" && (!a.Data || len(a.Codes) > 0):
		return fmt.Sprintf("it is refused with %q: %.200s", a.Codes, a.Message)
	case c.Code == "":
		return ""
	case a.Data || len(a.Codes) == 0:
		return "it is answered, and was to be refused with " + c.Code
	case len(a.Message) > 2_000:
		return fmt.Sprintf("its error has %d characters", len(a.Message))
	}
	for _, code := range a.Codes {
		if code != c.Code {
			return fmt.Sprintf("it is refused with %q, want %s: %.200s", a.Codes, c.Code, a.Message)
		}
	}
	return ""
}

type response struct {
	Data   json.RawMessage `json:"data"`
	Errors problems        `json:"errors"`
}

type problems []struct {
	Message    string `json:"message"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

func (r response) answer() Answer {
	a := Answer{Data: bytes.HasPrefix(r.Data, []byte("{"))}
	for _, e := range r.Errors {
		a.Codes = append(a.Codes, e.Extensions.Code)
	}
	if len(r.Errors) > 0 {
		a.Message = r.Errors[0].Message
	}
	return a
}

// Post sends a request to url by HTTP.
func Post(ctx context.Context, client *http.Client, url string, c Case) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(c.Body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("post %s: %w", c.Name, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusRequestEntityTooLarge {
		_, err := io.Copy(io.Discard, res.Body)
		return Answer{TooLarge: true}, err
	}
	var r response
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return Answer{}, fmt.Errorf("read answer to %s: %s: %w", c.Name, res.Status, err)
	}
	return r.answer(), nil
}

// Socket is a client's WebSocket. It carries one request at a time.
type Socket struct{ conn *websocket.Conn }

// Dial opens a socket to url, which begins with http, and goes through the handshake.
func Dial(ctx context.Context, url string) (*Socket, error) {
	conn, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	conn.SetReadLimit(64 << 20)
	s := &Socket{conn}
	if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"connection_init"}`)); err != nil {
		return nil, err
	}
	if kind, _, err := s.read(ctx); err != nil || kind != "connection_ack" {
		return nil, fmt.Errorf("open socket: got %q, %w", kind, err)
	}
	return s, nil
}

// Close gives the socket back.
func (s *Socket) Close() error { return s.conn.CloseNow() }

func (s *Socket) read(ctx context.Context) (kind string, payload json.RawMessage, err error) {
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

// Ask sends a request and reads its answer. After one that was too large the socket is closed.
func (s *Socket) Ask(ctx context.Context, c Case) (Answer, error) {
	message := append(append([]byte(`{"id":"1","type":"subscribe","payload":`), c.Body...), '}')
	if err := s.conn.Write(ctx, websocket.MessageText, message); err != nil && !c.TooLarge {
		return Answer{}, fmt.Errorf("send %s: %w", c.Name, err)
	}
	var a Answer
	for {
		kind, payload, err := s.read(ctx)
		switch {
		case websocket.CloseStatus(err) == websocket.StatusMessageTooBig:
			return Answer{TooLarge: true}, nil
		case websocket.CloseStatus(err) == 4400: // what is no JSON ends the socket, as the protocol says
			return Answer{Codes: []string{request}, Message: err.Error()}, nil
		case err != nil:
			return Answer{}, fmt.Errorf("read answer to %s: %w", c.Name, err)
		}
		switch kind {
		case "next":
			var r response
			if err := json.Unmarshal(payload, &r); err != nil {
				return Answer{}, fmt.Errorf("read answer to %s: %w", c.Name, err)
			}
			a = r.answer()
		case "error":
			var list problems
			if err := json.Unmarshal(payload, &list); err != nil {
				return Answer{}, fmt.Errorf("read answer to %s: %w", c.Name, err)
			}
			return response{Errors: list}.answer(), nil
		case "complete":
			return a, nil
		}
	}
}
