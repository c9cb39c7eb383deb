// Package transport reaches subgraphs over HTTP.
//
// A request goes through these, each of which is a file: an equal one under way is shared (share.go), a
// place among those at once is waited for (limit.go), the circuit breaker asked (breaker.go), an address
// chosen (balance.go), the request sent (message.go, send.go, package http1), and sent again where that
// is right (retry.go). Everything is configured per subgraph (config.go) with defaults for all. Nothing
// of an answer but its body is passed on. Enter at New and Transport.Do.
package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/trace"

	"storefront/internal/errs"
	"storefront/internal/jsonscan"
	"storefront/router/execute"
	"storefront/router/execute/transport/http1"
)

// Options are what a transport gets of the world around it. Zero values mean the defaults.
type Options struct {
	Observer Observer
	Logger   *slog.Logger                                     // is told why requests failed; nil: nobody
	Tracer   trace.TracerProvider                             // nil: no spans, but a caller's trace is passed on
	Now      func() time.Time                                 // the clock of breakers and addresses
	Random   func() float64                                   // in [0, 1), for pauses
	Sleep    func(ctx context.Context, d time.Duration) error // pauses before retries
}

// Transport posts to subgraphs. It is safe for concurrent use.
type Transport struct {
	subgraphs map[string]*subgraph
}

type subgraph struct {
	Subgraph
	name    string
	opts    Options
	tracing *tracing
	share   *sharing // nil for none
	limit   *limiter
	breaker *breaker
	balance *balancer
	budget  *budget
	log     *failures
	streams *streams
}

// Refusal is the error for a request that was not sent because the subgraph is left alone (breaker), or
// because too many requests to it are waiting (queue). It carries errs.Unavailable.
type Refusal struct {
	Subgraph string
	Reason   string        // breaker, queue or subscriptions
	After    time.Duration // when it makes sense to ask again
}

func (e *Refusal) Error() string {
	switch e.Reason {
	case "subscriptions":
		return fmt.Sprintf("too many subscriptions of the subgraph %q are open", e.Subgraph)
	case "queue":
		return fmt.Sprintf("too many requests to the subgraph %q are under way", e.Subgraph)
	}
	return fmt.Sprintf("the subgraph %q failed too often and is left alone for a while", e.Subgraph)
}

// RetryAfter is when it makes sense to ask again.
func (e *Refusal) RetryAfter() time.Duration { return e.After }

func (e *Refusal) Unwrap() error { return errs.New(errs.Unavailable, "%s", e.Error()) }

// New returns a transport that reaches the subgraphs of cfg, or every mistake in cfg.
func New(cfg Config, opts Options) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	opts.fill()
	t := &Transport{subgraphs: make(map[string]*subgraph, len(cfg.Subgraphs))}
	tracing := newTracing(opts.Tracer)
	for name, c := range cfg.Subgraphs {
		s := &subgraph{Subgraph: c, name: name, opts: opts, tracing: tracing, limit: newLimiter(c), budget: newBudget(c.Retry.Budget)}
		s.log = newFailures(name, opts)
		s.breaker = newBreaker(c.Breaker, opts.Now, func(state State) {
			opts.Observer.BreakerState(name, state)
			s.log.breaker(state)
		})
		s.balance = &balancer{cfg: c.Addresses, now: opts.Now, random: opts.Random,
			changed: func(a *address, out bool) { opts.Observer.AddressOut(name, a.name, out) }}
		if c.Share {
			s.share = newSharing()
		}
		for _, raw := range c.URLs {
			sender, err := newSender(c, raw)
			if err != nil {
				return nil, fmt.Errorf("subgraph %q: %w", name, err)
			}
			u, err := url.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("subgraph %q: %w", name, err)
			}
			s.balance.all = append(s.balance.all, &address{name: origin(raw), url: u, sender: sender})
		}
		s.streams = newStreams(s)
		t.subgraphs[name] = s
	}
	return t, nil
}

