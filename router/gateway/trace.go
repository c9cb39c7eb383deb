package gateway

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// traced is ctx with a trace, so that every answer names one by which logs and subgraphs' traces are found: that
// of the server's span, or of the client's traceparent, or else a new one.
func traced(ctx context.Context) (context.Context, string) {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		var made trace.SpanContextConfig
		binary.NativeEndian.PutUint64(made.TraceID[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(made.TraceID[8:], rand.Uint64()|1) // never all zeros
		binary.NativeEndian.PutUint64(made.SpanID[:], rand.Uint64()|1)
		made.TraceFlags = trace.FlagsSampled // as without it: what a subgraph records is its own matter
		span = trace.NewSpanContext(made)
		ctx = trace.ContextWithSpanContext(ctx, span)
	}
	return ctx, span.TraceID().String()
}

// traceOf is the trace that something belongs to: an event's own, or else that of the request.
func traceOf(ctx context.Context, c *caller) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return span.TraceID().String()
	}
	return c.traceID
}
