package transport

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// tracing makes a client span for each attempt, and the headers that tell the subgraph of it. They are
// added here and nowhere else, so that equal requests of different clients can be shared.
type tracing struct {
	tracer trace.Tracer // nil for no spans of our own
	wire   propagation.TraceContext
}

func newTracing(p trace.TracerProvider) *tracing {
	if p == nil {
		return &tracing{}
	}
	return &tracing{tracer: p.Tracer("storefront/router/execute/transport")}
}

// start begins an attempt's span and returns the headers for it. given are the request's own: an event's
// traceparent in them takes the place of the span that ctx carries.
func (t *tracing) start(ctx context.Context, subgraph, address string, given http.Header) (trace.Span, http.Header) {
	if given["Traceparent"] != nil {
		ctx = t.wire.Extract(trace.ContextWithSpanContext(ctx, trace.SpanContext{}), propagation.HeaderCarrier(given))
	}
	parent := trace.SpanContextFromContext(ctx)
	var span trace.Span
	if t.tracer != nil && (!parent.IsValid() || parent.IsSampled()) { // what is not sampled has no children
		ctx, span = t.tracer.Start(ctx, "POST "+subgraph, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("http.request.method", http.MethodPost), attribute.String("server.address", address),
			attribute.String("graphql.subgraph", subgraph)))
	} else if !parent.IsValid() {
		return nil, nil
	}
	h := make(http.Header, 2)
	t.wire.Inject(ctx, propagation.HeaderCarrier(h))
	return span, h
}

func finish(span trace.Span, status int, o Outcome) {
	if span == nil {
		return
	}
	if status > 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	if o != Answered {
		span.SetStatus(codes.Error, string(o))
	}
	span.End()
}
