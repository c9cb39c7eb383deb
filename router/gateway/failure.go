package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/execute"
	"storefront/router/operation"
)

// The gateway's own values of extensions.code, beside those of internal/errs.
const (
	codeBadRequest      = "BAD_REQUEST"
	codeTooLarge        = "REQUEST_TOO_LARGE"
	codeNotAcceptable   = "NOT_ACCEPTABLE"
	codeMethod          = "METHOD_NOT_ALLOWED"
	codeCSRF            = "CSRF_PREVENTED"
	codeIntrospection   = "INTROSPECTION_DISABLED"
	codeNotFoundAPQ     = "PERSISTED_QUERY_NOT_FOUND"
	codeHashMismatch    = "PERSISTED_QUERY_HASH_MISMATCH"
	codeNotStored       = "PERSISTED_OPERATION_NOT_FOUND"
	codeRetired         = "PERSISTED_OPERATION_RETIRED"
	codeUnsigned        = "PERSISTED_OPERATION_NOT_SIGNED"
	codeRateLimited     = "RATE_LIMITED"
	codeOverloaded      = "OVERLOADED"
	codeStoredOnly      = "PERSISTED_OPERATION_REQUIRED"
	codeSlow            = "SLOW_CONSUMER"
	codeGap             = "EVENTS_LOST"
	codeCursorTooOld    = "CURSOR_TOO_OLD"
	codeDraining        = "DRAINING"
	codeChanged         = "SCHEMA_CHANGED"
	codeInternal        = string(errs.Internal)
	codeBadInput        = string(errs.BadInput)
	codeUnauthenticated = string(errs.Unauthenticated)
	codeForbidden       = string(errs.Forbidden)
	codeNotFound        = string(errs.NotFound)
	codeUnavailable     = string(errs.Unavailable)
	codeTooMany         = string(errs.TooMany)
)

// failure is why a request has no data: errors, and the HTTP status that says so.
type failure struct {
	status int
	// wellFormed: the HTTP request was right and only what it asks is wrong, so the answer is 200
	// where the client reads no other status (application/json).
	wellFormed bool
	// closes ends the whole WebSocket with this code: what went wrong is not one operation's.
	closes websocket.StatusCode
	errors gqlerror.List
}

// refuse is a failure of the request itself.
func refuse(status int, code, format string, args ...any) *failure {
	return &failure{status: status, errors: gqlerror.List{problem(code, format, args...)}}
}

// reject is a failure of a well-formed request.
func reject(status int, list ...*gqlerror.Error) *failure {
	return &failure{status: status, wellFormed: true, errors: list}
}

func problem(code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{Message: operation.Brief(fmt.Sprintf(format, args...)), Extensions: map[string]any{"code": code}}
}

// code returns the code of the first error.
func (f *failure) code() string {
	if f == nil || len(f.errors) == 0 {
		return ""
	}
	return codeOf(f.errors[0])
}

func (f *failure) statusFor(mediaType string) int {
	if f.wellFormed && mediaType == mediaJSON {
		return http.StatusOK
	}
	return f.status
}

// failed turns an error of the embedder into a failure; what has no code is logged and masked.
func (g *Gateway) failed(ctx context.Context, c *caller, doing string, err error) *failure {
	status := map[errs.Code]int{
		errs.BadInput: http.StatusBadRequest, errs.Unauthenticated: http.StatusUnauthorized,
		errs.Forbidden: http.StatusForbidden, errs.NotFound: http.StatusNotFound, errs.Conflict: http.StatusConflict,
		errs.Unavailable: http.StatusServiceUnavailable, errs.TooMany: http.StatusTooManyRequests,
	}
	coded, ok := errors.AsType[*errs.Error](err)
	if !ok {
		level := slog.LevelError
		if ctx.Err() != nil {
			level = slog.LevelDebug // the client has gone
		}
		g.log.Log(ctx, level, "request failed", "doing", doing, "request_id", c.requestID, "trace_id", c.traceID, "error", err)
		return &failure{status: http.StatusInternalServerError, errors: gqlerror.List{masked(ctx, c)}}
	}
	return refuse(status[coded.Code], string(coded.Code), "%s", coded.Message)
}

