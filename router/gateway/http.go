package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/execute"
)

// caller is who sent a request, and how.
type caller struct {
	id        *Identity
	from      netip.Addr
	header    http.Header // the client's, without hop-by-hop ones
	requestID string
	traceID   string
	transport string // http, sse or ws
}

// serve is GraphQL over HTTP, as https://graphql.github.io/graphql-over-http/draft/ says.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	requestID := requestIDOf(r)
	traceID := traceFor(r.Context())
	w.Header().Set("X-Request-Id", requestID)
	w.Header().Set("X-Trace-Id", traceID)
	c := &caller{header: stripHopByHop(r.Header.Clone()), requestID: requestID, traceID: traceID, transport: "http", from: g.cfg.Proxies.Client(r)}
	quota, refused := g.arrive(r, c)
	quota.show(w.Header())
	if isWebSocket(r) {
		c.transport = "ws"
		if refused != nil {
			(&answer{w: w, timeout: g.cfg.WriteTimeout, mediaType: mediaJSON}).fail(refused)
			return
		}
		g.serveWebSocket(w, r, c)
		return
	}
	setSecurityHeaders(w.Header())
	if g.setCORS(w, r) {
		return
	}
	mediaType := negotiate(r.Header.Values("Accept"))
	if mediaType == mediaEvents {
		c.transport = "sse"
	}
	a := &answer{w: w, timeout: g.cfg.WriteTimeout, mediaType: mediaType, parts: takesParts(r.Header.Values("Accept"), mediaType),
		subscriptionParts: takesSubscriptionParts(r.Header.Values("Accept"))}
	info := RequestInfo{Transport: c.transport}
	a.info, a.started = &info, started
	if refused != nil {
		a.fail(refused)
	} else {
		g.answer(a, r, c, &info)
	}
	if a.detached {
		return // it is recorded when the stream is over
	}
	info.Status, info.Errors, info.Duration = a.status, a.errors, time.Since(started)
	g.record(r.Context(), c, info)
}

