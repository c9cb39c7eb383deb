package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"storefront/internal/errs"
	"storefront/internal/seldom"
	"storefront/router/execute"
)

// logEvery is how often a failure of one kind is told of one address. A subgraph that is down fails with
// every request, and nobody needs to read that more often.
const logEvery = time.Minute

// failures tells the log why requests to a subgraph failed, and when its breaker opens and closes.
type failures struct {
	subgraph string
	log      *slog.Logger
	lines    *seldom.Lines
	left     bool // the subgraph is left alone; guarded by the breaker
}

func newFailures(subgraph string, opts Options) *failures {
	return &failures{subgraph: subgraph, log: opts.Logger, lines: seldom.New(logEvery, opts.Now)}
}

// tell logs a failure. Nothing that a subgraph sent is in it: who knows whom that is about.
func (f *failures) tell(ctx context.Context, r *execute.SubgraphRequest, address, kind, reason string) {
	repeated, ok := f.lines.Next(address + " " + kind)
	if !ok {
		return
	}
	attrs := []slog.Attr{slog.String("subgraph", f.subgraph), slog.String("kind", kind), slog.String("reason", reason)}
	if address != "" {
		attrs = append(attrs, slog.String("address", address))
	}
	if id := r.Header.Get("X-Request-Id"); id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	if r.Header["Traceparent"] != nil { // as in tracing.start
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		attrs = append(attrs, slog.String("trace_id", span.TraceID().String()))
	}
	if repeated > 0 {
		attrs = append(attrs, slog.Int("repeated", repeated))
	}
	f.log.LogAttrs(ctx, slog.LevelWarn, "a request to a subgraph failed", attrs...)
}

// breaker logs when a subgraph begins to be left alone, and when that ends; not the trials in between.
func (f *failures) breaker(s State) {
	switch {
	case s == Open && !f.left:
		f.left = true
		f.log.Warn("a subgraph failed too often and is left alone", "subgraph", f.subgraph)
	case s == Closed && f.left:
		f.left = false
		f.log.Info("a subgraph answers again", "subgraph", f.subgraph)
	}
}

// quotation is what errors quote of what a subgraph sent.
var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// reason says why an answer is none, or a bad one.
func (s *subgraph) reason(o Outcome, status int, err error) string {
	switch {
	case o == TimedOut && errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case o == TooLarge:
		return fmt.Sprintf("an answer of more than %d bytes", s.MaxResponseBytes)
	case err == nil:
		return fmt.Sprintf("status %d", status)
	}
	err = errors.Unwrap(err) // what it was for stands beside
	if coded, ok := errors.AsType[*errs.Error](err); ok {
		err = coded.Unwrap()
	}
	return quotation.ReplaceAllString(err.Error(), `"..."`)
}
