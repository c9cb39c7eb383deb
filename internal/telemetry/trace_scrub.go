package telemetry

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
)

// scrubbing is an exporter of spans without what says who a person is or may do: attributes that do are left
// out, and of all others, events (such as an error's text) and the status each text is scrubbed as in logs.
type scrubbing struct{ trace.SpanExporter }

// private attributes are of the client's connection, or whatever a client likes to send.
var private = []attribute.Key{"client.address", "network.peer.address", "network.peer.port", "user_agent.original"}

func (s scrubbing) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	clean := make([]trace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		clean[i] = scrubbed{span}
	}
	return s.SpanExporter.ExportSpans(ctx, clean)
}

// scrubbed is a span as it may be sent.
type scrubbed struct{ trace.ReadOnlySpan }

func (s scrubbed) Attributes() []attribute.KeyValue {
	return scrubAttributes(s.ReadOnlySpan.Attributes())
}

func (s scrubbed) Events() []trace.Event {
	events := slices.Clone(s.ReadOnlySpan.Events())
	for i := range events {
		events[i].Attributes = scrubAttributes(events[i].Attributes)
	}
	return events
}

func (s scrubbed) Status() trace.Status {
	status := s.ReadOnlySpan.Status()
	status.Description = Scrub(status.Description)
	return status
}

func scrubAttributes(given []attribute.KeyValue) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(given))
	for _, a := range given {
		if slices.Contains(private, a.Key) {
			continue
		}
		if a.Value.Type() == attribute.STRING {
			a.Value = attribute.StringValue(Scrub(a.Value.AsString()))
		}
		out = append(out, a)
	}
	return out
}
