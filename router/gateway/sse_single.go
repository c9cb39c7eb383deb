package gateway

// Server-sent events in the single connection mode of
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: a client reserves a stream (PUT), opens it
// (GET), sends operations beside it (POST), and ends them (DELETE). All of it is at one router.

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

const streamTokenHeader = "X-GraphQL-Event-Stream-Token"

// reservationTime is how long a stream may be reserved and not open.
const reservationTime = 10 * time.Second

// streams are those that are reserved or open, by token.
type streams struct {
	g       *Gateway
	mu      sync.Mutex
	byToken map[string]*singleStream
}

// singleStream is one client's stream. Each of its operations has a goroutine.
type singleStream struct {
	g      *Gateway
	ctx    context.Context // ends with the stream
	end    context.CancelFunc
	opened chan struct{} // closed when out is there

	writing sync.Mutex // held while something is written, which takes as long as the client likes, up to the deadline

	mu      sync.Mutex // never held meanwhile
	caller  *caller
	out     *eventWriter
	running map[string]*singleOperation // by id
}

// singleOperation is one operation of a stream. Its id may be taken again as soon as it is over.
type singleOperation struct {
	id     string
	ctx    context.Context
	cancel context.CancelFunc
}

func newStreams(g *Gateway) *streams { return &streams{g: g, byToken: map[string]*singleStream{}} }

// tokenOf is the token of a request that belongs to a single connection; "" for every other.
func tokenOf(r *http.Request) string {
	if token := r.Header.Get(streamTokenHeader); token != "" {
		return token
	}
	if r.Method == http.MethodGet {
		return r.URL.Query().Get("token")
	}
	return ""
}

func (s *streams) get(token string) *singleStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byToken[token]
}

// serveSingle serves the requests of the single connection mode but for operations; false when r is none.
func (g *Gateway) serveSingle(a *answer, r *http.Request, c *caller) bool {
	token := tokenOf(r)
	switch {
	case r.Method == http.MethodPut:
	case token != "" && (r.Method == http.MethodGet || r.Method == http.MethodDelete):
	default:
		return false
	}
	if f := g.authenticate(r.Context(), c); f != nil {
		a.fail(f)
		return true
	}
	if r.Method == http.MethodPut {
		g.streams.reserve(a, c)
		return true
	}
	stream := g.streams.get(token)
	if stream == nil {
		a.fail(refuse(http.StatusNotFound, codeNotFound, "There is no stream with this token; reserve one by PUT."))
		return true
	}
	if r.Method == http.MethodDelete {
		id := r.URL.Query().Get("operationId")
		stream.stop(id)
		a.status = http.StatusOK
		a.w.WriteHeader(http.StatusOK)
		return true
	}
	stream.serve(a, r, c)
	return true
}

// reserve answers with the token of a new stream.
func (s *streams) reserve(a *answer, c *caller) {
	release, f := s.g.hold(c) // else one client could take all of MaxStreams
	if f != nil {
		f.wellFormed = false // its status is all that a client reads
		a.fail(f)
		return
	}
	if !s.g.enter() {
		release()
		a.fail(drainingFailure())
		return
	}
	ctx, end := context.WithCancel(context.Background())
	stream := &singleStream{g: s.g, ctx: ctx, end: end, opened: make(chan struct{}), caller: c, running: map[string]*singleOperation{}}
	token := rand.Text()
	s.mu.Lock()
	full := len(s.byToken) >= s.g.cfg.MaxStreams
	if !full {
		s.byToken[token] = stream
	}
	s.mu.Unlock()
	if full {
		release()
		s.g.inFlight.Done()
		a.fail(refuse(http.StatusServiceUnavailable, codeTooMany, "There are %d streams in single connection mode here already; use one connection for each operation, or a WebSocket.", s.g.cfg.MaxStreams))
		return
	}
	s.g.rights.add(stream)
	stopDraining := context.AfterFunc(s.g.draining, func() { time.AfterFunc(s.g.someOfDrainTime(), end) })
	unopened := time.AfterFunc(reservationTime, func() {
		select {
		case <-stream.opened:
		default:
			end()
		}
	})
	context.AfterFunc(ctx, func() {
		stopDraining()
		unopened.Stop()
		s.mu.Lock()
		delete(s.byToken, token)
		s.mu.Unlock()
		s.g.rights.remove(stream)
		release()
		s.g.inFlight.Done()
	})
	a.status = http.StatusCreated
	a.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	a.w.WriteHeader(http.StatusCreated)
	_, _ = a.w.Write([]byte(token))
}

