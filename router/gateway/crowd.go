package gateway

import (
	"net/http"
	"sync"
)

// crowd counts what runs at once for each client, so that one of them cannot take all of a router's time.
// Subscriptions are no part of it: they have limits of their own.
type crowd struct {
	mu      sync.Mutex
	running map[string]int
}

// enterCrowd counts a query or mutation in. A client is a partner, a person who has signed in, or else an
// address: a guest's token is made as fast as a request is. Callers of this machine who have not signed in are
// not bounded. leave is called once it is answered.
func (g *Gateway) enterCrowd(r *http.Request, c *caller) (leave func(), f *failure) {
	key := "partner " + c.id.Partner
	if c.id.Partner == "" {
		if c.id.ID != "" {
			key = "person " + c.id.ID
		} else if from := g.cfg.Proxies.Client(r); from.IsValid() && !from.IsLoopback() {
			key = "address " + from.String()
		} else {
			return func() {}, nil
		}
	}
	g.crowd.mu.Lock()
	defer g.crowd.mu.Unlock()
	if g.crowd.running[key] >= g.cfg.MaxAtOnce {
		return func() {}, reject(http.StatusTooManyRequests, problem(codeTooMany,
			"This client has %d operations under way already; send more when some are answered.", g.cfg.MaxAtOnce))
	}
	g.crowd.running[key]++
	return func() {
		g.crowd.mu.Lock()
		defer g.crowd.mu.Unlock()
		if g.crowd.running[key]--; g.crowd.running[key] == 0 {
			delete(g.crowd.running, key)
		}
	}, nil
}
