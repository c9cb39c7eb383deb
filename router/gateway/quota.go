package gateway

// How much a caller may ask. The embedder's Limiter decides; here is when it is asked, and how the answer
// tells: by the header fields of draft-ietf-httpapi-ratelimit-headers-11, status 429 and Retry-After.

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Limiter bounds how much callers may ask. It never fails.
type Limiter interface {
	// Arrive is asked for what comes over HTTP before any of it is read.
	Arrive(ctx context.Context, from netip.Addr) Quota
	// Ask is asked for an operation before it is run.
	Ask(ctx context.Context, a Asked) Quota
}

// Asked is an operation that somebody wants to run.
type Asked struct {
	By      *Identity
	From    netip.Addr
	Stored  string // its id among a partner's published operations, "" for none
	Cost    int    // 0 when it is not valid
	Arrived bool   // Arrive was asked for the request that brought it
}

// Quota is what a Limiter says.
type Quota struct {
	Refused string        // why not, for the client; "" when it may go on
	Retry   time.Duration // until it may; 0 for never as it is
	Limits  []Limit       // that it counts against
}

// Limit is how one limit stands.
type Limit struct {
	Name      string // such as partner
	Unit      string // what is counted, "" for requests
	Quota     int
	Window    time.Duration
	Remaining int
	Reset     time.Duration // until all of it has come back
}

// arrive asks whether anything of a request may be read.
func (g *Gateway) arrive(r *http.Request, c *caller) (*Quota, *failure) {
	if g.cfg.Limiter == nil {
		return nil, nil
	}
	q := g.cfg.Limiter.Arrive(r.Context(), c.from)
	return &q, q.failure()
}

// resolve finds the operation a request means and prepares it, when the caller may ask so much. What is not
// valid counts as a request as well.
func (g *Gateway) resolve(ctx context.Context, c *caller, req *request, info *RequestInfo) (*job, *failure) {
	j, f := g.understand(ctx, c, req, info)
	if g.cfg.Limiter == nil {
		return j, f
	}
	a := Asked{By: c.id, From: c.from, Arrived: c.transport != "ws"}
	if f == nil {
		a.Cost = j.cost()
		if c.id.Partner != "" {
			a.Stored = j.stored
		}
	}
	q := g.cfg.Limiter.Ask(ctx, a)
	info.quota = &q
	if refused := q.failure(); refused != nil {
		return nil, refused
	}
	return j, f
}

func (q *Quota) failure() *failure {
	if q.Refused == "" {
		return nil
	}
	e := problem(codeRateLimited, "%s", q.Refused)
	if q.Retry > 0 {
		e.Extensions["retryAfter"] = seconds(q.Retry)
	}
	f := refuse(http.StatusTooManyRequests, codeRateLimited, "")
	f.errors[0] = e
	return f
}

// show writes how the limits stand into the header of an answer; nil writes nothing.
func (q *Quota) show(h http.Header) {
	if q == nil || len(q.Limits) == 0 {
		return
	}
	var policies, states []string
	for _, l := range q.Limits {
		unit := ""
		if l.Unit != "" {
			unit = fmt.Sprintf(";qu=%q", l.Unit)
		}
		policies = append(policies, fmt.Sprintf("%q;q=%d;w=%d%s", l.Name, l.Quota, seconds(l.Window), unit))
		states = append(states, fmt.Sprintf("%q;r=%d;t=%d", l.Name, l.Remaining, seconds(l.Reset)))
	}
	h.Add("RateLimit-Policy", strings.Join(policies, ", "))
	h.Add("RateLimit", strings.Join(states, ", "))
}

// tellRetry says when to try again, where that may help. A nil failure says nothing.
func (f *failure) tellRetry(h http.Header) {
	if f == nil || f.status != http.StatusServiceUnavailable && f.status != http.StatusTooManyRequests {
		return
	}
	after := 1
	if code := f.code(); code == codeRateLimited || code == codeOverloaded {
		after, _ = f.errors[0].Extensions["retryAfter"].(int)
	}
	if after > 0 {
		h.Set("Retry-After", strconv.Itoa(after))
	}
}

// seconds are whole ones, rounded up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// cost is what an operation counts for in quotas of cost: what it costs at worst, and at least 1.
func (j *job) cost() int { return max(j.price, 1) }