// answer writes the answer to one request, and into info what it was.
func (g *Gateway) answer(a *answer, r *http.Request, c *caller, info *RequestInfo) {
	ctx := r.Context()
	defer func() {
		if fault := recover(); fault != nil {
			f := g.fault(ctx, c, fault)
			if a.status == 0 {
				a.fail(f)
			}
		}
	}()
	if g.serveSingle(a, r, c) {
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		a.w.Header().Set("Allow", "GET, POST, OPTIONS")
		a.fail(refuse(http.StatusMethodNotAllowed, codeMethod, "Use GET or POST."))
		return
	}
	if a.mediaType == "" && !a.parts && !a.subscriptionParts {
		a.fail(refuse(http.StatusNotAcceptable, codeNotAcceptable, "Accept must allow %s, %s, %s or %s.", mediaResponse, mediaJSON, mediaEvents, mediaParts))
		return
	}
	if g.crossSite(r) {
		a.fail(refuse(http.StatusForbidden, codeCSRF, "A request from a page of another origin needs a header that its browser asks permission for, such as GraphQL-Require-Preflight: 1."))
		return
	}
	req, f := readRequest(a.w, r, g.cfg.MaxBody, g.cfg.MaxBatch)
	if f != nil {
		a.fail(f)
		return
	}
	if last := r.Header.Get("Last-Event-Id"); last != "" && req.Begin.resume == "" {
		req.Begin.resume = last
	}
	if f := g.authenticate(ctx, c); f != nil {
		if f.status == http.StatusUnauthorized {
			a.w.Header().Set("WWW-Authenticate", "Bearer")
		}
		a.fail(f)
		return
	}
	if req.Batch != nil {
		g.serveBatch(a, r, c, req.Batch)
		return
	}
	j, f := g.resolve(ctx, c, req, info)
	if f == nil {
		f = g.admit(c, j)
	}
	if tokenOf(r) == "" { // an operation on a stream goes on when its request is answered
		defer j.left()
	}
	info.quota.show(a.w.Header())
	f.tellRetry(a.w.Header())
	if token := tokenOf(r); token != "" {
		stream := g.streams.get(token)
		if stream == nil {
			j.left()
			a.fail(refuse(http.StatusNotFound, codeNotFound, "There is no stream with this token; reserve one by PUT."))
			return
		}
		stream.begin(a, c, req.OperationID, j, f)
		return
	}
	var later *job // when the response is to come in parts
	if f == nil && (a.parts || a.mediaType == mediaEvents) {
		later, f = j.deferred()
	}
	switch {
	case f == nil && r.Method == http.MethodGet && j.op.Kind == ast.Mutation:
		a.w.Header().Set("Allow", "POST")
		a.fail(refuse(http.StatusMethodNotAllowed, codeMethod, "A mutation must be sent by POST."))
	case a.parts && later != nil:
		g.serveParts(a, r, c, later)
	case f != nil && f.code() == codeRateLimited || f != nil && f.code() == codeOverloaded: // also for an EventSource, which would come again at once after 200
		a.fail(g.shown(ctx, c, f))
	case a.mediaType == mediaEvents:
		a.status = http.StatusOK
		a.errors = g.serveEvents(a, r, c, j, later, f)
	case f != nil:
		a.fail(g.shown(ctx, c, f))
	case j.subscription() && a.subscriptionParts:
		a.status = http.StatusOK
		setStream(a.w.Header(), subscriptionPartsType)
		a.errors = g.subscribeHTTP(a, r, c, j, parts)
	case j.subscription():
		a.fail(refuse(http.StatusNotAcceptable, codeNotAcceptable, "A subscription needs Accept: %s or %s;subscriptionSpec=1.0, or a WebSocket with the subprotocol %s.", mediaEvents, mediaParts, subprotocol))
	case a.mediaType == "": // nothing is deferred, and the client wants parts all the same
		response := j.withCost(c, g.execute(ctx, c, j))
		j.ran()
		response.Errors = g.present(ctx, c, response.Errors)
		a.status, a.errors = http.StatusOK, len(response.Errors)
		_ = g.partsTo(a.w).part((&execute.Payload{First: response}).JSON(), false)
	default:
		response, release := g.run(ctx, c, j)
		j.ran()
		response = j.withCost(c, response)
		body, shown := g.encodeResponse(ctx, c, response)
		if a.errors = len(shown); r.Method == http.MethodGet {
			g.writeKept(a, r, j, body, response.Fresh)
		} else {
			a.write(http.StatusOK, body)
		}
		release()
	}
}

// authenticate fills in who is calling.
func (g *Gateway) authenticate(ctx context.Context, c *caller) *failure {
	c.id = &Identity{}
	if g.cfg.Auth == nil {
		return nil
	}
	id, err := g.cfg.Auth.Authenticate(ctx, c.header)
	if err != nil {
		return g.failed(ctx, c, "authenticate", err)
	}
	if id != nil {
		c.id = id
	}
	return nil
}

// understand finds the operation a request means, prepares it, and coerces its variables.
func (g *Gateway) understand(ctx context.Context, c *caller, req *request, info *RequestInfo) (*job, *failure) {
	query, name, register, f := g.document(ctx, c, req)
	if f != nil {
		return nil, f
	}
	e := g.edition.Load()
	p, f := e.prepare(query, name, g.labels(ctx, c, e.supergraph.Labels()))
	if f == nil {
		p, f = g.permit(ctx, c, p)
	}
	if f != nil {
		return nil, f
	}
	info.Operation, info.Kind = p.op.Name, string(p.op.Kind)
	if register != "" {
		if err := g.cfg.Operations.PutAutomatic(ctx, register, query); err != nil {
			g.log.WarnContext(ctx, "automatic persisted query not kept", "request_id", c.requestID, "error", err)
		}
	}
	j, list := p.newJob(req.Variables)
	if len(list) > 0 {
		return nil, reject(http.StatusBadRequest, list...)
	}
	if f := j.charge(); f != nil {
		return nil, f
	}
	j.begin, j.stored = req.Begin, cmp.Or(req.DocumentID, req.AutomaticHash)
	return j, nil
}

