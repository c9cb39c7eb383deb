package gateway

import (
	"context"
	"net/http"
	"slices"
	"time"

	"storefront/internal/errs"
)

// recheck looks every so often whether those who subscribe are still let in, as long as someone does: a
// sign-in may be taken back before it expires. Where that cannot be found out at the moment, they stay.
func (g *Gateway) recheck() {
	time.AfterFunc(g.cfg.Recheck, func() {
		open := g.feeds.all()
		if !g.feeds.watched(len(open) > 0) {
			return
		}
		by := map[*caller][]*feed{}
		for _, f := range open {
			by[f.who()] = append(by[f.who()], f)
		}
		for c, theirs := range by {
			if why := g.stillIs(c); why != nil {
				for _, f := range theirs {
					f.finish(why, "refused")
				}
			}
		}
		g.recheck()
	})
}

// stillIs is why a caller may not go on; nil when it may.
func (g *Gateway) stillIs(c *caller) *failure {
	ctx, cancel := context.WithTimeout(context.Background(), g.cfg.Timeout)
	defer cancel()
	id, err := g.cfg.Auth.Authenticate(ctx, c.header)
	switch {
	case errs.Is(err, errs.Unauthenticated), errs.Is(err, errs.Forbidden):
		f := g.failed(ctx, c, "authenticate again", err)
		f.closes = closeForbidden
		return f
	case err != nil:
		return nil
	}
	if id == nil {
		id = &Identity{}
	}
	if slices.Equal(id.owners(), c.id.owners()) && id.mayAll() == c.id.mayAll() && id.Partner == c.id.Partner {
		return nil
	}
	f := refuse(http.StatusForbidden, codeForbidden, "Your rights have changed; connect again.")
	f.closes = closeForbidden
	return f
}