// fault is the failure of a request whose handling panicked: logged, and nothing of it shown.
func (g *Gateway) fault(ctx context.Context, c *caller, panicked any) *failure {
	g.log.ErrorContext(ctx, "request panicked", "request_id", c.requestID, "trace_id", c.traceID, "panic", panicked, "stack", string(debug.Stack()))
	return &failure{status: http.StatusInternalServerError, errors: gqlerror.List{masked(ctx, c)}}
}

// masked is all that a client learns of an error that is not for it: the request and the trace by which those
// who run the router find the rest.
func masked(ctx context.Context, c *caller) *gqlerror.Error {
	e := problem(codeInternal, "internal error, request %s", c.requestID)
	if id := traceOf(ctx, c); id != "" {
		e.Extensions["traceId"] = id
	}
	return e
}

// DefaultErrors lets the errors of subgraphs through that were made for clients: those with a code of
// internal/errs other than INTERNAL.
func DefaultErrors() execute.ErrorRules {
	return execute.ErrorRules{Extensions: execute.ClientExtensions(), Codes: []string{
		codeBadInput, codeUnauthenticated, codeForbidden, codeNotFound, string(errs.Conflict), codeUnavailable, codeTooMany}}
}

// ownExtensions are the keys that errors of the gateway and the executor have for clients.
var ownExtensions = [...]string{"service", "retryAfter", "cursor", "refused", "cost", "limit", "costliest", "traceId"}

// present makes a list of errors fit for a client: every error has a code, extensions are those a
// client can use, and the text of an internal error gives way to the request's id.
func (g *Gateway) present(ctx context.Context, c *caller, list gqlerror.List) gqlerror.List {
	if len(list) == 0 {
		return nil
	}
	shown := make(gqlerror.List, len(list))
	for i, e := range list {
		code := codeOf(e)
		out := &gqlerror.Error{Message: e.Message, Path: e.Path, Locations: e.Locations, Extensions: map[string]any{}}
		if code == "" || code == codeInternal || code == "INTERNAL_SERVER_ERROR" {
			code = codeInternal
			hidden := masked(ctx, c)
			out.Message, out.Extensions = hidden.Message, hidden.Extensions
			g.tell(ctx, c, "internal error masked", e, "code", plainCode(e.Extensions[execute.MaskedKey]))
		} else if code == execute.CodeWrongAnswer {
			g.tell(ctx, c, "a subgraph's answer is not what the schema promises", e, "reason", e.Message)
		}
		for _, keys := range [][]string{ownExtensions[:], g.cfg.Errors.Extensions} {
			for _, key := range keys {
				if v, ok := e.Extensions[key]; ok {
					out.Extensions[key] = v
				}
			}
		}
		out.Extensions["code"] = code
		shown[i] = out
	}
	return shown
}

// plainCode is a subgraph's code as it may stand in a log: "" for what is no code but a text.
func plainCode(v any) string {
	code, _ := v.(string)
	if len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '_' }) {
		return ""
	}
	return code
}

// tell logs an error of a response with where it is: once in a while for each subgraph, each for who debugs.
func (g *Gateway) tell(ctx context.Context, c *caller, message string, e *gqlerror.Error, more ...any) {
	subgraph, _ := e.Extensions["service"].(string)
	level := slog.LevelWarn
	repeated, ok := g.lines.Next(message + " " + subgraph)
	if !ok {
		level = slog.LevelDebug
	}
	if !g.log.Enabled(ctx, level) {
		return
	}
	attrs := append([]any{"request_id", c.requestID, "path", e.Path.String(), "subgraph", subgraph}, more...)
	if id := traceOf(ctx, c); id != "" {
		attrs = append(attrs, "trace_id", id)
	}
	if repeated > 0 {
		attrs = append(attrs, "repeated", repeated)
	}
	g.log.Log(ctx, level, message, attrs...)
}

func codeOf(e *gqlerror.Error) string {
	code, _ := e.Extensions["code"].(string)
	return code
}

// unavailable reports whether a subgraph did not answer, or not in time.
func unavailable(list gqlerror.List) bool {
	return slices.ContainsFunc(list, func(e *gqlerror.Error) bool { return codeOf(e) == codeUnavailable })
}

// withCode gives every error of list that has no code this one.
func withCode(list gqlerror.List, code string) gqlerror.List {
	for _, e := range list {
		if codeOf(e) == "" {
			if e.Extensions == nil {
				e.Extensions = map[string]any{}
			}
			e.Extensions["code"] = code
		}
	}
	return list
}
