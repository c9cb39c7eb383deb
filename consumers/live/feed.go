// Package live feeds subscriptions from Kafka: it implements the router's live.Source.
//
// There is one reader of a topic per process, without a consumer group, whatever the number of those who
// watch; it reads the partitions that someone is interested in, and stops a while after the last has left.
// What it reads goes to the watches whose filters match, found by index, so that cost follows those. It keeps
// a window of recent events, from which a watch that comes back with a position goes on; what is older is
// read again from Kafka. An event that was published twice is given once. It decides nothing about who may
// see an event. Enter at New.
package live

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"storefront/internal/kafka"
	"storefront/internal/live"
)

// Config says where events come from and how much is kept. Kafka is needed.
type Config struct {
	Kafka       kafka.Config
	Logger      *slog.Logger
	Window      int           // recent events kept per topic; 0: 10,000
	WindowBytes int           // and how large they may be together; 0: 64 MiB
	Replay      int           // events that are read again for one that comes back, at most; 0: 100,000
	Replays     int           // how many may read again at once; 0: 4
	Linger      time.Duration // how long a partition is read after the last watch has left; 0: 30 s
	Queue       int           // events that a stream may be behind before it ends; 0: 256
}

// Feed is a live.Source over Kafka.
type Feed struct {
	Config
	replays chan struct{} // a token for each who may read again
	mu      sync.Mutex
	topics  map[string]*topic
	closed  bool
}

var _ live.Source = (*Feed)(nil)

// New returns a feed that reads nothing yet.
func New(c Config) *Feed {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	orDefault(&c.Window, 10_000)
	orDefault(&c.WindowBytes, 64<<20)
	orDefault(&c.Replay, 100_000)
	orDefault(&c.Replays, 4)
	orDefault(&c.Linger, 30*time.Second)
	orDefault(&c.Queue, 256)
	return &Feed{Config: c, replays: make(chan struct{}, c.Replays), topics: make(map[string]*topic)}
}

func orDefault[T int | time.Duration](value *T, otherwise T) {
	if *value == 0 {
		*value = otherwise
	}
}

// Watch implements live.Source.
func (f *Feed) Watch(ctx context.Context, name string, filters []live.Filter, after live.Position, sink live.Sink) (live.Watch, error) {
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
	w := &watch{topic: t, filters: filters, sink: sink}
	if err := t.begin(ctx, w, after); err != nil {
		return nil, err
	}
	return w, nil
}

// Subscribe implements live.Source.
func (f *Feed) Subscribe(ctx context.Context, topic string, filter live.Filter) (live.Stream, error) {
	s := newStream(f.Queue)
	w, err := f.Watch(ctx, topic, []live.Filter{filter}, nil, s)
	if err != nil {
		return nil, err
	}
	s.bind(ctx, w)
	return s, nil
}

// Stats is one topic's figures, for metrics.
type Stats struct {
	Topic      string
	Watches    int
	Partitions int   // being read
	Window     int   // events in memory
	Events     int64 // read since the start
	Repeated   int64 // of these, published before
	Behind     int64 // events that brokers have and the reader has not, as of its last fetch
	Resumed    int64 // watches that came back with a position
	Replayed   int64 // events read again from Kafka for them
	TooOld     int64 // watches refused because their position was too old
}

// Stats gives the figures of all topics that were ever watched, by name.
func (f *Feed) Stats() []Stats {
	var stats []Stats
	for _, t := range f.all() {
		stats = append(stats, t.figures())
	}
	slices.SortFunc(stats, func(a, b Stats) int { return strings.Compare(a.Topic, b.Topic) })
	return stats
}

func (f *Feed) all() []*topic {
	f.mu.Lock()
	defer f.mu.Unlock()
	topics := make([]*topic, 0, len(f.topics))
	for _, t := range f.topics {
		topics = append(topics, t)
	}
	return topics
}

// Close ends all watches with live.ErrClosed, stops reading, and returns when nothing runs any more.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	var err error
	for _, t := range f.all() {
		if e := t.close(); e != nil && err == nil {
			err = e
		}
	}
	return err
}
