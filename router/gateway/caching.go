package gateway

// What is kept of answers: in the router, by an entity cache (execute/cache), and outside of it, by what a
// response to GET says of itself (RFC 9111). Both follow from the same hints.

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/execute"
	"storefront/router/supergraph"
)

// Scoper is a Sharer that also knows what public answers depend on. Where the HeaderSource is none, they are
// kept by ShareKey.
type Scoper interface {
	Sharer
	// PublicKey is equal for two callers only when every subgraph answers both the same as far as its schema
	// calls the answer public.
	PublicKey(id *Identity, client http.Header) string
	// Varies are the client's headers that any answer may depend on; known is false when they cannot be listed.
	Varies() (names []string, known bool)
}

// EntityCache keeps what subgraphs answer, until an event ends it. execute/cache is one.
type EntityCache interface {
	execute.Cache
	// Follow makes the cache read the events that a supergraph's rules name.
	Follow(sg *supergraph.Supergraph)
	// Moment changes with every event that ends something.
	Moment() uint64
}

// scoped lets the entity cache answer a query of a caller's, where it is known what answers depend on.
func (g *Gateway) scoped(ctx context.Context, c *caller, j *job) context.Context {
	if g.cfg.Cache == nil || j.op.Kind != ast.Query || !j.ready.Keeps() {
		return ctx
	}
	sharer, ok := j.edition.headers.(Sharer)
	if !ok && j.edition.headers != nil {
		return ctx
	}
	var s execute.Scope // where subgraphs get nothing of a caller, all are the same
	if ok {
		s.Private = sharer.ShareKey(c.id, c.header)
		if s.Public = s.Private; len(c.id.owners()) > 0 && g.writers.lately(s.Private, time.Now()) {
			return ctx
		}
	}
	if scoper, ok := sharer.(Scoper); ok {
		s.Public = scoper.PublicKey(c.id, c.header)
	}
	return execute.WithScope(ctx, s)
}

// wrote makes queries that a caller sends from now on start anew after a mutation of its own, and go to the subgraphs
// for a while. Callers who cannot be told apart have nothing of their own that is kept.
func (g *Gateway) wrote(c *caller, j *job) {
	if j.op.Kind != ast.Mutation {
		return
	}
	sharer, ok := j.edition.headers.(Sharer)
	if !ok {
		g.sharing.wrote("") // nobody's, where subgraphs get nothing of a caller
		return
	}
	key := sharer.ShareKey(c.id, c.header)
	g.sharing.wrote(key)
	if g.cfg.Cache != nil && len(c.id.owners()) > 0 {
		g.writers.wrote(key, time.Now())
	}
}

// moment changes with every event that ends something in the entity cache: what was asked before it is no
// answer to what is asked after it.
func (g *Gateway) moment() uint64 {
	if g.cfg.Cache == nil {
		return 0
	}
	return g.cfg.Cache.Moment()
}

// writeKept writes the answer to a GET with what may be kept of it, or that it has not changed. What not all may
// see is private, whatever its hints say.
func (g *Gateway) writeKept(a *answer, r *http.Request, j *job, body []byte, fresh execute.Freshness) {
	vary, known := g.varies(j.edition)
	if fresh.Left < time.Second || !known {
		a.write(http.StatusOK, body)
		return
	}
	h := a.w.Header()
	scope := "public"
	if fresh.Private || len(j.op.Access()) > 0 {
		scope = "private"
	}
	for _, name := range vary {
		h.Add("Vary", name)
	}
	age := int((fresh.MaxAge - fresh.Left + time.Second - 1) / time.Second)
	h.Set("Cache-Control", fmt.Sprintf("%s, max-age=%d", scope, int(fresh.MaxAge/time.Second)))
	h.Set("Age", fmt.Sprint(age))
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h.Set("ETag", tag)
	if matches(r.Header.Values("If-None-Match"), tag) {
		a.status = http.StatusNotModified
		a.w.WriteHeader(a.status)
		return
	}
	a.write(http.StatusOK, body)
}

// varies are the headers of a client's that answers may depend on.
func (g *Gateway) varies(e *edition) ([]string, bool) {
	if e.headers == nil && g.cfg.Auth == nil {
		return nil, true
	}
	if s, ok := e.headers.(Scoper); ok {
		return s.Varies()
	}
	return nil, false
}

// matches reports whether If-None-Match names a tag, compared weakly (RFC 9110, 13.1.2).
func matches(values []string, tag string) bool {
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			item = strings.TrimPrefix(strings.TrimSpace(item), "W/")
			if item == tag || item == "*" {
				return true
			}
		}
	}
	return false
}
