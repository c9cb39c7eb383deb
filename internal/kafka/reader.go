package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"
)

// ErrOffsetGone says that a reader's position is not in the topic any more: records were deleted, or
// the topic was made anew.
var ErrOffsetGone = errors.New("offset is not in the topic any more")

// Start says where a reader begins. The zero value is the newest record: only what is written after
// OpenReader has returned, and perhaps a little of what was written while it ran.
type Start struct {
	Oldest  bool
	Since   time.Time       // the first record of each partition at or after this time
	Offsets map[int32]int64 // the next record to read, by partition; the other partitions start as above
}

// Reader reads all partitions of one topic without a group: every reader sees every record, and
// nothing is committed. It reconnects by itself and goes on where it was.
type Reader struct {
	topic    string
	client   sarama.Client
	consumer sarama.Consumer
	parts    map[int32]sarama.PartitionConsumer
	started  map[int32]int64
	records  chan *Record

	closeOnce sync.Once
	closing   chan struct{}
	running   sync.WaitGroup

	mu  sync.Mutex
	err error
}

// OpenReader returns when the reader's position in every partition is fixed: a record that is
// acknowledged later will be read.
func (c Config) OpenReader(ctx context.Context, topic string, start Start) (*Reader, error) {
	s, err := c.consumer()
	if err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(c.Brokers, s)
	if err != nil {
		return nil, fmt.Errorf("open reader of %s: %w", topic, err)
	}
	r, err := openReader(ctx, client, c.named(topic), start)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open reader of %s: %w", topic, err), client.Close())
	}
	r.forward(c)
	return r, nil
}

func openReader(ctx context.Context, client sarama.Client, topic string, start Start) (*Reader, error) {
	partitions, err := client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("find partitions: %w", err)
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		topic: topic, client: client, consumer: consumer,
		parts: make(map[int32]sarama.PartitionConsumer), started: make(map[int32]int64),
		records: make(chan *Record, 256), closing: make(chan struct{}),
	}
	var g errgroup.Group
	g.SetLimit(8)
	for _, p := range partitions {
		g.Go(func() error {
			var offset int64
			err := patiently(ctx, client, topic, func() (err error) {
				offset, err = startOffset(client, topic, p, start)
				return err
			})
			if err != nil {
				return fmt.Errorf("find offset of partition %d: %w", p, err)
			}
			pc, err := consume(ctx, client, consumer, topic, p, offset)
			if err != nil {
				return fmt.Errorf("read partition %d from %d: %w", p, offset, err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.parts[p], r.started[p] = pc, offset
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		for _, pc := range r.parts {
			err = errors.Join(err, ignoreLost(pc.Close()))
		}
		return nil, errors.Join(err, consumer.Close())
	}
	return r, nil
}

// startOffset is a number, never "newest": sarama would look that up a second time.
func startOffset(client sarama.Client, topic string, partition int32, start Start) (int64, error) {
	if o, ok := start.Offsets[partition]; ok {
		return o, nil
	}
	switch {
	case start.Oldest:
		return client.GetOffset(topic, partition, sarama.OffsetOldest)
	case !start.Since.IsZero():
		o, err := client.GetOffset(topic, partition, start.Since.UnixMilli())
		if err != nil || o >= 0 {
			return o, err
		}
		// No record is that young: start with the next one.
	}
	return client.GetOffset(topic, partition, sarama.OffsetNewest)
}

// consume begins to read a partition. The error is ErrOffsetGone when the offset is not in it.
func consume(ctx context.Context, client sarama.Client, consumer sarama.Consumer, topic string, partition int32, offset int64) (pc sarama.PartitionConsumer, err error) {
	err = patiently(ctx, client, topic, func() error {
		pc, err = consumer.ConsumePartition(topic, partition, offset)
		return err
	})
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		err = ErrOffsetGone
	}
	return pc, err
}

// forward merges the partitions into one channel, each partition's records in order.
func (r *Reader) forward(c Config) {
	for p, pc := range r.parts {
		r.running.Go(func() {
			for m := range pc.Messages() {
				select {
				case r.records <- c.record(m):
				case <-r.closing:
				}
			}
			select {
			case <-r.closing:
			default: // sarama ends a partition by itself for one reason only
				r.fail(fmt.Errorf("read %s/%d: %w", r.topic, p, ErrOffsetGone))
			}
		})
		r.running.Go(func() {
			last := ""
			for err := range pc.Errors() {
				if err.Err.Error() != last {
					last = err.Err.Error()
					c.logger().Warn("kafka reader lost its broker; it goes on when it is back", "topic", r.topic, "partition", p, "error", err.Err)
				}
			}
		})
	}
	go func() {
		r.running.Wait()
		close(r.records)
	}()
}

func (r *Reader) fail(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.stop()
}

func (r *Reader) stop() {
	r.closeOnce.Do(func() {
		close(r.closing)
		for _, pc := range r.parts {
			pc.AsyncClose()
		}
	})
}

// Records is closed when the reader ends. It must be drained.
func (r *Reader) Records() <-chan *Record { return r.records }

// Err says why Records was closed: nil after Close.
func (r *Reader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Started gives the first offset read, by partition.
func (r *Reader) Started() map[int32]int64 { return r.started }

// HighWaterMarks gives the offset that the next record of each partition will get, as of the last fetch.
func (r *Reader) HighWaterMarks() map[int32]int64 {
	marks := make(map[int32]int64, len(r.parts))
	for p, pc := range r.parts {
		marks[p] = pc.HighWaterMarkOffset()
	}
	return marks
}

// Close ends the reader and frees what it holds. It may be called more than once.
func (r *Reader) Close() error {
	r.stop()
	for range r.records {
	}
	if r.client.Closed() {
		return nil
	}
	return ignoreLost(errors.Join(r.consumer.Close(), r.client.Close()))
}

// ignoreLost drops what sarama reports of reads that failed before: they were logged then.
func ignoreLost(err error) error {
	if _, lost := errors.AsType[sarama.ConsumerErrors](err); lost || errors.Is(err, sarama.ErrClosedClient) {
		return nil
	}
	return err
}
