package gateway

import (
	"context"
	"fmt"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// traceFor is the id of the trace that an answer names: that of the server's span, or of the client's traceparent,
// or else a new one. A new one is in our answer and logs alone: whether subgraphs record a trace that nobody has
// begun is their own decision, which a traceparent of ours would take from them.
func traceFor(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return span.TraceID().String()
	}
	return fmt.Sprintf("%016x%016x", rand.Uint64()|1, rand.Uint64()) // never all zeros
}

// traceOf is the trace that something belongs to: an event's own, or else that of the request.
func traceOf(ctx context.Context, c *caller) string {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		return span.TraceID().String()
	}
	return c.traceID
}
