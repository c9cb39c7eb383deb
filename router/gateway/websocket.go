package gateway

// graphql-transport-ws, to the letter of
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"storefront/internal/errs"
	"storefront/router/execute"
)

const subprotocol = "graphql-transport-ws"

// Close codes of the protocol.
const (
	closeInternal     websocket.StatusCode = 4500
	closeBadRequest   websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeSubprotocol  websocket.StatusCode = 4406
	closeInitTimeout  websocket.StatusCode = 4408
	closeDuplicate    websocket.StatusCode = 4409
	closeManyInits    websocket.StatusCode = 4429
)

func isWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// socket is one connection. Its reader runs in serveWebSocket; each operation has a goroutine.
type socket struct {
	g      *Gateway
	conn   *websocket.Conn
	caller *caller
	ctx    context.Context // ends with the connection

	closing sync.Once
	mu      sync.Mutex
	ready   bool // connection_ack has been sent
	inits   int
	running map[string]*wsOperation // by operation id
}

// wsOperation is one operation of a socket. Its id may be taken again as soon as it is over.
type wsOperation struct {
	id     string
	cancel context.CancelFunc
}

// wsMessage is a message of the protocol. Its payload is valid JSON, nil for none.
type wsMessage struct {
	ID, Type string
	Payload  []byte
}

// readMessage reads a message, and reports whether it is one.
func readMessage(data []byte) (m wsMessage, ok bool) {
	if !utf8.Valid(data) {
		return m, false
	}
	right := true
	err := members(data, func(name, value []byte) error {
		switch string(name) {
		case "id":
			right = right && textOf(value, &m.ID)
		case "type":
			right = right && textOf(value, &m.Type)
		case "payload":
			m.Payload = value
		}
		return nil
	})
	return m, right && err == nil
}

// encode is the message as it is sent.
func (m wsMessage) encode() []byte {
	b := make([]byte, 0, len(m.ID)+len(m.Type)+len(m.Payload)+64)
	b = append(append(append(b, `{"type":"`...), m.Type...), '"')
	if m.ID != "" {
		b = append(append(b, `,"id":`...), marshal(m.ID)...)
	}
	if m.Payload != nil {
		b = append(append(b, `,"payload":`...), m.Payload...)
	}
	return append(b, '}')
}

func (g *Gateway) serveWebSocket(w http.ResponseWriter, r *http.Request, c *caller) {
	if !g.enter() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	defer g.inFlight.Done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, OriginPatterns: g.cfg.CORS.Origins,
	})
	if err != nil {
		g.log.DebugContext(r.Context(), "websocket refused", "request_id", c.requestID, "error", err)
		return
	}
	conn.SetReadLimit(g.cfg.MaxBody)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	s := &socket{g: g, conn: conn, caller: c, ctx: ctx, running: map[string]*wsOperation{}}
	defer s.closing.Do(func() { _ = conn.CloseNow() })
	if conn.Subprotocol() != subprotocol {
		s.close(closeSubprotocol, "Subprotocol not acceptable")
		return
	}
	defer context.AfterFunc(g.draining, func() { s.close(websocket.StatusGoingAway, "Going away") })()
	init := time.AfterFunc(g.cfg.InitTimeout, func() { s.close(closeInitTimeout, "Connection initialisation timeout") })
	defer init.Stop()
	expiry := time.NewTimer(time.Hour)
	expiry.Stop()
	defer expiry.Stop()
	go s.keepAlive(expiry.C)
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		m, ok := readMessage(data)
		if kind != websocket.MessageText || !ok {
			s.close(closeBadRequest, "Invalid message received")
			return
		}
		switch m.Type {
		case "connection_init":
			init.Stop()
			if !s.initialize(m) {
				return
			}
			if at := s.caller.id.Expiry; !at.IsZero() {
				expiry.Reset(time.Until(at))
			}
		case "ping":
			if !s.write(wsMessage{Type: "pong", Payload: m.Payload}) {
				return
			}
		case "pong":
		case "subscribe":
			if !s.subscribe(m) {
				return
			}
		case "complete":
			if m.ID == "" {
				s.close(closeBadRequest, "Invalid message received")
				return
			}
			s.mu.Lock()
			op := s.running[m.ID]
			s.mu.Unlock()
			s.forget(op)
		default:
			s.close(closeBadRequest, "Invalid message received")
			return
		}
	}
}

// keepAlive pings a quiet peer, drops a dead one, and closes the socket when the sign-in expires.
func (s *socket) keepAlive(expired <-chan time.Time) {
	ticker := time.NewTicker(s.g.cfg.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-expired:
			s.close(closeForbidden, "Forbidden: the sign-in has expired")
			return
		case <-ticker.C:
			ctx, cancel := context.WithTimeout(s.ctx, s.g.cfg.WriteTimeout)
			err := s.conn.Ping(ctx)
			cancel()
			if err != nil {
				s.closing.Do(func() { _ = s.conn.CloseNow() })
				return
			}
		}
	}
}

// initialize answers connection_init; false ends the connection.
func (s *socket) initialize(m wsMessage) bool {
	s.mu.Lock()
	s.inits++
	again := s.inits > 1
	s.mu.Unlock()
	if again {
		s.close(closeManyInits, "Too many initialisation requests")
		return false
	}
	payload := map[string]any{}
	if len(m.Payload) > 0 && string(m.Payload) != "null" && json.Unmarshal(m.Payload, &payload) != nil {
		s.close(closeBadRequest, "Invalid message received")
		return false
	}
	layHeaders(s.caller.header, payload)
	if f := s.g.authenticate(s.ctx, s.caller); f != nil {
		code := closeForbidden
		if f.status >= http.StatusInternalServerError {
			code = closeInternal
		}
		s.close(code, closeReason(f))
		return false
	}
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	go s.g.watchRight(s.ctx, s.caller.id, func() { s.close(closeForbidden, "Forbidden: the sign-in was revoked") })
	return s.write(wsMessage{Type: "connection_ack"})
}

