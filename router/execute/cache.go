package execute

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/plan"
)

// Cache answers requests from what it has kept, and sends what it has not. Answer returns what the transport
// would: the body of a GraphQL response, or why there is none. left is how long that answer may be kept from now
// on, 0 for not at all. An implementation is in execute/cache.
type Cache interface {
	Answer(ctx context.Context, c *Call, t Transport) (body []byte, left time.Duration, err error)
}

// Keeper is a Transport that also says what the answer's Cache-Control header said; "" for nothing.
type Keeper interface {
	DoKept(ctx context.Context, r *SubgraphRequest) (body []byte, cacheControl string, err error)
}

// DoKept asks a subgraph, and returns what is known of its answer's Cache-Control header.
func DoKept(ctx context.Context, t Transport, r *SubgraphRequest) (body []byte, cacheControl string, err error) {
	if k, ok := t.(Keeper); ok {
		return k.DoKept(ctx, r)
	}
	body, err = t.Do(ctx, r)
	return body, "", err
}

// Lifetime is how long an answer may be kept: as long as its fields' hints say, or less when its Cache-Control
// header does (RFC 9111, 5.2.2). What the header calls private is not kept for others.
func Lifetime(control string, maxAge time.Duration, private bool) time.Duration {
	ttl, shared := maxAge, false
	for part := range strings.SplitSeq(control, ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "private":
			if !private {
				return 0
			}
		case "max-age", "s-maxage":
			seconds, err := strconv.Atoi(strings.Trim(value, `"`))
			if err != nil || seconds < 0 {
				return 0
			}
			if name == "s-maxage" && !private {
				ttl, shared = min(maxAge, time.Duration(seconds)*time.Second), true
			} else if name == "max-age" && !shared {
				ttl = min(maxAge, time.Duration(seconds)*time.Second)
			}
		}
	}
	return ttl
}

// Scope is what answers to a caller may depend on, beside the request. Callers share what is kept when they
// have the same: of public answers Public, of private ones Private.
type Scope struct{ Public, Private string }

type scopeKey struct{}

// WithScope lets queries that run in ctx be answered by Options.Cache. Mutations and the events of live
// subscriptions never are.
func WithScope(ctx context.Context, s Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, &s)
}

func scopeOf(ctx context.Context) *Scope {
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	return s
}

// Call is a request that a Cache may answer.
type Call struct {
	*Keep
	Request *SubgraphRequest
	Scope   string // of the caller: its public or its private one

	// Of a request for entities: the representations, in Request.Variables, and what follows them there. An
	// answer's data is {"_entities": [one for each]}.
	Representations [][]byte
	Others          []byte
	opens           int // bytes of Request.Variables before the first
}

// call describes a request whose variables begin with its representations.
func (r *run) call(f *fetch, req *SubgraphRequest, reps []span) *Call {
	c := &Call{Keep: f.keep, Request: req, Scope: r.scope.Public, Others: req.Variables}
	if f.keep.Private {
		c.Scope = r.scope.Private
	}
	req.Alone = true // one that began before an event may not answer one that began after it
	if f.Kind != plan.EntityFetch {
		return c
	}
	c.opens = len(`{"":[`) + len(f.RepVariable)
	at := c.opens
	c.Representations = make([][]byte, len(reps))
	for i, s := range reps {
		end := at + s.hi - s.lo
		c.Representations[i] = req.Variables[at:end:end]
		at = end + 1
	}
	c.Others = req.Variables[at-1:]
	return c
}

// Part is the request for some of the entities.
func (c *Call) Part(of []int) *SubgraphRequest {
	size := c.opens + len(c.Others)
	for _, i := range of {
		size += len(c.Representations[i]) + 1
	}
	b := append(make([]byte, 0, size), c.Request.Variables[:c.opens]...)
	for n, i := range of {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, c.Representations[i]...)
	}
	part := *c.Request
	part.Variables = append(b, c.Others...)
	return &part
}

// Freshness is how long a response may be kept; nothing where MaxAge is 0.
type Freshness struct {
	MaxAge  time.Duration // from when the oldest part of it was new
	Left    time.Duration // of MaxAge, from now on
	Private bool          // only for who asked
}

// freshness gathers how long a run's answers may be kept.
type freshness struct {
	Freshness
	some, not bool
}

func (f *freshness) add(a answer) {
	k := a.fetch.keep
	if k == nil || a.left <= 0 {
		f.not = true
		return
	}
	if !f.some || k.MaxAge < f.MaxAge {
		f.MaxAge = k.MaxAge
	}
	if !f.some || a.left < f.Left {
		f.Left = a.left
	}
	f.some, f.Private = true, f.Private || k.Private
}

func (f *freshness) of(errors gqlerror.List) Freshness {
	if !f.some || f.not || len(errors) > 0 {
		return Freshness{}
	}
	return f.Freshness
}
