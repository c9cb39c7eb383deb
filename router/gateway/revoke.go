package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"storefront/internal/errs"
)

// errRevoked is why a stream's context has ended. The client is told the same as of a sign-in that has expired.
var errRevoked = fmt.Errorf("%w: it was revoked", errExpired)

// whileHeld returns the request with a context that ends once the caller's right is taken away, which an
// open stream would not notice by itself. Call stop when the request is over.
func (g *Gateway) whileHeld(r *http.Request, c *caller) (_ *http.Request, stop func()) {
	if c.id.Holds == nil {
		return r, func() {}
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	go g.watchRight(ctx, c.id, func() { cancel(errRevoked) })
	return r.WithContext(ctx), func() { cancel(nil) }
}

// watchRight calls revoked once the right of id is taken away, unless ctx ends before. A check that fails
// for another reason, such as a database that is away, takes nothing away.
func (g *Gateway) watchRight(ctx context.Context, id *Identity, revoked func()) {
	if id.Holds == nil {
		return
	}
	ticker := time.NewTicker(g.cfg.Recheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := id.Holds(ctx)
		if errs.Is(err, errs.Unauthenticated) || errs.Is(err, errs.Forbidden) {
			revoked()
			return
		}
	}
}
