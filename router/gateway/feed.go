package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

// message is one result of an operation: a whole GraphQL response, and the cursor after it.
type message struct {
	body   []byte
	cursor string
}

// feed is one running subscription, whatever carries it: a bounded queue of results that a producer
// fills and a transport empties. The queue closes when the feed ends; end then says why.
type feed struct {
	field     string
	queue     chan *message
	listening chan struct{} // closed once no event can be missed any more, or the feed is over
	listens   func()        // closes it
	cancel    context.CancelCauseFunc
	end       *failure // nil: complete. Read it only after queue has closed.
}

// Why a feed's context was cancelled.
var (
	errSlow     = errors.New("the queue is full")
	errExpired  = errors.New("the identity has expired")
	errDraining = errors.New("the gateway is draining")
)

// offer queues a result. It never waits: a client whose queue is full is cut off, so that the
// producer is free and no other subscriber is held up.
func (f *feed) offer(m *message) bool {
	select {
	case f.queue <- m:
		return true
	default:
		f.cancel(errSlow)
		return false
	}
}

// openFeed starts a subscription. ctx is the client's: it ends with the connection or the operation.
func (g *Gateway) openFeed(ctx context.Context, c *caller, j *job) (*feed, *failure) {
	if j.live == nil {
		return nil, reject(http.StatusBadRequest, problem(codeUnavailable, "This subscription field is not fed by events, and subscriptions of subgraphs are not served."))
	}
	if g.cfg.Events == nil {
		return nil, reject(http.StatusServiceUnavailable, problem(codeUnavailable, "This router has no source of events, so nothing can be subscribed to here."))
	}
	if !g.enter() {
		return nil, drainingFailure()
	}
	j.sent = bytes.Clone(j.sent) // the body it is part of is not kept
	deadline := func() {}
	if !c.id.Expiry.IsZero() {
		ctx, deadline = context.WithDeadlineCause(ctx, c.id.Expiry, errExpired)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(g.draining, func() { cancel(errDraining) })
	f := &feed{field: j.live.field.Field, queue: make(chan *message, g.cfg.Queue), listening: make(chan struct{}), cancel: cancel}
	f.listens = sync.OnceFunc(func() { close(f.listening) })
	run := &liveRun{g: g, caller: c, job: j, feed: f}
	g.observer.SubscribersAdd(1)
	go func() {
		defer g.inFlight.Done()
		end, reason := g.reasonOf(ctx, run.guarded(ctx))
		cancel(nil)
		deadline()
		stop()
		f.end = end
		close(f.queue)
		f.listens()
		g.observer.SubscribersAdd(-1)
		g.observer.SubscriberEnded(f.field, reason)
	}()
	return f, nil
}

// reasonOf turns how a feed's producer returned into what the client is told and the reason the
// observer is.
func (g *Gateway) reasonOf(ctx context.Context, f *failure) (*failure, string) {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSlow):
		return g.slowFailure(), "slow"
	case errors.Is(cause, errExpired):
		return expiredFailure(), "expired"
	case errors.Is(cause, errDraining):
		return drainingFailure(), "draining"
	case cause != nil:
		return nil, "done"
	case f != nil && f.code() == codeSlow:
		return f, "slow"
	case f != nil && (f.code() == codeUnavailable || f.code() == codeGap || f.code() == codeDraining):
		return f, "source"
	case f != nil && f.code() == codeChanged:
		return f, "replaced"
	case f != nil:
		return f, "refused"
	}
	return nil, "done"
}

func (g *Gateway) slowFailure() *failure {
	return reject(http.StatusTooManyRequests, problem(codeSlow,
		"This client reads too slowly: %d results or more are waiting. Subscribe again.", g.cfg.Queue))
}

func expiredFailure() *failure {
	f := refuse(http.StatusUnauthorized, codeUnauthenticated, "The sign-in has expired; sign in again and reconnect.")
	f.closes = closeForbidden
	return f
}

func drainingFailure() *failure {
	f := refuse(http.StatusServiceUnavailable, codeDraining, "This router is shutting down; connect again.")
	f.closes = websocket.StatusGoingAway
	return f
}
