package live

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/live"
)

// topic is the one reader of a topic, its window and its subscribers.
type topic struct {
	feed *Feed
	name string

	opening chan struct{} // holds one token: whoever has it may open the reader
	running sync.WaitGroup

	mu     sync.Mutex
	reader *kafka.Reader // nil: not reading
	closed bool
	next   position // what the reader will read next
	window window
	index  index
	slow   int64
}

func newTopic(f *Feed, name string) *topic {
	t := &topic{feed: f, name: name, opening: make(chan struct{}, 1), index: newIndex()}
	t.opening <- struct{}{}
	return t
}

// ready opens the reader when there is none. When it returns, every event that is acknowledged from
// now on will be read.
func (t *topic) ready(ctx context.Context) error {
	select {
	case <-t.opening:
		defer func() { t.opening <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	t.mu.Lock()
	reading, closed := t.reader != nil, t.closed
	t.mu.Unlock()
	if closed {
		return live.ErrClosed
	}
	if reading {
		return nil
	}
	r, err := t.feed.Kafka.OpenReader(ctx, t.name, kafka.Start{})
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "Live updates are not available at the moment; try again soon")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reader = r
	t.next = make(position)
	for p, offset := range r.Started() {
		t.next[p] = offset
	}
	t.window = newWindow(t.feed.Window, r.Started())
	t.running.Go(func() { t.read(r) })
	return nil
}

// read hands out events until the reader ends. It ends by itself only when it cannot go on without a
// gap; then every stream ends, and the next subscriber opens a new reader.
func (t *topic) read(r *kafka.Reader) {
	for record := range r.Records() {
		t.dispatch(record)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reader == r {
		t.reader = nil
	}
	if t.closed {
		return
	}
	if err := r.Err(); err != nil {
		t.feed.Logger.Error("live reader lost its place; its subscribers are cut off", "topic", t.name, "error", err)
	}
	_ = r.Close() // it has ended; what is left is its connection
	for s := range t.index.streams {
		t.index.remove(s)
		s.end(live.ErrGap)
	}
}

// dispatch gives one record to the subscribers it matches.
func (t *topic) dispatch(record *kafka.Record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &entry{record: record}
	t.next[record.Partition] = record.Offset + 1
	t.window.add(e)
	t.index.matching(e, func(s *stream) {
		if s.before(record) {
			return
		}
		if e.event.Cursor == "" {
			e.event.Cursor = encodeCursor(t.name, t.next)
		}
		t.push(s, e.event)
	})
	if e.err != nil {
		t.feed.Logger.Warn("event is not a JSON object; subscribers do not get it", "topic", t.name,
			"partition", record.Partition, "offset", record.Offset, "error", e.err)
	}
}

func (t *topic) push(s *stream, e *live.Event) {
	if s.push(e) {
		return
	}
	t.slow++
	t.index.remove(s)
	s.end(live.ErrSlow)
}

// add puts a stream into the index, and what the window has after a position into its queue.
func (t *topic) add(s *stream, after position) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return live.ErrClosed
	}
	if t.reader == nil {
		return errs.Wrap(errs.Unavailable, live.ErrGap, "Live updates are not available at the moment; try again soon")
	}
	if after != nil {
		if err := t.resume(s, after); err != nil {
			return err
		}
	}
	t.index.add(s)
	return nil
}

func (t *topic) resume(s *stream, after position) error {
	for p := range t.next {
		offset, known := after[p]
		if !known {
			return errs.Wrap(errs.BadInput, live.ErrCursorInvalid, "The cursor is not one of this subscription")
		}
		if offset < t.window.from[p] {
			return errs.Wrap(errs.Conflict, live.ErrCursorTooOld, "The cursor is too old: read the state anew and subscribe without it")
		}
	}
	s.after = after
	at := make(position)
	for p, offset := range t.window.from {
		at[p] = offset
	}
	var missed []*live.Event
	t.window.each(func(e *entry) {
		at[e.record.Partition] = e.record.Offset + 1
		if s.before(e.record) || !s.matches(e) {
			return
		}
		if e.event.Cursor == "" {
			e.event.Cursor = encodeCursor(t.name, at)
		}
		missed = append(missed, e.event)
	})
	s.limit += len(missed) // what was missed is not the subscriber's slowness
	for _, e := range missed {
		s.push(e)
	}
	return nil
}

func (t *topic) remove(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.index.remove(s)
}

func (t *topic) stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{Topic: t.name, Subscribers: len(t.index.streams), Window: len(t.window.entries), Slow: t.slow}
	if t.reader != nil {
		for p, mark := range t.reader.HighWaterMarks() {
			s.Behind += max(mark-t.next[p], 0)
		}
	}
	return s
}

func (t *topic) close() error {
	<-t.opening // no reader is being opened, and none will be
	t.mu.Lock()
	t.closed = true
	reader := t.reader
	t.reader = nil
	for s := range t.index.streams {
		t.index.remove(s)
		s.end(live.ErrClosed)
	}
	t.mu.Unlock()
	t.opening <- struct{}{} // those who wait find it closed
	var err error
	if reader != nil {
		err = reader.Close()
	}
	t.running.Wait()
	if err != nil {
		return fmt.Errorf("close live feed of %s: %w", t.name, err)
	}
	return nil
}

// entry is a record and, once somebody wanted it, the event in it.
type entry struct {
	record *kafka.Record
	event  *live.Event
	err    error // it cannot be decoded
}

var errNotObject = errors.New("value is not a JSON object")

// typ is the event's wire name.
func (e *entry) typ() string { return e.record.Header(events.HeaderType) }
