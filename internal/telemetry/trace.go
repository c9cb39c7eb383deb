package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// StartTraces passes W3C trace context on, and exports spans by OTLP when the standard environment
// variables name an endpoint (OTEL_EXPORTER_OTLP_ENDPOINT or ..._TRACES_ENDPOINT). stop flushes.
func StartTraces(ctx context.Context, service string) (stop func(context.Context) error, err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	if !exporting() {
		provider := trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())) // ids without spans
		otel.SetTracerProvider(provider)
		return provider.Shutdown, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the trace exporter: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(scrubbing{exporter}),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}

func exporting() bool {
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// ClientTracer makes spans of requests to others; nil where none are exported.
func ClientTracer() oteltrace.TracerProvider {
	if !exporting() {
		return nil
	}
	return otel.GetTracerProvider()
}

// Handler gives each request to path a span, where spans are exported. Where they are not, it only passes
// the client's trace context on, at the cost of looking for it.
func Handler(next http.Handler, name, path string) http.Handler {
	if exporting() {
		return otelhttp.NewHandler(next, name, otelhttp.WithFilter(func(r *http.Request) bool { return r.URL.Path == path }))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Traceparent") != "" {
			r = r.WithContext(otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header)))
		}
		next.ServeHTTP(w, r)
	})
}
