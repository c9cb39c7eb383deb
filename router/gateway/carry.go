package gateway

import (
	"context"
	"net/http"
	"time"
)

// carrier writes what a feed gives in the form of one transport. Its methods fail when the client has gone.
type carrier interface {
	open() error                   // the stream has begun: what happens from now on is told
	next(m *message) error         // a result
	alive(cursor string) error     // a quiet stream goes on; the cursor of this moment, "" for none
	failed(response []byte) error  // the stream ends, and why
	complete() error               // the stream ends
	elsewhere(cursor string) error // the router drains: the client goes on at another
}

// subscribeHTTP answers a request by a subscription. It returns the number of errors that the client was told
// until the request was answered, or its connection taken on.
func (g *Gateway) subscribeHTTP(a *answer, r *http.Request, c *caller, j *job, make func(output) carrier) int {
	f, problems := g.beginFeed(r.Context(), c, j, func() carrier { return make(g.outputTo(a.w)) })
	if f == nil {
		return problems
	}
	if g.detach(a, r, f, *a.info, a.started, make) {
		a.detached = true
		return 0
	}
	return g.carry(r.Context(), f, make(g.outputTo(a.w)))
}

// subscribe opens a feed and carries it to its end. It returns the number of errors that the client was told.
func (g *Gateway) subscribe(ctx context.Context, c *caller, j *job, out carrier) int {
	f, problems := g.beginFeed(ctx, c, j, func() carrier { return out })
	if f == nil {
		return problems
	}
	return g.carry(ctx, f, out)
}

// beginFeed opens a feed, or tells the client why not.
func (g *Gateway) beginFeed(ctx context.Context, c *caller, j *job, out func() carrier) (f *feed, problems int) {
	f, why := g.openFeed(ctx, c, j)
	switch {
	case why != nil && why.code() == codeDraining:
		_ = out().elsewhere(j.begin.resume)
		return nil, 0
	case why != nil:
		return nil, g.refuseStream(ctx, c, out(), why)
	}
	return f, 0
}

// carry carries a feed to its end, in the goroutine of its request.
func (g *Gateway) carry(ctx context.Context, f *feed, out carrier) int {
	defer f.close()
	if out.open() != nil {
		return 0
	}
	wake := make(chan struct{}, 1)
	f.onWake(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	heartbeat := time.NewTicker(g.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0
		case <-heartbeat.C:
			if out.alive(f.freshCursor()) != nil {
				return 0
			}
		case <-wake:
			if over, problems := g.empty(ctx, f, out); over {
				return problems
			}
		}
	}
}

// empty carries what waits, and says whether that was the end of the stream.
func (g *Gateway) empty(ctx context.Context, f *feed, out carrier) (over bool, problems int) {
	for {
		m, open, end := f.take()
		switch {
		case m != nil:
			if out.next(m) != nil {
				return true, 0
			}
		case open:
			return false, 0
		case end != nil && end.code() == codeDraining:
			_ = out.elsewhere(f.freshCursor())
			return true, 0
		case end != nil:
			return true, g.refuseStream(ctx, f.who(), out, f.told(end))
		default:
			_ = out.complete()
			return true, 0
		}
	}
}

// refuseStream tells a client why its stream ends.
func (g *Gateway) refuseStream(ctx context.Context, c *caller, out carrier, f *failure) int {
	list := g.present(ctx, c, f.errors)
	_ = out.failed(encode(nil, list, nil))
	return len(list)
}
