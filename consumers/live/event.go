package live

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/live"
)

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
		Type: e.typ(), ID: r.Header(events.HeaderID), Key: r.Key, Time: at.UTC(),
		Data: data, Traceparent: r.Header(events.HeaderTraceparent),
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

// position is the offset of the next record, by partition. A cursor is a whole position: every
// process merges the partitions in an order of its own, and one partition's offset would not say what
// a subscriber has had of the others.
type position map[int32]int64

// encodeCursor writes "v1 topic 0:17 1:4", partitions ascending, in base64 for URLs.
func encodeCursor(topic string, p position) string {
	partitions := make([]int32, 0, len(p))
	for i := range p {
		partitions = append(partitions, i)
	}
	slices.Sort(partitions)
	text := make([]byte, 0, 16+len(topic)+12*len(p))
	text = append(text, "v1 "...)
	text = append(text, topic...)
	for _, i := range partitions {
		text = append(text, ' ')
		text = strconv.AppendInt(text, int64(i), 10)
		text = append(text, ':')
		text = strconv.AppendInt(text, p[i], 10)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(topic, cursor string) (position, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, live.ErrCursorInvalid
	}
	fields := strings.Fields(string(text))
	if len(fields) < 3 || fields[0] != "v1" || fields[1] != topic {
		return nil, live.ErrCursorInvalid
	}
	p := make(position, len(fields)-2)
	for _, f := range fields[2:] {
		partition, offset, _ := strings.Cut(f, ":")
		i, err1 := strconv.ParseInt(partition, 10, 32)
		o, err2 := strconv.ParseInt(offset, 10, 64)
		if err1 != nil || err2 != nil || i < 0 || o < 0 {
			return nil, live.ErrCursorInvalid
		}
		p[int32(i)] = o
	}
	return p, nil
}

// window is the most recent entries, in the order they were read.
type window struct {
	entries []*entry // a ring: the oldest is at start once it is full
	start   int
	limit   int
	from    position // everything from here on is in the window
}

func newWindow(limit int, started map[int32]int64) window {
	w := window{limit: limit, from: make(position, len(started))}
	for p, offset := range started {
		w.from[p] = offset
	}
	return w
}

func (w *window) add(e *entry) {
	if len(w.entries) < w.limit {
		w.entries = append(w.entries, e)
		return
	}
	old := w.entries[w.start].record
	w.from[old.Partition] = old.Offset + 1
	w.entries[w.start] = e
	w.start = (w.start + 1) % w.limit
}

func (w *window) each(f func(*entry)) {
	for i := range w.entries {
		f(w.entries[(w.start+i)%len(w.entries)])
	}
}
