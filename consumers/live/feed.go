// Package live feeds subscriptions from Kafka: it implements the router's live.Source.
//
// One reader per topic and process, without a consumer group, begins with the first subscriber and
// sees every event; what it reads goes to the subscribers whose filter matches, found by index, so
// that cost follows those. It keeps a window of recent events, from which a subscriber that comes back
// with a cursor goes on. It decides nothing about who may see an event. Enter at New.
package live

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"storefront/internal/errs"
	"storefront/internal/kafka"
	"storefront/internal/live"
)

// Config says where events come from and how much is kept. Kafka is needed.
type Config struct {
	Kafka  kafka.Config
	Logger *slog.Logger
	Window int // recent events kept per topic; 0: 10,000
	Queue  int // events that a subscriber may be behind before its stream ends; 0: 256
}

// Feed is a live.Source over Kafka.
type Feed struct {
	Config
	mu     sync.Mutex
	topics map[string]*topic
	closed bool
}

var _ live.Source = (*Feed)(nil)

// New returns a feed that reads nothing yet.
func New(c Config) *Feed {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Window == 0 {
		c.Window = 10_000
	}
	if c.Queue == 0 {
		c.Queue = 256
	}
	return &Feed{Config: c, topics: make(map[string]*topic)}
}

// Subscribe gives the events of a topic that filter lets through, from now on.
func (f *Feed) Subscribe(ctx context.Context, topic string, filter live.Filter) (live.Stream, error) {
	return f.subscribe(ctx, topic, filter, nil)
}

// Resume gives the events after cursor, which came with an event of the same topic, on this or another
// process. It fails with live.ErrCursorInvalid, and with live.ErrCursorTooOld when the window does not
// reach back so far: then the subscriber has missed something and needs the state anew.
func (f *Feed) Resume(ctx context.Context, topic string, filter live.Filter, cursor string) (live.Stream, error) {
	after, err := decodeCursor(topic, cursor)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "The cursor is not one of this subscription")
	}
	return f.subscribe(ctx, topic, filter, after)
}

func (f *Feed) subscribe(ctx context.Context, name string, filter live.Filter, after position) (live.Stream, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, live.ErrClosed
	}
	t := f.topics[name]
	if t == nil {
		t = newTopic(f, name)
		f.topics[name] = t
	}
	f.mu.Unlock()
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	s := newStream(t, filter, f.Queue)
	if err := t.add(s, after); err != nil {
		return nil, err
	}
	s.bind(ctx)
	return s, nil
}

// Stats is one topic's figures, for metrics.
type Stats struct {
	Topic       string
	Subscribers int
	Window      int   // events in memory
	Behind      int64 // events that brokers have and the reader has not, as of its last fetch
	Slow        int64 // streams ended because their queue was full, since the start
}

// Stats gives the figures of all topics that are read, by name.
func (f *Feed) Stats() []Stats {
	f.mu.Lock()
	topics := make([]*topic, 0, len(f.topics))
	for _, t := range f.topics {
		topics = append(topics, t)
	}
	f.mu.Unlock()
	stats := make([]Stats, 0, len(topics))
	for _, t := range topics {
		stats = append(stats, t.stats())
	}
	slices.SortFunc(stats, func(a, b Stats) int { return strings.Compare(a.Topic, b.Topic) })
	return stats
}

// Close ends all streams with live.ErrClosed, stops reading, and returns when nothing runs any more.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.closed = true
	topics := make([]*topic, 0, len(f.topics))
	for _, t := range f.topics {
		topics = append(topics, t)
	}
	f.mu.Unlock()
	var err error
	for _, t := range topics {
		if e := t.close(); e != nil && err == nil {
			err = e
		}
	}
	return err
}
