// Package eventmeta carries what is known of the event being handled through a context.
//
// The runner in consumers puts it there; a service reads it, for example to remember an event's id
// with its effect, without importing consumers.
package eventmeta

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/propagation"
)

// Meta describes the record that an event came in.
type Meta struct {
	EventID     string    // CloudEvents id, the same each time the event is delivered
	EventType   string    // wire name
	Key         string    // aggregate id
	Time        time.Time // when it happened, UTC
	Topic       string
	Partition   int32
	Offset      int64
	Traceparent string // W3C trace context, empty when the event has none
	Attempt     int    // 1 for the first
}

type contextKey struct{}

// With returns a context that carries m.
func With(ctx context.Context, m Meta) context.Context {
	return context.WithValue(ctx, contextKey{}, m)
}

// From returns the event's metadata, and false outside a handler.
func From(ctx context.Context) (Meta, bool) {
	m, ok := ctx.Value(contextKey{}).(Meta)
	return m, ok
}

// Origin is what work that goes on later, such as a parcel's, remembers of the event that began it: its
// own events belong to the same trace, and name that event as their cause.
type Origin struct {
	Event       string `bson:"event,omitempty"`       // its id
	Traceparent string `bson:"traceparent,omitempty"` // W3C trace context
}

// OriginOf is the origin of what ctx begins.
func OriginOf(ctx context.Context) Origin {
	m, _ := From(ctx)
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return Origin{Event: m.EventID, Traceparent: carrier.Get("traceparent")}
}

// Context is ctx as it was when the event was handled, as far as traces and causes go.
func (o Origin) Context(ctx context.Context) context.Context {
	if o.Event != "" {
		ctx = With(ctx, Meta{EventID: o.Event, Traceparent: o.Traceparent})
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": o.Traceparent})
}