// serve is the open stream, until the client goes or it is ended.
func (s *singleStream) serve(a *answer, r *http.Request, c *caller) {
	out := &eventWriter{s.g.outputTo(a.w)}
	s.mu.Lock()
	open, owner := s.out != nil, s.caller
	if !open && owner.id.ID == c.id.ID {
		s.out, s.caller = out, c
	}
	s.mu.Unlock()
	switch {
	case owner.id.ID != c.id.ID:
		a.fail(refuse(http.StatusForbidden, codeForbidden, "This stream was reserved by somebody else."))
		return
	case open:
		a.fail(refuse(http.StatusConflict, string("CONFLICT"), "The stream is open already."))
		return
	}
	defer s.over()
	if at := c.id.Expiry; !at.IsZero() {
		defer time.AfterFunc(time.Until(at), s.end).Stop()
	}
	setStream(a.w.Header(), mediaEvents+"; charset=utf-8")
	a.status = http.StatusOK
	if s.write(out.open) != nil {
		return
	}
	close(s.opened)
	heartbeat := time.NewTicker(s.g.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		case <-heartbeat.C:
			if s.write(func() error { return out.alive("") }) != nil {
				return
			}
		}
	}
}

// write lets one writer at a time write. One that fails ends the stream.
func (s *singleStream) write(f func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	err := s.ctx.Err()
	if err == nil {
		if err = f(); err != nil {
			s.end()
		}
	}
	return err
}

// over ends the stream, and waits for who is writing: the response is the server's once its request is answered.
func (s *singleStream) over() {
	s.end()
	s.writing.Lock()
	defer s.writing.Unlock()
}

// begin starts an operation and answers that it has been taken on.
func (s *singleStream) begin(a *answer, c *caller, id string, j *job, f *failure) {
	ctx, cancel := context.WithCancel(s.ctx)
	op := &singleOperation{id, ctx, cancel}
	s.mu.Lock()
	_, exists := s.running[id]
	full := len(s.running) >= s.g.cfg.MaxOperations
	if id != "" && !exists && !full {
		s.running[id] = op
	}
	s.mu.Unlock()
	var why *failure
	switch {
	case id == "":
		why = refuse(http.StatusBadRequest, codeBadRequest, "An operation on a stream needs extensions.operationId, a text that no other running one has.")
	case exists:
		why = refuse(http.StatusConflict, "CONFLICT", "An operation with this id runs already.")
	case full:
		why = refuse(http.StatusTooManyRequests, codeTooMany, "This stream runs %d operations already; complete one first.", s.g.cfg.MaxOperations)
	}
	if why != nil {
		cancel()
		j.left()
		a.fail(why)
		return
	}
	a.status = http.StatusAccepted
	a.w.WriteHeader(http.StatusAccepted)
	go s.run(op, c, j, f)
}

// run carries one operation once the stream is open.
func (s *singleStream) run(op *singleOperation, c *caller, j *job, f *failure) {
	ctx := op.ctx
	defer s.forget(op)
	defer j.left()
	select {
	case <-s.opened:
	case <-ctx.Done():
		return
	}
	out := &singleCarrier{s, op}
	defer func() {
		if fault := recover(); fault != nil {
			s.g.refuseStream(ctx, c, out, s.g.fault(ctx, c, fault))
		}
	}()
	switch {
	case f != nil:
		s.g.refuseStream(ctx, c, out, f)
	case j.op.Kind == ast.Subscription:
		s.g.subscribe(ctx, c, j, out)
	default:
		body, _ := s.g.encodeResponse(ctx, c, j.withCost(c, s.g.execute(ctx, c, j)))
		if ctx.Err() == nil && out.next(&message{body: body}) == nil {
			_ = out.complete()
		}
	}
}

// stop ends the operation with an id.
func (s *singleStream) stop(id string) {
	s.mu.Lock()
	op := s.running[id]
	s.mu.Unlock()
	if op != nil {
		s.forget(op)
	}
}

// forget ends an operation and frees its id; false when that has been done already.
func (s *singleStream) forget(op *singleOperation) bool {
	op.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[op.id] != op {
		return false
	}
	delete(s.running, op.id)
	return true
}

func (s *singleStream) who() *caller {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caller
}

func (s *singleStream) revoke(*failure) { s.end() }

// singleCarrier carries one operation of a stream. Its results have no event id: the cursors of several
// operations would be taken for one; each is in its result's extensions.
type singleCarrier struct {
	stream *singleStream
	op     *singleOperation
}

func (o *singleCarrier) event(format string, values ...any) error {
	return o.stream.write(func() error { return o.stream.out.write(fmt.Appendf(nil, format, values...)) })
}

func (o *singleCarrier) open() error        { return nil }
func (o *singleCarrier) alive(string) error { return nil } // the stream shows that it is

func (o *singleCarrier) next(m *message) error {
	if err := o.op.ctx.Err(); err != nil {
		return err // its client has ended it, and may have given its id to another one
	}
	return o.event("event: next\ndata: {\"id\":%s,\"payload\":%s}\n\n", marshal(o.op.id), oneLine(m.body))
}

func (o *singleCarrier) failed(response []byte) error {
	if err := o.next(&message{body: response}); err != nil {
		return err
	}
	return o.complete()
}

// complete ends the operation. The id is free before the client learns of it.
func (o *singleCarrier) complete() error {
	if !o.stream.forget(o.op) {
		return context.Canceled
	}
	return o.event("event: complete\ndata: {\"id\":%s}\n\n", marshal(o.op.id))
}

func (o *singleCarrier) elsewhere(string) error {
	o.stream.end()
	return nil
}
