package consumers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/internal/errs"
	"storefront/internal/kafka"
)

// How a replay reads: all partitions of all its topics, merged by the time of what happened, so that
// causes mostly come before what followed from them; then spread over lanes, one key always in the same.

const (
	replayLanes = 16
	// mergeWindow is how many records wait in memory for older ones of another partition. Beyond that they
	// are handled as they come: handlers do not depend on the order of topics.
	mergeWindow = 20_000
)

type place struct {
	topic     string
	partition int32
}

// begin finds where each partition is read from.
func (r *Replay) begin(ctx context.Context) (map[string]map[int32]int64, error) {
	position := map[string]map[int32]int64{}
	if r.Start != nil {
		for topic := range r.Start.Offsets {
			if topics := r.handlers.Topics(); !slices.Contains(topics, topic) {
				return nil, errs.New(errs.BadInput, "%s is not made of %s, but of %s", r.Model.Name, topic, strings.Join(topics, ", "))
			}
		}
	}
	for _, topic := range r.handlers.Topics() {
		there, err := r.Kafka.Admin().TopicOffsets(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", topic, err)
		}
		position[topic] = map[int32]int64{}
		if r.Start != nil {
			for p, offset := range r.Start.Offsets[topic] {
				if o, ok := there[p]; !ok || offset < o.Oldest || offset > o.Newest {
					return nil, errs.New(errs.BadInput, "%s/%d has no offset %d; it goes from %d to %d", topic, p, offset, o.Oldest, o.Newest)
				}
			}
			reader, err := r.Kafka.OpenReader(ctx, topic, kafka.Start{Since: r.Start.Since, Offsets: r.Start.Offsets[topic]})
			if err != nil {
				return nil, err
			}
			maps.Copy(position[topic], reader.Started())
			if err := reader.Close(); err != nil {
				return nil, err
			}
			continue
		}
		for p, o := range there {
			position[topic][p] = o.Oldest
		}
	}
	return position, nil
}

// ends tells where the partitions that have something new end now, and how many records that is.
func (r *Replay) ends(ctx context.Context) (ends map[place]int64, total int, err error) {
	ends = map[place]int64{}
	for topic, partitions := range r.position {
		there, err := r.Kafka.Admin().TopicOffsets(ctx, topic)
		if err != nil {
			return nil, 0, err
		}
		for p, o := range there {
			partitions[p] = max(partitions[p], o.Oldest) // compaction may have moved it
			if partitions[p] < o.Newest {
				ends[place{topic, p}] = o.Newest
				total += int(o.Newest - partitions[p])
			}
		}
	}
	return ends, total, nil
}

// tail reads from the positions to the ends and has everything handled when it returns.
func (r *Replay) tail(ctx context.Context, ends map[place]int64, total int) error {
	g, ctx := errgroup.WithContext(ctx)
	lanes := make([]chan *kafka.Record, replayLanes)
	runner := NewRunner(RunnerConfig{Group: Group{ID: "replay of " + r.Model.Name, Handlers: r.handlers}, Logger: r.Log})
	for i := range lanes {
		lanes[i] = make(chan *kafka.Record, 64)
		g.Go(func() error {
			for record := range lanes[i] {
				if err := r.handle(ctx, runner, record); err != nil {
					return err
				}
			}
			return nil
		})
	}
	records := map[string]chan *kafka.Record{}
	for p := range ends {
		if records[p.topic] == nil {
			records[p.topic] = make(chan *kafka.Record, 256)
		}
	}
	from := map[string]map[int32]int64{}
	for topic, positions := range r.position {
		from[topic] = maps.Clone(positions)
	}
	g.Go(func() error { return r.open(ctx, from, ends, records) })
	g.Go(func() error {
		defer func() {
			for _, lane := range lanes {
				close(lane)
			}
		}()
		done := 0
		return merge(ctx, ends, records, func(record *kafka.Record) error {
			r.mu.Lock()
			r.read++
			r.mu.Unlock()
			// Counted by offsets: compaction leaves gaps.
			positions := r.position[record.Topic]
			done += int(record.Offset + 1 - positions[record.Partition])
			positions[record.Partition] = record.Offset + 1
			r.Progress("reading", done, total)
			if _, wanted := r.handlers.of(record); !wanted {
				return nil
			}
			select {
			case lanes[r.lane(record)] <- record:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	return g.Wait()
}

func (r *Replay) lane(record *kafka.Record) int {
	key := record.Key
	if r.Model.lane != nil {
		key = r.Model.lane(record)
	}
	h := fnv.New32a()
	h.Write([]byte(key))
	return int(h.Sum32() % replayLanes)
}

// open reads the topics that have something new into records, until all ends are reached.
func (r *Replay) open(ctx context.Context, from map[string]map[int32]int64, ends map[place]int64, records map[string]chan *kafka.Record) error {
	left := map[string]map[int32]int64{}
	for p, end := range ends {
		if left[p.topic] == nil {
			left[p.topic] = map[int32]int64{}
		}
		left[p.topic][p.partition] = end
	}
	var reading sync.WaitGroup
	failed := make(chan error, len(left))
	for topic, open := range left {
		reader, err := r.Kafka.OpenReader(ctx, topic, kafka.Start{Offsets: from[topic]})
		if err != nil {
			failed <- err
			break
		}
		reading.Go(func() {
			failed <- errors.Join(forward(ctx, reader, open, records[topic]), reader.Close())
		})
	}
	reading.Wait()
	close(failed)
	var err error
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

func forward(ctx context.Context, reader *kafka.Reader, open map[int32]int64, records chan<- *kafka.Record) error {
	for len(open) > 0 {
		select {
		case record, ok := <-reader.Records():
			if !ok {
				return fmt.Errorf("read a topic: %w", reader.Err())
			}
			end, wanted := open[record.Partition]
			if !wanted {
				continue
			}
			if record.Offset+1 >= end { // one behind the end is as good: compaction may have taken the last
				delete(open, record.Partition)
			}
			select {
			case records <- record:
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// merge calls each with the records of all partitions, the oldest first, and each partition's in order. It
// takes records from a topic only while it lacks one of a partition there, so that others wait.
func merge(ctx context.Context, ends map[place]int64, records map[string]chan *kafka.Record, each func(*kafka.Record) error) error {
	queues := make(map[place][]*kafka.Record, len(ends))
	open := maps.Clone(ends) // partitions of which more is to come
	waiting := 0
	lacking := func() (place, bool) {
		for p := range open {
			if len(queues[p]) == 0 {
				return p, true
			}
		}
		return place{}, false
	}
	for len(open) > 0 || waiting > 0 {
		if lack, ok := lacking(); ok && waiting < mergeWindow { // what is to come may be older than what is at hand
			select {
			case record := <-records[lack.topic]:
				p := place{record.Topic, record.Partition}
				queues[p] = append(queues[p], record)
				waiting++
				if record.Offset+1 >= open[p] {
					delete(open, p)
				}
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		var oldest place
		var at time.Time
		for p, queue := range queues {
			if len(queue) > 0 && (at.IsZero() || queue[0].Time.Before(at)) {
				oldest, at = p, queue[0].Time
			}
		}
		record := queues[oldest][0]
		queues[oldest] = queues[oldest][1:]
		waiting--
		if len(queues[oldest]) == 0 {
			delete(queues, oldest)
		}
		if err := each(record); err != nil {
			return err
		}
	}
	return nil
}
