package gateway

// Several requests in one body, as a JSON list: off unless Config.MaxBatch allows it. They are answered in their
// order by a list, each as if it had come alone, and each counts as a request of its own.

import (
	"net/http"
	"time"

	"storefront/internal/jsonscan"
)

// batchFromJSON reads a list of at most so many requests.
func batchFromJSON(body []byte, most int) (*request, *failure) {
	if most <= 0 {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "Batches of requests are not accepted; send one request as a JSON object.")
	}
	req := &request{}
	wrong := refuse(http.StatusBadRequest, codeBadRequest, "A batch is a JSON list of one to %d requests, each a JSON object.", most)
	p := jsonscan.Scanner{Data: body}
	if p.Peek() != '[' || p.Empty(']') {
		return nil, wrong
	}
	for more := true; more; {
		raw, err := p.Raw(1)
		if err != nil || raw[0] != '{' || len(req.Batch) == most {
			return nil, wrong
		}
		one, f := requestFromMembers(raw)
		if f != nil {
			return nil, f
		}
		req.Batch = append(req.Batch, one)
		if more, err = p.More(']'); err != nil {
			return nil, wrong
		}
	}
	if p.Close() != nil {
		return nil, wrong
	}
	return req, nil
}

// serveBatch answers the requests of a batch, one after another, so that mutations keep their order.
func (g *Gateway) serveBatch(a *answer, r *http.Request, c *caller, batch []*request) {
	if a.mediaType == "" || a.mediaType == mediaEvents {
		a.fail(refuse(http.StatusNotAcceptable, codeNotAcceptable, "A batch is answered as %s: Accept must allow that.", mediaJSON))
		return
	}
	body := []byte{'['}
	for i, req := range batch {
		if i > 0 {
			body = append(body, ',')
		}
		info := RequestInfo{Transport: c.transport, Status: http.StatusOK}
		started := time.Now()
		one, errors := g.answerOne(r, c, req, i > 0, &info)
		body = append(body, one...)
		info.Errors, info.Duration = errors, time.Since(started)
		a.errors += errors
		g.record(r.Context(), c, info)
	}
	a.write(http.StatusOK, append(body, ']'))
}

// answerOne is the answer to one request of a batch; further says that another one came before it.
func (g *Gateway) answerOne(r *http.Request, c *caller, req *request, further bool, info *RequestInfo) (body []byte, errors int) {
	ctx := r.Context()
	failed := func(f *failure) ([]byte, int) {
		f = g.shown(ctx, c, f)
		return encode(nil, f.errors, nil), len(f.errors)
	}
	defer func() {
		if fault := recover(); fault != nil {
			body, errors = failed(g.fault(ctx, c, fault))
		}
	}()
	if further {
		if _, refused := g.arrive(r, c); refused != nil {
			return failed(refused)
		}
	}
	j, f := g.resolve(ctx, c, req, info)
	if f == nil && j.subscription() {
		f = refuse(http.StatusNotAcceptable, codeNotAcceptable, "A subscription cannot be part of a batch.")
	}
	if f == nil {
		f = g.admit(c, j)
		defer j.left()
	}
	if f != nil {
		return failed(f)
	}
	response, release := g.run(ctx, c, j)
	defer release()
	text, shown := g.encodeResponse(ctx, c, j.withCost(c, response))
	return append([]byte(nil), text...), len(shown)
}
