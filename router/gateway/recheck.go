package gateway

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"storefront/internal/errs"
)

// rights looks every so often whether those who are connected are still let in: a sign-in or a key may be
// taken back before it expires. It sleeps while nobody is.
type rights struct {
	g       *Gateway
	mu      sync.Mutex
	held    map[holder]struct{}
	running bool
}

// holder is a feed or a socket: what goes on by a right.
type holder interface {
	who() *caller
	revoke(why *failure)
}

func newRights(g *Gateway) *rights { return &rights{g: g, held: map[holder]struct{}{}} }

func (r *rights) add(h holder) {
	if r.g.cfg.Auth == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[h] = struct{}{}
	if !r.running {
		r.running = true
		time.AfterFunc(r.g.cfg.Recheck, r.recheck)
	}
}

func (r *rights) remove(h holder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, h)
}

func (r *rights) recheck() {
	r.mu.Lock()
	by := make(map[*caller][]holder, len(r.held))
	for h := range r.held {
		c := h.who()
		by[c] = append(by[c], h)
	}
	r.running = len(by) > 0
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), r.g.cfg.Timeout)
	defer cancel()
	for c, theirs := range by {
		if why := r.g.stillIs(ctx, c); why != nil {
			for _, h := range theirs {
				h.revoke(why)
			}
		}
	}
	if len(by) > 0 {
		time.AfterFunc(r.g.cfg.Recheck, r.recheck)
	}
}

// stillIs is why a caller may not go on; nil when it may, and when that cannot be found out at the moment.
func (g *Gateway) stillIs(ctx context.Context, c *caller) *failure {
	var id *Identity
	var err error
	if c.id.Holds != nil {
		err = c.id.Holds(ctx)
	} else {
		id, err = g.cfg.Auth.Authenticate(ctx, c.header)
	}
	switch {
	case errs.Is(err, errs.Unauthenticated), errs.Is(err, errs.Forbidden):
		f := g.failed(ctx, c, "authenticate again", err)
		f.closes = closeForbidden
		return f
	case err != nil || c.id.Holds != nil:
		return nil
	}
	if id == nil {
		id = &Identity{}
	}
	if slices.Equal(id.owners(), c.id.owners()) && sameRights(id, c.id) {
		return nil
	}
	f := refuse(http.StatusForbidden, codeForbidden, "Your rights have changed; connect again.")
	f.closes = closeForbidden
	return f
}

// sameRights says whether two identities may see the same of what is not theirs.
func sameRights(a, b *Identity) bool {
	if a.mayAll() != b.mayAll() || a.Partner != b.Partner || a.Rights != b.Rights {
		return false
	}
	return slices.Equal(a.Scopes, b.Scopes) || slices.Equal(slices.Sorted(slices.Values(a.Scopes)), slices.Sorted(slices.Values(b.Scopes)))
}
