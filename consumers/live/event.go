package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"storefront/events"
	"storefront/internal/kafka"
	"storefront/internal/live"
)

// entry is a record and, once somebody wanted it, the event in it.
type entry struct {
	record   *kafka.Record
	repeated bool // the same event has been read before
	event    *live.Event
	err      error // it cannot be decoded
}

var errNotObject = errors.New("value is not a JSON object")

// typ is the event's wire name.
func (e *entry) typ() string { return e.record.Header(events.HeaderType) }

func (e *entry) id() string { return e.record.Header(events.HeaderID) }

// size is what an entry holds in memory, about: the record and the event decoded.
func (e *entry) size() int { return 4*len(e.record.Value) + len(e.record.Key) + 1024 }

// decode makes the event of an entry, once.
func (e *entry) decode() (*live.Event, bool) {
	if e.event != nil || e.err != nil {
		return e.event, e.err == nil
	}
	r := e.record
	var data map[string]any
	d := json.NewDecoder(bytes.NewReader(r.Value))
	d.UseNumber() // amounts are int64, which a float64 does not hold
	if err := d.Decode(&data); err != nil || data == nil {
		e.err = fmt.Errorf("%w: %v", errNotObject, err)
		return nil, false
	}
	at, err := time.Parse(time.RFC3339Nano, r.Header(events.HeaderTime))
	if err != nil {
		at = r.Time // when the record was written
	}
	e.event = &live.Event{
		Type: e.typ(), ID: e.id(), Key: r.Key, Time: at.UTC(), Data: data,
		Traceparent: r.Header(events.HeaderTraceparent), Partition: r.Partition, Offset: r.Offset,
	}
	return e.event, true
}

// attribute is a top-level field as text: a string without quotes, a number or a boolean as in JSON.
func attribute(data map[string]any, name string) (string, bool) {
	switch v := data[name].(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
