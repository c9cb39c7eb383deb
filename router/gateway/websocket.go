package gateway

// graphql-transport-ws, to the letter of
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
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
	if !g.enter() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	taken := &smallBuffers{ResponseWriter: w}
	conn, err := websocket.Accept(taken, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, OriginPatterns: g.cfg.CORS.Origins,
	})
	if err != nil {
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
		defer g.sockets.Add(-1)
		defer cancel()
		s.serve()
	}()
}

// smallBuffers takes a connection from the server with buffers that hold a small message each: there are many
// sockets, most of them quiet.
type smallBuffers struct {
	http.ResponseWriter
	conn net.Conn // once it is taken
}

func (w *smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	sent, _ := rw.Reader.Peek(rw.Reader.Buffered())
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(sent)), conn), max(256, len(sent)))
	_, _ = in.Peek(len(sent)) // where the accepting code looks for it
	w.conn = conn
	return conn, bufio.NewReadWriter(in, bufio.NewWriterSize(conn, 1024)), nil
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

// expires closes the connection when the sign-in ends; the zero time is never.
func (s *socket) expires(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	if !at.IsZero() {
		s.expiry = time.AfterFunc(time.Until(at), func() { s.close(closeForbidden, "Forbidden: the sign-in has expired") })
	}
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
	c := s.who() // nobody else knows it yet
	layHeaders(c.header, payload)
	if f := s.g.authenticate(s.ctx, c); f != nil {
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
	s.g.rights.add(s)
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
			s.fail(op, s.g.fault(ctx, c, fault))
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
		s.fail(op, f)
	}
	if f != nil {
		fail(f)
		return
	}
	j, f := s.g.resolve(ctx, c, req, &info)
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
		body, shown := s.g.encodeResponse(ctx, c, s.g.execute(ctx, c, j))
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
	s.mu.Unlock()
	carried = true
	carry := &wsCarry{s: s, op: op, ctx: ctx, feed: feed, info: info, started: started}
	context.AfterFunc(ctx, feed.close)
	feed.onWake(carry.wake)
}

// wsCarry takes a feed's messages to its socket. It has a goroutine only while there is something to take.
type wsCarry struct {
	s       *socket
	op      *wsOperation
	ctx     context.Context // ends with the operation
	feed    *feed
	info    RequestInfo
	started time.Time
	busy    atomic.Bool
}

func (c *wsCarry) wake() {
	if c.busy.CompareAndSwap(false, true) {
		go c.pump()
	}
}

func (c *wsCarry) pump() {
	for {
		m, open, end := c.feed.take()
		switch {
		case m != nil:
			if c.ctx.Err() == nil && !c.s.write(wsMessage{ID: c.op.id, Type: "next", Payload: m.body}) {
				c.s.drop()
			}
		case open:
			c.busy.Store(false)
			if c.feed.idle() || !c.busy.CompareAndSwap(false, true) {
				return
			}
		default:
			c.finish(end)
			return // and stays busy: nothing comes any more
		}
	}
}

func (c *wsCarry) finish(end *failure) {
	switch {
	case c.ctx.Err() != nil:
	case end != nil && end.closes == websocket.StatusGoingAway:
		c.s.goAway()
	case end != nil && end.closes != 0:
		c.s.close(end.closes, end.errors[0].Message)
	case end != nil:
		c.info.Status, c.info.Errors = end.status, len(end.errors)
		c.s.fail(c.op, c.feed.told(end))
	default:
		c.s.complete(c.op)
	}
	c.s.forget(c.op)
	c.feed.close()
	c.info.Duration = time.Since(c.started)
	c.s.g.record(c.ctx, c.feed.who(), c.info)
}

// goAway closes the connection of a router that drains. A ping before it has the cursor of each
// subscription, for clients that would otherwise go on from their last message.
func (s *socket) goAway() {
	cursors := map[string]string{}
	s.mu.Lock()
	for id, op := range s.running {
		if op.feed != nil {
			cursors[id] = ""
		}
	}
	running := maps.Clone(s.running)
	s.mu.Unlock()
	for id := range cursors {
		if cursors[id] = running[id].feed.freshCursor(); cursors[id] == "" {
			delete(cursors, id)
		}
	}
	if len(cursors) > 0 {
		s.write(wsMessage{Type: "ping", Payload: marshal(map[string]any{"reason": codeDraining, "cursors": cursors})})
	}
	s.close(websocket.StatusGoingAway, "Going away")
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

// revoke ends the connection of one who is not let in any more.
func (s *socket) revoke(why *failure) { s.close(closeForbidden, closeReason(why)) }

// renew takes a new sign-in from a ping whose payload has an authorization, so that the connection and its
// subscriptions go on when the old one expires. It must be the same person's. ok is false when the
// connection has been closed for it.
func (s *socket) renew(m wsMessage) (renewed, ok bool) {
	var payload map[string]any
	if len(m.Payload) == 0 || m.Payload[0] != '{' || json.Unmarshal(m.Payload, &payload) != nil {
		return false, true
	}
	given := http.Header{}
	layHeaders(given, payload)
	authorization := given.Get("Authorization")
	old := s.who()
	if authorization == "" || old.id == nil {
		return false, true
	}
	next := *old
	next.header = old.header.Clone()
	next.header.Set("Authorization", authorization)
	if f := s.g.authenticate(s.ctx, &next); f != nil {
		if f.status >= http.StatusInternalServerError {
			s.close(closeInternal, closeReason(f))
		} else {
			s.close(closeForbidden, closeReason(f))
		}
		return false, false
	}
	if next.id.ID != old.id.ID || !sameRights(next.id, old.id) {
		s.close(closeForbidden, "Forbidden: a sign-in is renewed for the same person and rights only")
		return false, false
	}
	s.mu.Lock()
	s.caller = &next
	var feeds []*feed
	for _, op := range s.running {
		if op.feed != nil {
			feeds = append(feeds, op.feed)
		}
	}
	s.mu.Unlock()
	for _, f := range feeds {
		f.is(&next)
	}
	return true, true
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

func closeReason(f *failure) string {
	switch errs.Code(f.code()) {
	case errs.Internal:
		return "Internal server error"
	case errs.Forbidden, errs.Unauthenticated:
		return fmt.Sprintf("Forbidden: %s", f.errors[0].Message)
	}
	return f.errors[0].Message
}
