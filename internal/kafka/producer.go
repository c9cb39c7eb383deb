package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// MaxMessageBytes is the largest record that Publish takes: key, value and headers together. Brokers
// take batches of 1 MiB by default, and a batch has a few bytes of its own.
const MaxMessageBytes = 1_000_000

// ErrClosed says that the producer was closed before the record was acknowledged.
var ErrClosed = errors.New("kafka producer is closed")

// Producer publishes records: idempotent, acknowledged by all in-sync replicas (acks=all), in order
// per key.
//
// It sits on sarama's client and wire types but not on its AsyncProducer, which gives up record by
// record: after an outage a later record of a key can be written although an earlier one failed, and
// a publisher that repeats both has them in the wrong order for good. Here every partition has one
// lane with at most one batch under way; a batch is repeated with its sequence numbers until it is
// acknowledged, and nothing passes it. What arrives meanwhile makes the next batch, so batches grow
// with load and a record at rest waits for nothing.
type Producer struct {
	config Config
	client sarama.Client
	conf   *sarama.Config
	log    *slog.Logger

	closing context.Context // ends when Close is called: lanes give up
	stop    context.CancelFunc
	running sync.WaitGroup
	away    atomic.Bool // a lane is retrying; said in the log once

	mu     sync.Mutex
	closed bool
	lanes  map[topicPartition]*lane
}

type topicPartition struct {
	topic     string
	partition int32
}

// NewProducer makes a producer that connects when it is first used, so that a service can start while
// the brokers are away. Config.Ping says early whether they can be reached.
func NewProducer(c Config) (*Producer, error) {
	conf, err := c.sarama()
	if err != nil {
		return nil, err
	}
	client, err := sarama.NewClient(c.Brokers, conf)
	if err != nil {
		return nil, fmt.Errorf("make kafka producer: %w", err)
	}
	closing, stop := context.WithCancel(context.Background())
	return &Producer{
		config: c, client: client, conf: conf, log: c.logger(),
		closing: closing, stop: stop, lanes: make(map[topicPartition]*lane),
	}, nil
}

// PublishError says which messages of a Publish were not acknowledged.
type PublishError struct {
	Failed map[int]error // by index into the messages
	first  error
}

func (e *PublishError) Error() string {
	return fmt.Sprintf("publish %d messages: %v", len(e.Failed), e.first)
}

func (e *PublishError) Unwrap() error { return e.first }

// Publish returns when every message is acknowledged by all in-sync replicas, or with a *PublishError
// that says which are not. Messages of one key are written in the order given, and behind those of
// earlier calls.
//
// While brokers are away the messages are tried again until ctx ends. A message that is reported as
// failed may still have been written, or be written later; publishing the failed ones again, in the
// same order, keeps the first occurrence of each in order.
func (p *Producer) Publish(ctx context.Context, messages []Message) error {
	if len(messages) == 0 {
		return nil
	}
	c := &call{pending: len(messages), failed: make(map[int]error), done: make(chan struct{})}
	batches, order := p.split(messages, c)
	for _, tp := range order {
		l, err := p.lane(tp)
		if err != nil {
			for _, r := range batches[tp] {
				r.finish(err)
			}
			continue
		}
		l.enqueue(batches[tp])
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		withdraw(batches, ctx.Err())
	case <-p.closing.Done():
		withdraw(batches, ErrClosed)
	}
	<-c.done
	if len(c.failed) > 0 {
		return &PublishError{Failed: c.failed, first: c.first}
	}
	return nil
}

// withdraw gives up what no lane has taken yet. Last first, so that a lane that is just taking records
// never finds a record whose predecessor is withdrawn.
func withdraw(batches map[topicPartition][]*outgoing, err error) {
	for _, records := range batches {
		for _, r := range slices.Backward(records) {
			r.finish(err)
		}
	}
}

// split sorts messages into partitions, keeping their order. What can never be written fails at once,
// and with it what follows with the same key.
func (p *Producer) split(messages []Message, c *call) (map[topicPartition][]*outgoing, []topicPartition) {
	type key struct{ topic, key string }
	batches := make(map[topicPartition][]*outgoing, 4)
	var order []topicPartition
	var failed map[key]error
	for i, m := range messages {
		r := &outgoing{Message: m, size: messageSize(m), index: i, call: c}
		tp, err := p.place(r)
		if before := failed[key{m.Topic, m.Key}]; before != nil {
			err = before
		}
		if err != nil {
			if failed == nil {
				failed = make(map[key]error)
			}
			failed[key{m.Topic, m.Key}] = err
			r.finish(err)
			continue
		}
		if batches[tp] == nil {
			order = append(order, tp)
		}
		batches[tp] = append(batches[tp], r)
	}
	return batches, order
}

func (p *Producer) place(r *outgoing) (topicPartition, error) {
	if r.size > MaxMessageBytes {
		return topicPartition{}, fmt.Errorf("publish to %s: message with key %q has %d bytes, at most %d can be published", r.Topic, r.Key, r.size, MaxMessageBytes)
	}
	topic := p.config.named(r.Topic)
	partitions, err := p.client.Partitions(topic)
	if err != nil {
		return topicPartition{}, fmt.Errorf("publish to %s: find partitions: %w", r.Topic, err)
	}
	partition, err := partitionOf(r.Key, int32(len(partitions)))
	if err != nil {
		return topicPartition{}, fmt.Errorf("publish to %s: choose partition: %w", r.Topic, err)
	}
	return topicPartition{topic, partition}, nil
}

// partitionOf hashes like the Java client's default partitioner (murmur2), so that a producer in
// another language, Kafka Streams or a connector puts a key into the same partition as we do.
func partitionOf(key string, partitions int32) (int32, error) {
	return sarama.NewMurmur2Partitioner("").Partition(&sarama.ProducerMessage{Key: sarama.StringEncoder(key)}, partitions)
}

// messageSize is an upper bound of what m takes in a batch: lengths are varints of at most 5 bytes.
func messageSize(m Message) int {
	size := len(m.Key) + len(m.Value) + 40
	for _, h := range m.Headers {
		size += len(h.Key) + len(h.Value) + 10
	}
	return size
}

func (p *Producer) lane(tp topicPartition) (*lane, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	l := p.lanes[tp]
	if l == nil {
		l = &lane{p: p, topicPartition: tp, wake: make(chan struct{}, 1)}
		p.lanes[tp] = l
		p.running.Go(l.run)
	}
	return l, nil
}

// Close gives up what is not acknowledged yet and disconnects. Callers of Publish get ErrClosed.
func (p *Producer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.running.Wait()
	if err := p.client.Close(); err != nil {
		return fmt.Errorf("close kafka producer: %w", err)
	}
	return nil
}

// outgoing is one message on its way.
type outgoing struct {
	Message
	size  int
	index int // in the call's messages
	call  *call
	ended atomic.Bool
}

// call is one Publish that waits.
type call struct {
	mu      sync.Mutex
	pending int
	failed  map[int]error
	first   error
	done    chan struct{}
}

// finish reports the message's outcome once; later reports are ignored.
func (r *outgoing) finish(err error) {
	if !r.ended.CompareAndSwap(false, true) {
		return
	}
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.failed[r.index] = err
		if c.first == nil {
			c.first = err
		}
	}
	c.pending--
	if c.pending == 0 {
		close(c.done)
	}
}

func (m Message) timestamp() time.Time {
	if m.Time.IsZero() {
		return time.Now().Truncate(time.Millisecond)
	}
	return m.Time.Truncate(time.Millisecond)
}
