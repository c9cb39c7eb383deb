package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/events"
	"storefront/internal/kafka"
	"storefront/subgraphs/products/search"
)

// searchFeed is what the search index is told of, by topic and wire name.
type searchFeed map[string]map[string]func([]byte) error

// restWait is how long an index that has all products waits for stock and ratings before it answers. Their
// topics keep all that ever happened, so that reading them may take long; product-events is compacted.
const restWait = 15 * time.Second

// FeedSearchIndex reads product-, review- and inventory-events from their beginning, without a group
// since each process has an index of its own, says when it has caught up with what was there at the
// start, and follows them until ctx ends. It also writes the index, so it is all that a process runs.
func FeedSearchIndex(ctx context.Context, cfg kafka.Config, x *search.Index, log *slog.Logger) error {
	return feedSearchIndex(ctx, cfg, x, log, restWait)
}

func feedSearchIndex(ctx context.Context, cfg kafka.Config, x *search.Index, log *slog.Logger, restWait time.Duration) error {
	feed := searchFeedOf(x)
	g, ctx := errgroup.WithContext(ctx)
	caughtUp := make(chan string, len(feed))
	for topic, types := range feed {
		g.Go(func() error { return follow(ctx, cfg, topic, types, log, func() { caughtUp <- topic }) })
	}
	g.Go(func() error { return announce(ctx, x, log, feed.topics(), caughtUp, restWait) })
	g.Go(func() error { return x.Run(ctx) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("feed the search index: %w", err)
	}
	return nil
}

// announce tells x when it has all products, and restWait later at the latest that it may answer; and when
// it has the rest as well.
func announce(ctx context.Context, x *search.Index, log *slog.Logger, topics []string, caughtUp <-chan string, restWait time.Duration) error {
	var late <-chan time.Time
	for len(topics) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case topic := <-caughtUp:
			topics = slices.DeleteFunc(topics, func(t string) bool { return t == topic })
			if topic == events.ProductTopic {
				late = time.After(restWait)
			}
		case <-late:
			if err := x.HasProducts(); err != nil {
				return err
			}
			log.InfoContext(ctx, "search index is ready, except for filters by stock and rating", "reads", topics)
		}
	}
	if err := x.CaughtUp(); err != nil {
		return err
	}
	log.InfoContext(ctx, "search index is ready")
	return nil
}

// searchFeedOf is all that x is told of.
func searchFeedOf(x *search.Index) searchFeed {
	feed := searchFeed{}
	feedOn(feed, x.Put)
	feedOn(feed, x.Rate)
	feedOn(feed, x.Stock)
	return feed
}

// topics lists what has to be read, sorted.
func (f searchFeed) topics() []string { return slices.Sorted(maps.Keys(f)) }

func feedOn[E events.Event](feed searchFeed, put func(E)) {
	var zero E
	if feed[zero.EventTopic()] == nil {
		feed[zero.EventTopic()] = map[string]func([]byte) error{}
	}
	feed[zero.EventTopic()][zero.EventType()] = func(data []byte) error {
		e, err := events.Decode(zero.EventType(), data)
		if err != nil {
			return err
		}
		typed, ok := e.(E)
		if !ok {
			return fmt.Errorf("event is a %T, not a %T", e, zero)
		}
		put(typed)
		return nil
	}
}

// reopenAfter is how long the feed waits for a broker that is away at the start.
const reopenAfter = time.Second

// follow reads one topic from its beginning; caughtUp is called once, when what was in the topic at
// the start has been read. A position that is gone, as after a topic was made anew, begins again: the
// index passes over what it knows.
func follow(ctx context.Context, cfg kafka.Config, topic string, types map[string]func([]byte) error, log *slog.Logger, caughtUp func()) error {
	for {
		r, err := cfg.OpenReader(ctx, topic, kafka.Start{Oldest: true})
		if err != nil {
			if ctx.Err() == nil {
				log.WarnContext(ctx, "search index cannot read a topic; it is tried again", "topic", topic, "error", err)
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(reopenAfter):
				continue
			}
		}
		err = drain(ctx, r, types, log, &caughtUp)
		err = errors.Join(err, r.Close())
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, kafka.ErrOffsetGone):
			log.WarnContext(ctx, "search index reads a topic again from its beginning", "topic", topic)
		default:
			return err
		}
	}
}

// drain hands records on until the reader or ctx ends.
func drain(ctx context.Context, r *kafka.Reader, types map[string]func([]byte) error, log *slog.Logger, caughtUp *func()) error {
	started := r.Started()
	behind := map[int32]int64{} // partitions that still have to reach their end of now
	for partition, end := range r.HighWaterMarks() {
		if started[partition] < end {
			behind[partition] = end
		}
	}
	for {
		if len(behind) == 0 && *caughtUp != nil {
			(*caughtUp)()
			*caughtUp = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case record, ok := <-r.Records():
			if !ok {
				return r.Err()
			}
			if put := types[record.Header(events.HeaderType)]; put != nil {
				if err := put(record.Value); err != nil { // one record that cannot be read hides one change
					log.WarnContext(ctx, "search index passed over a record", "topic", record.Topic,
						"partition", record.Partition, "offset", record.Offset, "error", err)
				}
			}
			if end, ok := behind[record.Partition]; ok && record.Offset+1 >= end {
				delete(behind, record.Partition)
			}
		}
	}
}