// execute runs a query or mutation within the timeout.
func (g *Gateway) execute(ctx context.Context, c *caller, j *job) *execute.Response {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	defer runtime.KeepAlive(j.edition)
	defer g.wrote(c, j)
	ctx = g.scoped(ctx, c, j)
	began := time.Now()
	response := j.edition.executor.Execute(ctx, j.ready, j.vars, g.headersFor(ctx, c, j, ""))
	now := time.Now()
	g.admission.answered(now, j, now.Sub(began), unavailable(response.Errors))
	return response
}

// headersFor returns the headers of each subgraph request of a job made for a caller, the same for all that one
// operation sends to a subgraph. traceparent is that of the event being resolved, "" outside a
// subscription.
func (g *Gateway) headersFor(ctx context.Context, c *caller, j *job, traceparent string) func(subgraph string) http.Header {
	type made struct {
		subgraph string
		header   http.Header
	}
	var known []made
	return func(subgraph string) http.Header {
		for i := range known {
			if known[i].subgraph == subgraph {
				return known[i].header
			}
		}
		h := http.Header{}
		if source := j.edition.headers; source != nil {
			if own := source.SubgraphHeaders(ctx, c.id, subgraph, c.header); own != nil {
				h = stripHopByHop(own.Clone())
			}
		}
		h.Set("X-Request-Id", c.requestID)
		if traceparent != "" {
			h.Set("Traceparent", traceparent)
		}
		known = append(known, made{subgraph, h})
		return h
	}
}

// shown is a failure as a client may see it.
func (g *Gateway) shown(ctx context.Context, c *caller, f *failure) *failure {
	return &failure{status: f.status, wellFormed: f.wellFormed, errors: g.present(ctx, c, f.errors)}
}

// answer is the one response of an HTTP request, and what is remembered of it.
type answer struct {
	w                 http.ResponseWriter
	timeout           time.Duration // see pace.go
	mediaType         string        // negotiated for a whole response; "" when nothing we have is acceptable
	parts             bool          // what is deferred may come in parts
	subscriptionParts bool          // and so may the results of a subscription
	info              *RequestInfo
	started           time.Time
	detached          bool // a stream has the connection now
	status            int
	errors            int
}

func (a *answer) fail(f *failure) {
	a.errors = len(f.errors)
	mediaType := a.mediaType
	if mediaType == "" || mediaType == mediaEvents {
		a.mediaType = mediaJSON
	}
	f.tellRetry(a.w.Header())
	a.write(f.statusFor(mediaType), encode(nil, f.errors, nil))
}

func (a *answer) write(status int, body []byte) {
	a.status = status
	a.w.Header().Set("Content-Type", a.mediaType+"; charset=utf-8")
	a.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	a.w.WriteHeader(status)
	writePaced(a.w, body, a.timeout)
}

// record writes the access log's line and tells the observer. Variables, tokens and addresses of
// people are in neither.
func (g *Gateway) record(ctx context.Context, c *caller, info RequestInfo) {
	level := slog.LevelInfo
	switch {
	case info.Status == http.StatusServiceUnavailable: // refused, as it should be
		level = slog.LevelWarn
	case info.Status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	if g.log.Enabled(ctx, level) {
		client, version := clientOf(c)
		g.log.LogAttrs(ctx, level, "request",
			slog.String("request_id", c.requestID),
			slog.String("trace_id", c.traceID),
			slog.String("transport", info.Transport),
			slog.String("client", client),
			slog.String("client_version", version),
			slog.String("operation", info.Operation),
			slog.String("kind", info.Kind),
			slog.Int("status", info.Status),
			slog.Int("errors", info.Errors),
			slog.Duration("duration", info.Duration))
	}
	g.observer.ObserveRequest(info)
}

// requestIDOf takes over a client's or proxy's request id when it is a plain token.
func requestIDOf(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	plain := func(c rune) bool {
		return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.'
	}
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return !plain(c) }) {
		return rand.Text()
	}
	return id
}
