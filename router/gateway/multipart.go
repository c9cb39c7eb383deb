package gateway

// Deferred fragments over HTTP: one response in several parts, as the draft "Incremental Delivery over
// HTTP" of GraphQL over HTTP has it, in the format that "multipart/mixed; incrementalSpec=v0.2" names
// (https://specs.apollo.dev/incremental/v0.2/).

import (
	"context"
	"net/http"
	"runtime"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/execute"
)

// partsType is the Content-Type of a response in parts. The boundary stands last, since there are
// clients that take everything after it for it.
const partsType = mediaParts + `; incrementalSpec=v0.2; boundary="-"`

// deferred is the job as one that defers what its client asks to have later; nil when that is nothing.
func (j *job) deferred() (*job, *failure) {
	p, f := j.prepared.deferred(j.vars)
	if p == nil {
		return nil, f
	}
	return &job{prepared: p, vars: j.vars, sent: j.sent, price: j.price}, nil
}

// stream executes a deferring query or mutation within the timeout, and hands over each payload fit
// for the client until send returns false. It returns the number of errors in what was handed over.
func (g *Gateway) stream(ctx context.Context, c *caller, j *job, send func(*execute.Payload) bool) (problems int) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	defer runtime.KeepAlive(j.edition)
	defer g.wrote(c, j)
	for p := range j.edition.executor.Stream(g.scoped(ctx, c, j), j.ready, j.vars, g.headersFor(ctx, c, j, "")) {
		p.EachErrors(func(list gqlerror.List) gqlerror.List {
			problems += len(list)
			return g.present(ctx, c, list)
		})
		if p.First != nil {
			p.First = j.withCost(c, p.First)
			g.wrote(c, j) // the mutation is over, whatever is still to come
		}
		if !send(p) {
			break
		}
	}
	return problems
}

// payloadJSON is a payload for transports that know by themselves when a response ends: one that is
// whole is written as any other response.
func payloadJSON(p *execute.Payload) []byte {
	if p.First != nil && !p.HasNext {
		return p.First.JSON()
	}
	return p.JSON()
}

// serveParts answers with a part for each payload. A response that turns out to be whole is sent as
// any other, when the client takes that too.
func (g *Gateway) serveParts(a *answer, r *http.Request, c *caller, j *job) {
	out := g.partsTo(a.w)
	a.errors = g.stream(r.Context(), c, j, func(p *execute.Payload) bool {
		if p.First != nil && !p.HasNext && a.mediaType != "" && a.mediaType != mediaEvents {
			a.write(http.StatusOK, p.First.JSON())
			return false
		}
		a.status = http.StatusOK
		return out.part(p.JSON(), p.HasNext) == nil
	})
}

// partWriter writes the parts of a response, each with a deadline.
type partWriter struct {
	*responseOutput
	opened bool
}

func (g *Gateway) partsTo(w http.ResponseWriter) *partWriter {
	return &partWriter{responseOutput: g.outputTo(w)}
}

// part writes one part and the boundary after it, so that the client need not wait for the next part to
// know that this one is over.
func (o *partWriter) part(body []byte, more bool) error {
	var b []byte
	if !o.opened {
		o.opened = true
		o.w.Header().Set("Content-Type", partsType)
		o.w.Header().Set("X-Accel-Buffering", "no")
		b = append(b, "\r\n---\r\n"...)
	}
	b = append(b, "Content-Type: application/json; charset=utf-8\r\n\r\n"...)
	b = append(b, body...)
	if more {
		b = append(b, "\r\n---\r\n"...)
	} else {
		b = append(b, "\r\n-----\r\n"...)
	}
	return o.write(b)
}
