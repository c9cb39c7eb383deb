package transport

// Subscriptions that a subgraph feeds. Each is a connection of its own, so that a subgraph sees each caller's
// own headers and a slow one holds up no other.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"storefront/router/execute"
)

// The protocols of Subscription.Protocol.
const (
	WebSocket = "websocket" // graphql-transport-ws
	SSE       = "sse"       // GraphQL over server-sent events, distinct connections
	Multipart = "multipart" // multipart/mixed with subscriptionSpec=1.0
)

// Subscription is how a subgraph's own subscriptions are reached.
type Subscription struct {
	Protocol  string        `yaml:"protocol"`
	Path      string        `yaml:"path"`      // in place of the addresses' own; "" for that
	Heartbeat time.Duration `yaml:"heartbeat"` // between pings of a WebSocket; one that gives no sign for two is lost
	Max       int           `yaml:"max"`       // at once
}

func (s Subscription) mistakes(wrong func(format string, args ...any)) {
	if !slices.Contains([]string{WebSocket, SSE, Multipart}, s.Protocol) {
		wrong("subscription.protocol: %q is none of websocket, sse and multipart", s.Protocol)
	}
	if s.Path != "" && !strings.HasPrefix(s.Path, "/") {
		wrong("subscription.path: %q does not begin with /", s.Path)
	}
	if s.Heartbeat <= 0 {
		wrong("subscription.heartbeat: %s is no duration above zero", s.Heartbeat)
	}
	if s.Max < 1 {
		wrong("subscription.max: %d is less than 1", s.Max)
	}
}

// streams are a subgraph's subscriptions, and what they are opened with.
type streams struct {
	*subgraph
	client *http.Client
	open   chan struct{} // a place for each
}

func newStreams(s *subgraph) *streams {
	t := streamTransport(s.Subgraph)
	if s.Subscription.Protocol == WebSocket {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
	}
	client := &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &streams{subgraph: s, client: client, open: make(chan struct{}, s.Subscription.Max)}
}

// streamTransport is net/http's for answers that go on.
func streamTransport(s Subgraph) *http.Transport {
	t := standardTransport(s)
	t.MaxIdleConnsPerHost = 1
	if s.Protocol == HTTP1 || s.Protocol == Auto && !slices.ContainsFunc(s.URLs, func(u string) bool { return strings.HasPrefix(u, "https:") }) {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
	}
	return t
}

// source is one connection, by any of the protocols.
type source interface {
	next() ([]byte, error) // as execute.Stream
	close()
}

// refused is the status with which a subgraph does not begin a stream.
type refused struct {
	status int
	why    string
}

func (e *refused) Error() string { return e.why }

// Is makes it an execute.ErrRefused, unless asking again may help.
func (e *refused) Is(target error) bool {
	return target == execute.ErrRefused && !judgeStatus(e.status, false).again()
}

// Subscribe implements execute.Subscriber. A subgraph that cannot be reached is tried again, at another
// address where there is one, as queries are.
func (t *Transport) Subscribe(ctx context.Context, r *execute.SubgraphRequest) (execute.Stream, error) {
	s, ok := t.subgraphs[r.Subgraph]
	if !ok {
		return nil, fmt.Errorf("subscribe at subgraph %q: no address is known", r.Subgraph)
	}
	m, err := newMessage(r, 0)
	if err != nil {
		return nil, fmt.Errorf("subscribe at subgraph %q: %w", s.name, err)
	}
	select {
	case s.streams.open <- struct{}{}:
	default:
		s.opts.Observer.Refused(s.name, "subscriptions")
		return nil, &Refusal{Subgraph: s.name, Reason: "subscriptions", After: time.Second}
	}
	out, err := s.streams.begin(ctx, r, m)
	if err != nil {
		<-s.streams.open
		return nil, err
	}
	return out, nil
}

// Reaches implements execute.Subscriber.
func (t *Transport) Reaches(subgraph, at string) bool {
	s, ok := t.subgraphs[subgraph]
	return ok && slices.ContainsFunc(s.balance.all, func(a *address) bool { return a.name == at })
}

