package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
)

// Partitions reads chosen partitions of one topic over one set of connections, without a group. It is for
// those who want different partitions at different times; Reader reads all of a topic, from one start.
type Partitions struct {
	config   Config
	topic    string
	client   *asking
	consumer sarama.Consumer
	count    int32
}

// OpenPartitions connects to a topic and reads nothing yet.
func (c Config) OpenPartitions(topic string) (*Partitions, error) {
	s, err := c.consumer()
	if err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(c.Brokers, s)
	if err != nil {
		return nil, fmt.Errorf("open partitions of %s: %w", topic, err)
	}
	p := &Partitions{config: c, topic: c.named(topic), client: &asking{Client: client, brokers: c.Brokers}}
	all, err := client.Partitions(p.topic)
	if err == nil {
		p.consumer, err = sarama.NewConsumerFromClient(p.client)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open partitions of %s: %w", topic, err), client.Close())
	}
	p.count = int32(len(all))
	return p, nil
}

// Count is how many partitions the topic has.
func (p *Partitions) Count() int32 { return p.count }

// Of is the partition that holds a key's records.
func (p *Partitions) Of(key string) int32 {
	n, err := partitionOf(key, p.count)
	if err != nil { // not with a key
		return 0
	}
	return n
}

// Newest is the offset that the next record of a partition will get.
func (p *Partitions) Newest(ctx context.Context, partition int32) (int64, error) {
	return p.offset(ctx, partition, Start{})
}

// Oldest is the first offset that a partition still has.
func (p *Partitions) Oldest(ctx context.Context, partition int32) (int64, error) {
	return p.offset(ctx, partition, Start{Oldest: true})
}

func (p *Partitions) offset(ctx context.Context, partition int32, start Start) (int64, error) {
	var offset int64
	err := patiently(ctx, p.client, p.topic, func() (err error) {
		offset, err = startOffset(p.client, p.topic, partition, start)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("find offset of %s/%d: %w", p.topic, partition, err)
	}
	return offset, nil
}

// Following is one partition being read.
type Following struct {
	client   *asking
	consumer sarama.PartitionConsumer
	closing  atomic.Bool
	running  sync.WaitGroup
}

// Follow reads a partition from an offset on. each is called with one record after another, by one
// goroutine. lost is called at most once, by the same goroutine, when it cannot go on: the next record is not
// in the topic any more. A broker that is away is waited for. ctx ends the beginning, not the reading. A partition
// is followed once at a time.
func (p *Partitions) Follow(ctx context.Context, partition int32, offset int64, each func(*Record), lost func(error)) (*Following, error) {
	consumer, err := consume(ctx, p.client, p.consumer, p.topic, partition, offset)
	if err != nil {
		return nil, fmt.Errorf("read %s/%d from %d: %w", p.topic, partition, offset, err)
	}
	p.client.fetched.Add(1)
	f := &Following{client: p.client, consumer: consumer}
	f.running.Go(func() {
		for m := range consumer.Messages() {
			if !f.closing.Load() {
				each(p.config.record(m))
			}
		}
		if !f.closing.Load() { // sarama ends a partition by itself for one reason only
			lost(fmt.Errorf("read %s/%d: %w", p.topic, partition, ErrOffsetGone))
		}
	})
	f.running.Go(func() {
		last := ""
		for err := range consumer.Errors() {
			if err.Err.Error() != last {
				last = err.Err.Error()
				p.config.logger().Warn("kafka reader lost its broker; it goes on when it is back", "topic", p.topic, "partition", partition, "error", err.Err)
			}
		}
	})
	return f, nil
}

// HighWater is the offset that the next record of the partition will get, as of the last fetch.
func (f *Following) HighWater() int64 { return f.consumer.HighWaterMarkOffset() }

// Stop begins to end the reading and does not wait: a call of each that is under way ends, and no other
// begins. Partitions.Follow may be called again for the partition after Close.
func (f *Following) Stop() {
	if !f.closing.Swap(true) {
		f.client.fetched.Add(-1)
		f.consumer.AsyncClose()
	}
}

// Close ends the reading. When it returns, no function is called any more; so it is not called by them.
func (f *Following) Close() {
	f.Stop()
	f.running.Wait()
}

// Close ends what is left and frees the connections. Every Following is closed before.
func (p *Partitions) Close() error {
	if p.client.Closed() {
		return nil
	}
	return ignoreLost(errors.Join(p.consumer.Close(), p.client.Close()))
}