func (o *Options) fill() {
	if o.Observer == nil {
		o.Observer = NopObserver{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// origin is what logs and metrics call an address: paths and queries may hold keys.
func origin(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Scheme + "://" + u.Host
	}
	return ""
}

// Close closes the connections that are not in use; the others are closed after their request. Requests
// that come later fail. The error is nil.
func (t *Transport) Close() error {
	for _, s := range t.subgraphs {
		for _, a := range s.balance.all {
			a.close()
		}
		s.streams.client.CloseIdleConnections()
	}
	return nil
}

// Do posts one request and returns the body of its answer, whose bytes other callers may have been given
// too. An answer that is no GraphQL response, or too large a one, is an error; so is a Refusal.
func (t *Transport) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	body, _, err := t.DoKept(ctx, r)
	return body, err
}

// DoKept is Do, and returns the answer's Cache-Control as well. What came with a status that says that something
// failed is not to be kept.
func (t *Transport) DoKept(ctx context.Context, r *execute.SubgraphRequest) (body []byte, control string, err error) {
	s, ok := t.subgraphs[r.Subgraph]
	if !ok {
		return nil, "", fmt.Errorf("post to subgraph %q: no address is known", r.Subgraph)
	}
	if r.IsMutation && s.share != nil {
		defer s.share.wrote()
	}
	if r.IsMutation || r.Alone || s.share == nil {
		a := s.do(ctx, r)
		return a.body, a.control, a.err
	}
	a, shared := s.share.do(ctx, r, s.do)
	if shared {
		s.opts.Observer.Shared(s.name)
	}
	return a.body, a.control, a.err
}

func (s *subgraph) do(ctx context.Context, r *execute.SubgraphRequest) answered {
	a := s.exchange(ctx, r)
	if a.outcome != Answered {
		a.control = "no-store"
	}
	return answered{a.body, a.control, a.err}
}

// exchange sends a request as often as it takes and is right.
func (s *subgraph) exchange(ctx context.Context, r *execute.SubgraphRequest) attempted {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	m, err := newMessage(r, s.GzipRequest)
	if err != nil {
		return attempted{err: fmt.Errorf("post to subgraph %q: %w", s.name, err)}
	}
	s.budget.request()
	var a attempted
	for n := 0; ; n++ {
		next, err := s.attempt(ctx, r, m, a.address)
		if err != nil {
			if n == 0 {
				a.err = err
			}
			return a
		}
		a = next
		if !a.outcome.again() || r.IsMutation || n == s.Retry.Attempts {
			return a
		}
		pause, ok := s.Retry.pause(n, s.opts.Random, retryAfter(a.retryAfter, s.opts.Now()))
		if deadline, bounded := ctx.Deadline(); !ok || bounded && time.Until(deadline) <= pause {
			return a
		}
		if !s.budget.retry() {
			s.opts.Observer.Refused(s.name, "budget")
			return a
		}
		s.opts.Observer.Retry(s.name, a.outcome)
		if n == 0 && a.outcome == Unreachable && s.balance.healthy(a.address) {
			continue // elsewhere, at once
		}
		if s.opts.Sleep(ctx, pause) != nil {
			return a
		}
	}
}

// attempted is what one request to one address came to.
type attempted struct {
	address    *address
	outcome    Outcome
	retryAfter string
	control    string // Cache-Control
	body       []byte // also with an error status, when it is a GraphQL response
	err        error
}

// attempt sends a message once, to another address than the one that has just failed if it can. An error
// means that it was not sent.
func (s *subgraph) attempt(ctx context.Context, r *execute.SubgraphRequest, m *message, not *address) (attempted, error) {
	if ok, err := s.limit.enter(ctx); err != nil {
		return attempted{}, fmt.Errorf("post to subgraph %q: %w", s.name, err)
	} else if !ok {
		s.opts.Observer.Refused(s.name, "queue")
		s.log.tell(ctx, r, "", "queue", fmt.Sprintf("no place among %d requests at once", s.MaxConcurrent))
		return attempted{}, &Refusal{Subgraph: s.name, Reason: "queue", After: s.QueueTimeout}
	}
	defer s.limit.leave()
	trial, wait, ok := s.breaker.enter()
	if !ok {
		s.opts.Observer.Refused(s.name, "breaker")
		return attempted{}, &Refusal{Subgraph: s.name, Reason: "breaker", After: wait}
	}
	to, probe := s.balance.pick(r.IsMutation, not)
	span, traced := s.tracing.start(ctx, s.name, to.name, r.Header)
	s.opts.Observer.InFlight(s.name, to.name, 1)
	started := time.Now()
	resp, err := to.send(ctx, m, traced, !r.IsMutation)
	a := attempted{address: to, retryAfter: resp.RetryAfter, control: resp.Control}
	a.outcome, a.body, a.err = s.judge(resp, err)
	if a.outcome == Cancelled && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		a.outcome = TimedOut // those who waited ran out of time
	}
	s.opts.Observer.InFlight(s.name, to.name, -1)
	s.opts.Observer.Attempt(s.name, to.name, a.outcome, time.Since(started))
	finish(span, resp.Status, a.outcome)
	if a.outcome != Answered && a.outcome != Cancelled {
		s.log.tell(ctx, r, to.name, string(a.outcome), s.reason(a.outcome, resp.Status, a.err))
	}
	s.balance.done(to, probe, a.outcome)
	s.breaker.leave(trial, a.outcome)
	return a, nil
}