func (s *streams) begin(ctx context.Context, r *execute.SubgraphRequest, m *message) (execute.Stream, error) {
	var last *address
	for n := 0; ; n++ {
		out, outcome, err := s.attempt(ctx, r, m, &last)
		if err == nil {
			return out, nil
		}
		if !outcome.again() || n == s.Retry.Attempts || ctx.Err() != nil {
			return nil, err
		}
		pause, ok := s.Retry.pause(n, s.opts.Random, 0)
		if !ok || s.opts.Sleep(ctx, pause) != nil {
			return nil, err
		}
		s.opts.Observer.Retry(s.name, outcome)
	}
}

// attempt opens a stream at one address, at another than the last where it can.
func (s *streams) attempt(ctx context.Context, r *execute.SubgraphRequest, m *message, last **address) (*stream, Outcome, error) {
	trial, wait, ok := s.breaker.enter()
	if !ok {
		s.opts.Observer.Refused(s.name, "breaker")
		return nil, Rejected, &Refusal{Subgraph: s.name, Reason: "breaker", After: wait}
	}
	to, probe := s.balance.pick(false, *last)
	*last = to
	span, traced := s.tracing.start(ctx, s.name, to.name, r.Header)
	started := time.Now()
	out, err := s.connect(ctx, to, m, traced)
	outcome, status := Answered, 0
	if err != nil {
		outcome, status = s.whyNot(ctx, err)
		err = s.failure(err)
	}
	s.opts.Observer.Attempt(s.name, to.name, outcome, time.Since(started))
	finish(span, status, outcome)
	if outcome != Answered && outcome != Cancelled {
		s.log.tell(ctx, r, to.name, string(outcome), s.reason(outcome, status, err))
	}
	s.balance.done(to, probe, outcome)
	s.breaker.leave(trial, outcome)
	return out, outcome, err
}

// whyNot is the outcome of a stream that was not opened.
func (s *streams) whyNot(ctx context.Context, err error) (Outcome, int) {
	why, isRefused := errors.AsType[*refused](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut, 0
	case ctx.Err() != nil:
		return Cancelled, 0
	case isRefused && why.status > 0:
		return judgeStatus(why.status, false), why.status
	case isRefused:
		return Malformed, 0
	}
	return Unreachable, 0
}

// connect opens a stream within the subgraph's timeout. Once it is open, only ctx and close end it.
func (s *streams) connect(ctx context.Context, to *address, m *message, traced http.Header) (*stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(s.Timeout, func() { cancel(context.DeadlineExceeded) })
	header := make(http.Header, len(m.names)+2)
	for _, name := range m.names {
		header[name] = m.header[name]
	}
	for name, values := range traced {
		header[name] = values
	}
	target := *to.url
	if s.Subscription.Path != "" {
		target.Path, target.RawPath, target.RawQuery = s.Subscription.Path, "", ""
	}
	body := m.appendBody(nil)
	var from source
	var err error
	if s.Subscription.Protocol == WebSocket {
		from, err = s.dial(ctx, target, header, body)
	} else {
		from, err = s.post(ctx, target, header, body)
	}
	if !timer.Stop() && err == nil {
		from.close()
		err = context.DeadlineExceeded
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, err
	}
	out := &stream{source: from, address: to.name}
	out.over = sync.OnceFunc(func() {
		from.close()
		cancel(nil)
		<-s.open
	})
	return out, nil
}

// stream is an open subscription.
type stream struct {
	source
	address string
	over    func()
}

// Next implements execute.Stream.
func (s *stream) Next() ([]byte, error) { return s.next() }

// Address implements execute.Stream.
func (s *stream) Address() string { return s.address }

// Close implements execute.Stream.
func (s *stream) Close() { s.over() }

// failedResponse is a GraphQL response that has errors only, a list in JSON.
func failedResponse(list json.RawMessage) []byte {
	return append(append([]byte(`{"errors":`), list...), '}')
}
