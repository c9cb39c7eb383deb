// Package live is what the router's gateway and the live feed agree on: a source of events that a
// subscription field is fed from.
//
// Plain types only. The gateway consumes a Source, consumers/live implements it over Kafka; neither
// knows the other. Watch is the way in; Subscribe is the same for those who would rather read a channel.
package live

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Source gives the events of a topic that a filter lets through.
type Source interface {
	// Watch gives sink every event that one of the filters lets through, from the position after on; the
	// zero Position is now: an event that the broker acknowledges after Watch returns is delivered. What
	// lies between after and now is delivered before Watch returns. ctx is for the beginning only: the
	// watch ends by Close, or by itself with an error when it cannot go on without a gap.
	//
	// It fails with ErrPositionInvalid, and with ErrTooOld when events after the position are not at
	// hand any more.
	Watch(ctx context.Context, topic string, filters []Filter, after Position, sink Sink) (Watch, error)
	// Subscribe is a watch from now on that is read from a channel. It ends when ctx ends, on Close, or
	// with an error.
	Subscribe(ctx context.Context, topic string, filter Filter) (Stream, error)
}

// Sink takes the events of one watch. Its methods are called one at a time, in order, by the goroutine
// that reads the topic: they must not block, and must not call the Watch.
type Sink interface {
	// Event takes an event, which all watches share: read it, never change it.
	Event(e *Event)
	// Ended is the last call, unless the watch is closed before: no more events will come.
	Ended(err error)
}

// Watch is one sink's part of a topic.
type Watch interface {
	// Position is where the watch is: every event before it has been given to the sink, if a filter let it
	// through, and none after it.
	Position() Position
	// Close ends the watch and frees what it holds. When it returns the sink is not called any more. It
	// may be called more than once.
	Close()
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
	ID          string // CloudEvents id
	Key         string // aggregate id
	Time        time.Time
	Data        map[string]any // decoded JSON; numbers are json.Number
	Traceparent string         // W3C trace context; empty when there is none

	Partition int32
	Offset    int64
	// At is the position behind this event in all partitions that are read, where a watch of more than
	// one partition has got it; such a watch goes on from here. One of a single partition goes on at Offset + 1.
	At Position
}

// Position is the offset of the next record, by partition, in the order of partitions. Partitions that a
// watch does not need are absent.
type Position []Offset

// Offset is the next record of one partition.
type Offset struct {
	Partition int32
	Next      int64
}

// Of returns the next offset of a partition; false when p does not say.
func (p Position) Of(partition int32) (int64, bool) {
	for _, o := range p {
		if o.Partition == partition {
			return o.Next, true
		}
	}
	return 0, false
}

// Before says that an event lies before the position.
func (p Position) Before(e *Event) bool {
	next, ok := p.Of(e.Partition)
	return ok && e.Offset < next
}

// String is the position as ParsePosition reads it: "0:17 3:4".
func (p Position) String() string {
	b := make([]byte, 0, 12*len(p))
	for i, o := range p {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendInt(b, int64(o.Partition), 10)
		b = append(b, ':')
		b = strconv.AppendInt(b, o.Next, 10)
	}
	return string(b)
}

// ParsePosition reads what String writes. The empty text is no position; it fails with ErrPositionInvalid.
func ParsePosition(text string) (Position, error) {
	var p Position
	for field := range strings.SplitSeq(text, " ") {
		partition, offset, _ := strings.Cut(field, ":")
		i, err1 := strconv.ParseInt(partition, 10, 32)
		next, err2 := strconv.ParseInt(offset, 10, 64)
		if err1 != nil || err2 != nil || i < 0 || next < 0 {
			return nil, ErrPositionInvalid
		}
		p = append(p, Offset{int32(i), next})
	}
	ordered := func(a, b Offset) int { return int(a.Partition) - int(b.Partition) }
	if !slices.IsSortedFunc(p, ordered) || len(slices.CompactFunc(slices.Clone(p), func(a, b Offset) bool { return a.Partition == b.Partition })) < len(p) {
		return nil, ErrPositionInvalid
	}
	return p, nil
}

// Why a watch or a stream ends by itself, or is not begun.
var (
	ErrSlow            = errors.New("subscriber is too slow: its queue is full")
	ErrGap             = errors.New("events were lost: the topic does not have the next ones any more")
	ErrClosed          = errors.New("live feed is closed")
	ErrPositionInvalid = errors.New("position is not one of this topic")
	ErrTooOld          = errors.New("position is too old: events after it are not at hand any more")
)
