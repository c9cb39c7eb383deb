package gateway

// graphql-transport-ws, to the letter of
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

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

// closeTime is how long a client that is told why its connection ends may take to answer that.
const closeTime = 200 * time.Millisecond

func isWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// socket is one connection. Its reader has a goroutine, and so has each operation until it is answered or
// has a feed.
type socket struct {
	g     *Gateway
	conn  *websocket.Conn
	under net.Conn        // below conn
	ctx   context.Context // ends with the connection

	closing sync.Once
	mu      sync.Mutex
	caller  *caller
	expiry  *time.Timer // ends the connection with its sign-in; nil for never
	ready   bool        // connection_ack has been sent
	inits   int
	running map[string]*wsOperation // by operation id
}

// wsOperation is one operation of a socket. Its id may be taken again as soon as it is over.
type wsOperation struct {
	id     string
	cancel context.CancelFunc
	feed   *feed // of a subscription; guarded by the socket's lock
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
	release, refused := g.holdSocket(c)
	if refused != nil {
		(&answer{w: w, timeout: g.cfg.WriteTimeout, mediaType: mediaJSON}).fail(refused)
		return
	}
	if !g.enter() {
		release()
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	taken := &smallBuffers{ResponseWriter: w}
	conn, err := websocket.Accept(taken, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, OriginPatterns: g.cfg.CORS.Origins,
	})
	if err != nil {
		release()
		g.inFlight.Done()
		g.log.DebugContext(r.Context(), "websocket refused", "request_id", c.requestID, "error", err)
		return
	}
	conn.SetReadLimit(g.cfg.MaxBody)
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	s := &socket{g: g, conn: conn, under: taken.conn, caller: c, ctx: ctx, running: map[string]*wsOperation{}}
	g.sockets.Add(1)
	go func() { // with a stack of its own, which is smaller than that of a request
		defer g.inFlight.Done()
		defer release()
		defer g.sockets.Add(-1)
		defer cancel()
		s.serve()
	}()
}

// serve reads the client's messages until the connection ends.
func (s *socket) serve() {
	defer s.drop()
	defer s.g.rights.remove(s)
	if s.conn.Subprotocol() != subprotocol {
		s.close(closeSubprotocol, "Subprotocol not acceptable")
		return
	}
	defer context.AfterFunc(s.g.draining, func() { time.AfterFunc(s.g.someOfDrainTime(), s.goAway) })()
	init := time.AfterFunc(s.g.cfg.InitTimeout, func() { s.close(closeInitTimeout, "Connection initialisation timeout") })
	defer init.Stop()
	defer s.expires(time.Time{})
	s.g.pulse.add(s)
	defer s.g.pulse.remove(s)
	for {
		kind, data, err := s.conn.Read(s.ctx)
		if err != nil {
			return
		}
		m, ok := readMessage(data)
		if kind != websocket.MessageText || !ok {
			s.close(closeBadRequest, "Invalid message received")
			return
		}
		if m.Type == "connection_init" {
			init.Stop()
		}
		if !s.handle(m) {
			return
		}
	}
}

// handle does what a message says; false ends the connection.
func (s *socket) handle(m wsMessage) bool {
	switch m.Type {
	case "connection_init":
		if !s.initialize(m) {
			return false
		}
		s.expires(s.who().id.Expiry)
		return true
	case "ping":
		renewed, ok := s.renew(m)
		if renewed {
			s.expires(s.who().id.Expiry)
		}
		return ok && s.write(wsMessage{Type: "pong", Payload: m.Payload})
	case "pong":
		return true
	case "subscribe":
		return s.subscribe(m)
	case "complete":
		if m.ID == "" {
			break
		}
		s.mu.Lock()
		op := s.running[m.ID]
		s.mu.Unlock()
		s.forget(op)
		return true
	}
	s.close(closeBadRequest, "Invalid message received")
	return false
}

// beat pings a quiet peer, and drops a dead one.
func (s *socket) beat() {
	go func() {
		ctx, cancel := context.WithTimeout(s.ctx, s.g.cfg.WriteTimeout)
		defer cancel()
		if s.conn.Ping(ctx) != nil {
			s.drop()
		}
	}()
}

// subscribe starts an operation; false ends the connection.
func (s *socket) subscribe(m wsMessage) bool {
	if m.ID == "" {
		s.close(closeBadRequest, "Invalid message received")
		return false
	}
	ctx, cancel := context.WithCancel(s.ctx)
	op := &wsOperation{id: m.ID, cancel: cancel}
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
	started, c := time.Now(), s.who()
	info := RequestInfo{Transport: "ws", Status: http.StatusOK}
	carried := false // by a feed, which goes on when this has returned
	defer func() {
		if fault := recover(); fault != nil {
			f := s.g.fault(ctx, c, fault)
			if ctx.Err() == nil {
				s.fail(op, f)
			}
		}
		if carried {
			return
		}
		s.forget(op)
		info.Duration = time.Since(started)
		s.g.record(ctx, c, info)
	}()
	fail := func(f *failure) {
		info.Status, info.Errors = f.status, len(f.errors)
		if ctx.Err() == nil { // else its client has ended it, and may have given its id to another one
			s.fail(op, f)
		}
	}
	if f != nil {
		fail(f)
		return
	}
	j, f := s.g.resolve(ctx, c, req, &info)
	if f == nil {
		f = s.g.admit(c, j)
	}
	if f != nil {
		fail(f)
		return
	}
	defer j.left()
	later, f := j.deferred()
	if f != nil {
		fail(f)
		return
	}
	if later != nil {
		sent := true
		info.Errors = s.g.stream(ctx, c, later, func(p *execute.Payload) bool {
			sent = ctx.Err() == nil && s.write(wsMessage{ID: op.id, Type: "next", Payload: payloadJSON(p)})
			return sent
		})
		if sent && ctx.Err() == nil {
			s.complete(op)
		}
		return
	}
	if !j.subscription() {
		body, shown := s.g.encodeResponse(ctx, c, j.withCost(c, s.g.execute(ctx, c, j)))
		info.Errors = len(shown)
		if ctx.Err() == nil && s.write(wsMessage{ID: op.id, Type: "next", Payload: body}) {
			s.complete(op)
		}
		return
	}
	feed, f := s.g.openFeed(ctx, c, j)
	if f != nil {
		fail(f)
		return
	}
	s.mu.Lock()
	op.feed = feed
	now := s.caller
	s.mu.Unlock()
	if now != c { // renewed meanwhile
		feed.is(now)
	}
	carried = true
	carry := &wsCarry{s: s, op: op, ctx: ctx, feed: feed, info: info, started: started}
	context.AfterFunc(ctx, feed.close)
	feed.onWake(carry.wake)
}

// drop ends a connection that cannot be written to.
func (s *socket) drop() {
	s.closing.Do(func() { _ = s.conn.CloseNow() })
}

func (s *socket) who() *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller
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
	list := s.g.present(s.ctx, s.who(), f.errors)
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
		_ = s.under.SetDeadline(time.Now().Add(closeTime))
		_ = s.conn.Close(code, reason)
	})
}
