// Package live is what the router's gateway and the live feed agree on: a source of events that a
// subscription field is fed from.
//
// Plain types only. The gateway consumes a Source, consumers/live implements it over Kafka; neither
// knows the other. Subscribe is the way in.
package live

import (
	"context"
	"errors"
	"time"
)

// Source gives the events of a topic that a filter lets through.
type Source interface {
	// Subscribe returns once the position is established: an event that is acknowledged by the broker
	// after Subscribe returns is delivered, unless the filter excludes it. The stream ends when ctx
	// ends, on Close, or with an error when it cannot go on without a gap.
	Subscribe(ctx context.Context, topic string, filter Filter) (Stream, error)
}

// Filter says which events a subscriber wants. What is set must all hold; an empty filter is every
// event of the topic.
type Filter struct {
	Key       string   // the record's key
	Attribute string   // a top-level field of the event's JSON ...
	Value     string   // ... and the value it must have, as text
	Types     []string // wire names of events; empty: all
}

// Stream is one subscriber's events, in order per key.
type Stream interface {
	// Events is closed when the stream ends.
	Events() <-chan Event
	// Err says why the stream ended, once Events is closed: nil after Close or when the context ended.
	Err() error
	// Close ends the stream and frees what it holds. It may be called more than once.
	Close()
}

// Event is one record. Data is shared by all subscribers of the event: read it, never change it.
type Event struct {
	Type        string // wire name, CloudEvents type
	ID          string // CloudEvents id, the same for each copy of an event published twice
	Key         string // aggregate id
	Time        time.Time
	Data        map[string]any // decoded JSON; numbers are json.Number
	Cursor      string         // opaque; names the topic, partition and offset
	Traceparent string         // W3C trace context; empty when there is none
}

// Why a stream ends by itself, or is not begun.
var (
	ErrSlow          = errors.New("subscriber is too slow: its queue is full")
	ErrGap           = errors.New("events were lost: the topic does not have the next ones any more")
	ErrClosed        = errors.New("live feed is closed")
	ErrCursorInvalid = errors.New("cursor is not one of this topic")
	ErrCursorTooOld  = errors.New("cursor is too old: events after it are not at hand any more")
)