// layHeaders sets a header for every string in connection_init's payload, and in its member
// "headers", where some clients put them.
func layHeaders(h http.Header, payload map[string]any) {
	nested, _ := payload["headers"].(map[string]any)
	for _, values := range []map[string]any{payload, nested} {
		for name, value := range values {
			if text, ok := value.(string); ok && !strings.ContainsAny(text, "\r\n\x00") {
				h.Set(name, text)
			}
		}
	}
	stripHopByHop(h)
}

// subscribe starts an operation; false ends the connection.
func (s *socket) subscribe(m wsMessage) bool {
	if m.ID == "" {
		s.close(closeBadRequest, "Invalid message received")
		return false
	}
	ctx, cancel := context.WithCancel(s.ctx)
	op := &wsOperation{m.ID, cancel}
	s.mu.Lock()
	ready, count := s.ready, len(s.running)
	_, exists := s.running[m.ID]
	free := ready && !exists && count < s.g.cfg.MaxOperations
	if free {
		s.running[m.ID] = op
	}
	s.mu.Unlock()
	if !free {
		cancel()
	}
	switch {
	case !ready:
		s.close(closeUnauthorized, "Unauthorized")
		return false
	case exists:
		s.close(closeDuplicate, "Subscriber for "+m.ID+" already exists")
		return false
	case !free:
		return s.fail(op, reject(http.StatusTooManyRequests, problem(codeTooMany,
			"This socket runs %d operations already; complete one first.", s.g.cfg.MaxOperations)))
	}
	if len(m.Payload) == 0 || m.Payload[0] != '{' {
		s.close(closeBadRequest, "Invalid message received")
		return false
	}
	req, f := requestFromMembers(m.Payload)
	go s.run(ctx, op, req, f)
	return true
}

// run carries one operation from its request to its end.
func (s *socket) run(ctx context.Context, op *wsOperation, req *request, f *failure) {
	started := time.Now()
	info := RequestInfo{Transport: "ws", Status: http.StatusOK}
	defer func() {
		if fault := recover(); fault != nil {
			s.fail(op, s.g.fault(ctx, s.caller, fault))
		}
		s.forget(op)
		info.Duration = time.Since(started)
		s.g.record(ctx, s.caller, info)
	}()
	fail := func(f *failure) {
		info.Status, info.Errors = f.status, len(f.errors)
		s.fail(op, f)
	}
	if f != nil {
		fail(f)
		return
	}
	j, f := s.g.resolve(ctx, s.caller, req, &info)
	if f != nil {
		fail(f)
		return
	}
	later, f := j.deferred()
	if f != nil {
		fail(f)
		return
	}
	if later != nil {
		sent := true
		info.Errors = s.g.stream(ctx, s.caller, later, func(p *execute.Payload) bool {
			sent = ctx.Err() == nil && s.write(wsMessage{ID: op.id, Type: "next", Payload: payloadJSON(p)})
			return sent
		})
		if sent && ctx.Err() == nil {
			s.complete(op)
		}
		return
	}
	if !j.subscription() {
		body, shown := s.g.encodeResponse(ctx, s.caller, s.g.execute(ctx, s.caller, j))
		info.Errors = len(shown)
		if ctx.Err() == nil && s.write(wsMessage{ID: op.id, Type: "next", Payload: body}) {
			s.complete(op)
		}
		return
	}
	feed, f := s.g.openFeed(ctx, s.caller, j)
	if f != nil {
		fail(f)
		return
	}
	defer feed.cancel(nil)
	for m := range feed.queue {
		if ctx.Err() != nil || !s.write(wsMessage{ID: op.id, Type: "next", Payload: m.body}) {
			return
		}
	}
	switch {
	case ctx.Err() != nil:
	case feed.end != nil && feed.end.closes != 0:
		s.close(feed.end.closes, feed.end.errors[0].Message)
	case feed.end != nil:
		fail(feed.end)
	default:
		s.complete(op)
	}
}

// forget stops an operation and frees its id; nil is no operation.
func (s *socket) forget(op *wsOperation) {
	if op == nil {
		return
	}
	op.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[op.id] == op {
		delete(s.running, op.id)
	}
}

// complete ends an operation. The id is free before the client learns of it.
func (s *socket) complete(op *wsOperation) {
	s.forget(op)
	s.write(wsMessage{ID: op.id, Type: "complete"})
}

// fail ends an operation with errors.
func (s *socket) fail(op *wsOperation, f *failure) bool {
	list := s.g.present(s.ctx, s.caller, f.errors)
	s.forget(op)
	return s.write(wsMessage{ID: op.id, Type: "error", Payload: marshal(list)})
}

// write sends one message. A peer that does not take it in time loses the connection.
func (s *socket) write(m wsMessage) bool {
	ctx, cancel := context.WithTimeout(s.ctx, s.g.cfg.WriteTimeout)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, m.encode()) == nil
}

// close ends the connection once, with a code of the protocol. The reason is at most 123 bytes.
func (s *socket) close(code websocket.StatusCode, reason string) {
	s.closing.Do(func() {
		if len(reason) > 123 {
			reason = strings.ToValidUTF8(reason[:120], "") + "…"
		}
		_ = s.conn.Close(code, reason)
	})
}

func closeReason(f *failure) string {
	switch errs.Code(f.code()) {
	case errs.Internal:
		return "Internal server error"
	case errs.Forbidden, errs.Unauthenticated:
		return fmt.Sprintf("Forbidden: %s", f.errors[0].Message)
	}
	return f.errors[0].Message
}
