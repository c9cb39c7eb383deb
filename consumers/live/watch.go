package live

import (
	"slices"

	"storefront/internal/live"
)

// watch is one sink's part of a topic. All but what never changes is guarded by the topic's lock.
type watch struct {
	topic   *topic
	filters []live.Filter
	sink    live.Sink

	partitions []int32       // that it needs, ascending
	after      live.Position // what lies before it is not for this watch
	last       *entry        // that it was offered, so that two filters give it once
	ended      bool
}

// Position implements live.Watch.
func (w *watch) Position() live.Position {
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	if w.ended {
		return w.after
	}
	return w.topic.position(w.partitions)
}

// Close implements live.Watch.
func (w *watch) Close() {
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	if w.ended {
		return
	}
	w.after, w.ended = w.topic.position(w.partitions), true
	w.topic.index.remove(w)
	w.topic.leave(w.partitions)
}

// offer gives an entry to the sink when a filter lets it through and it has not been given before.
func (w *watch) offer(e *entry) {
	if w.last == e || !w.wants(e) {
		return
	}
	w.last = e
	if next, ok := w.after.Of(e.record.Partition); ok && e.record.Offset < next {
		return
	}
	w.sink.Event(e.event)
}

// wants says whether one of the filters lets an entry through, which is decoded then.
func (w *watch) wants(e *entry) bool {
	return slices.ContainsFunc(w.filters, func(f live.Filter) bool { return matches(f, e) })
}

// matches decides whether a filter lets an entry through, decoding it only when all else holds.
func matches(f live.Filter, e *entry) bool {
	if f.Key != "" && f.Key != e.record.Key {
		return false
	}
	if len(f.Types) > 0 && !slices.Contains(f.Types, e.typ()) {
		return false
	}
	event, ok := e.decode()
	if !ok {
		return false
	}
	if f.Attribute == "" {
		return true
	}
	value, ok := attribute(event.Data, f.Attribute)
	return ok && value == f.Value
}