// judge says what an answer, or the lack of one, means.
func (s *subgraph) judge(resp http1.Response, err error) (Outcome, []byte, error) {
	var body []byte
	if err == nil {
		body, err = unpacked(resp.Body, resp.Encoding, s.MaxResponseBytes)
	}
	switch {
	case err == nil:
	case errors.Is(err, errTooLarge):
		return TooLarge, nil, s.failure(fmt.Errorf("more than %d bytes", s.MaxResponseBytes))
	case errors.Is(err, context.Canceled):
		return Cancelled, nil, s.failure(err)
	case errors.Is(err, context.DeadlineExceeded):
		return TimedOut, nil, s.failure(err)
	case isBroken(err):
		return Unreachable, nil, s.failure(err)
	default:
		return Malformed, nil, s.failure(err)
	}
	valid := isResponse(body)
	switch {
	case valid:
	case resp.Status >= 300:
		err = s.failure(fmt.Errorf("status %d", resp.Status))
	default:
		cause := fmt.Errorf("status %d, with %d bytes that are no GraphQL response", resp.Status, len(body))
		err = s.failure(errs.Wrap(errs.Unavailable, cause, "the subgraph %q answered with something that is no GraphQL response", s.name))
	}
	if !valid {
		body = nil
	}
	return judgeStatus(resp.Status, valid), body, err
}

// judgeStatus says what a status means on an answer that is a GraphQL response, or is not.
func judgeStatus(status int, valid bool) Outcome {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Unavailable
	case http.StatusTooManyRequests:
		return Throttled
	}
	switch {
	case status >= 500:
		return Failed
	case valid:
		return Answered
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden,
		http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		return Rejected
	}
	return Malformed
}

// isResponse reports whether a body is a GraphQL response as far as a look at it tells: an object that
// ends, with data or errors. What is wrong within is found when it is read.
func isResponse(body []byte) bool {
	body = bytes.Trim(body, " \t\r\n")
	if !bytes.HasPrefix(body, []byte("{")) || !bytes.HasSuffix(body, []byte("}")) {
		return false
	}
	if bytes.HasPrefix(body, []byte(`{"data":`)) || bytes.HasPrefix(body, []byte(`{"errors":`)) {
		return true
	}
	p, found := jsonscan.Scanner{Data: body}, false
	err := p.Members(0, func(name []byte) error {
		found = found || string(name) == "data" || string(name) == "errors"
		return p.Pass(1)
	})
	return err == nil && found
}

func (s *subgraph) failure(err error) error {
	return fmt.Errorf("post to subgraph %q: %w", s.name, err)
}
