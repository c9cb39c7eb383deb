package transport_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"storefront/router/execute/transport"
)

// counts is an observer that remembers.
type counts struct {
	transport.NopObserver
	shared, refused, inFlight atomic.Int64

	mu     sync.Mutex
	events []string
}

func (c *counts) Shared(string)                       { c.shared.Add(1) }
func (c *counts) InFlight(_, _ string, delta int)     { c.inFlight.Add(int64(delta)) }
func (c *counts) Retry(s string, o transport.Outcome) { c.add("retry", s, string(o)) }
func (c *counts) Refused(s, reason string)            { c.refused.Add(1); c.add("refused", s, reason) }
func (c *counts) BreakerState(s string, state transport.State) {
	c.add("breaker", s, string(state))
}
func (c *counts) AddressOut(s, a string, out bool) {
	c.add("address", s, a, map[bool]string{true: "out", false: "in"}[out])
}
func (c *counts) Attempt(s, a string, o transport.Outcome, took time.Duration) {
	if took <= 0 {
		c.add("took no time")
	}
	c.add("attempt", s, a, string(o))
}

func (c *counts) add(words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, strings.Join(words, " "))
}

// TestObserver: what happens is told, by the names of the configuration.
func TestObserver(t *testing.T) {
	var fails atomic.Bool
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if fails.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(ok))
	})
	seen := &counts{}
	world := newWorld()
	opts := world.options()
	opts.Observer = seen
	tr := reach(t, opts, func(s *transport.Subgraph) {
		s.Retry.Attempts = 1
		s.Breaker = transport.Breaker{Failures: 0.5, MinRequests: 3, Window: time.Minute, Pause: time.Second}
		s.Addresses.Failures = 1
	}, s.URL+"/graphql?key=secret", s.URL+"/other")
	do := func() { _, _ = tr.Do(t.Context(), query()) }
	do()
	fails.Store(true)
	do()
	do()
	fails.Store(false)
	world.pass(2 * time.Minute)
	do()
	do()
	do()
	want := []string{
		"attempt s URL answered",
		"attempt s URL unavailable", "address s URL out", "retry s unavailable",
		"attempt s URL unavailable", "address s URL out", "breaker s open",
		"refused s breaker",
		"breaker s half_open", "attempt s URL answered", "address s URL in", "breaker s closed",
		"attempt s URL answered", "address s URL in",
		"attempt s URL answered",
	}
	for i := range seen.events {
		seen.events[i] = strings.ReplaceAll(seen.events[i], s.URL, "URL")
	}
	if !slices.Equal(seen.events, want) || seen.inFlight.Load() != 0 {
		t.Errorf("%d in flight, events\n%s\nwant\n%s", seen.inFlight.Load(), strings.Join(seen.events, "\n"), strings.Join(want, "\n"))
	}
}

// TestTrace: each attempt is a span, and the subgraph is told of it; what is not sampled passes through.
func TestTrace(t *testing.T) {
	var got, state atomic.Value
	var fails atomic.Int32
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(strings.Join(r.Header.Values("Traceparent"), ","))
		state.Store(r.Header.Get("Tracestate"))
		if fails.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(ok))
	})
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	opts := newWorld().options()
	opts.Tracer = provider
	tr := reach(t, opts, nil, s.URL)
	do := func(parent oteltrace.SpanContext, given string) []trace.ReadOnlySpan {
		r := query()
		if given != "" {
			r.Header.Set("Traceparent", given)
		}
		before := len(spans.Ended())
		if _, err := tr.Do(oteltrace.ContextWithSpanContext(t.Context(), parent), r); err != nil {
			t.Fatal(err)
		}
		return spans.Ended()[before:]
	}
	tracestate, err := oteltrace.ParseTraceState("a=b")
	if err != nil {
		t.Fatal(err)
	}
	parent := oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}, TraceFlags: oteltrace.FlagsSampled, TraceState: tracestate}

	fails.Store(1)
	ended := do(oteltrace.NewSpanContext(parent), "")
	if len(ended) != 2 || ended[0].Status().Description != "unavailable" || ended[1].Parent().SpanID() != parent.SpanID || ended[1].SpanKind() != oteltrace.SpanKindClient {
		t.Fatalf("spans %v", ended)
	}
	if want := "00-" + parent.TraceID.String() + "-" + ended[1].SpanContext().SpanID().String() + "-01"; got.Load() != want || state.Load() != "a=b" {
		t.Errorf("the subgraph got %s and %s, want %s", got.Load(), state.Load(), want)
	}
	event := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if ended = do(oteltrace.NewSpanContext(parent), event); len(ended) != 1 || ended[0].Parent().SpanID().String() != "b7ad6b7169203331" || !strings.HasPrefix(got.Load().(string), event[:35]) || got.Load() == event {
		t.Errorf("an event's trace: %v, the subgraph got %s", ended, got.Load())
	}
	parent.TraceFlags = 0
	if ended = do(oteltrace.NewSpanContext(parent), ""); len(ended) != 0 || got.Load() != "00-"+parent.TraceID.String()+"-"+parent.SpanID.String()+"-00" {
		t.Errorf("not sampled: %d spans, the subgraph got %s", len(ended), got.Load())
	}
	if ended = do(oteltrace.SpanContext{}, ""); len(ended) != 1 || !ended[0].SpanContext().IsSampled() || got.Load() == "" {
		t.Errorf("no trace before: %d spans, the subgraph got %s", len(ended), got.Load())
	}
}
