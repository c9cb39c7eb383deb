// Package outbox is how an event leaves a service: it is written into its aggregate's own document by
// the same update that changes the aggregate, and a relay publishes it from there.
//
// This package holds the record, and the interface a store gives to the relay. It knows neither the
// database nor Kafka. Stores are made by internal/mongodb, the relay is in consumers.
package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"storefront/internal/eventmeta"
	"storefront/internal/id"
)

// Event is what events.Event is: the contract's types satisfy it.
type Event interface {
	EventTopic() string
	EventType() string
	EventKey() string
}

// Record is one event waiting in its aggregate's document.
type Record struct {
	ID          string    `bson:"id"`
	Topic       string    `bson:"topic"`
	Type        string    `bson:"type"`
	Key         string    `bson:"key"`
	Source      string    `bson:"source"` // CloudEvents source, such as /storefront/orders
	Time        time.Time `bson:"time"`
	Traceparent string    `bson:"traceparent,omitempty"`
	Cause       string    `bson:"cause,omitempty"` // id of the event whose handling made this one; empty for a client's request
	Data        []byte    `bson:"data"`            // JSON
}

// NewRecord makes a record of e, with a fresh id, and the trace and the cause that ctx carries.
func NewRecord(ctx context.Context, source string, now time.Time, e Event) (Record, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return Record{}, fmt.Errorf("encode %s: %w", e.EventType(), err)
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	meta, _ := eventmeta.From(ctx)
	return Record{
		Cause: meta.EventID,
		ID:    id.New("evt"), Topic: e.EventTopic(), Type: e.EventType(), Key: e.EventKey(),
		Source: source, Time: now.UTC().Truncate(time.Millisecond),
		Traceparent: carrier.Get("traceparent"), Data: data,
	}, nil
}

// Store is one collection's outbox as the relay sees it. All methods are safe to repeat.
type Store interface {
	// Name says which collection this is, for logs and metrics: "orders.orders".
	Name() string
	// Pending returns ids of documents whose oldest entry was written before t, oldest first, at most limit.
	Pending(ctx context.Context, before time.Time, limit int) ([]string, error)
	// Depth says how many documents have entries, counted up to limit, and when the oldest entry was
	// written; the zero time when there is none.
	Depth(ctx context.Context, limit int) (documents int, oldest time.Time, err error)
	// Load returns the entries of documents, by id, each document's in the order they were written.
	// A document that is not marked as having some, or is gone, is absent; one that is marked and has none
	// is there, for Remove to take the mark away.
	Load(ctx context.Context, docIDs []string) (map[string][]Record, error)
	// Remove takes entries out of documents, by document id, and the mark of those that have none then.
	Remove(ctx context.Context, recordIDs map[string][]string) error
	// Written yields the id of each document this process has written entries to. It may drop some
	// under load: Pending finds those.
	Written() <-chan string
}
