package kafka

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"storefront/internal/poll"
)

const (
	maxBatchBytes   = 512 << 10
	maxBatchRecords = 2000
	ackTimeout      = 10 * time.Second // for all in-sync replicas to have a batch
	minBackoff      = 20 * time.Millisecond
	maxBackoff      = time.Second
)

// lane writes one partition's records, one batch after the other.
//
// It has a producer id of its own, so that a broker that has forgotten the id (its data was restored,
// or the id expired) costs a new id for this lane and touches no other.
type lane struct {
	p *Producer
	topicPartition

	wake  chan struct{}
	mu    sync.Mutex
	queue []*outgoing

	// of the lane's goroutine only
	hasID    bool
	id       int64
	epoch    int16
	sequence int32
}

func (l *lane) enqueue(records []*outgoing) {
	l.mu.Lock()
	l.queue = append(l.queue, records...)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) run() {
	for {
		batch := l.take()
		if len(batch) == 0 {
			select {
			case <-l.wake:
				continue
			case <-l.p.closing.Done():
				l.fail(nil, ErrClosed)
				return
			}
		}
		if err := l.write(batch); err != nil {
			l.fail(batch, err)
			continue
		}
		for _, r := range batch {
			r.finish(nil)
		}
	}
}

// take removes the next batch from the queue. Records whose caller went away are left out: nobody
// has been told anything of them yet.
func (l *lane) take() []*outgoing {
	l.mu.Lock()
	defer l.mu.Unlock()
	var batch []*outgoing
	size, n := 0, 0
	for _, r := range l.queue {
		if len(batch) == maxBatchRecords || len(batch) > 0 && size+r.size > maxBatchBytes {
			break
		}
		n++
		if !r.ended.Load() {
			batch = append(batch, r)
			size += r.size
		}
	}
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return batch
}

// fail reports batch and everything queued behind it as failed, so that no record is written whose
// predecessor was not.
func (l *lane) fail(batch []*outgoing, err error) {
	l.mu.Lock()
	behind := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, r := range batch {
		r.finish(err)
	}
	for _, r := range behind {
		r.finish(err)
	}
}

// write repeats the batch until it is acknowledged. It fails only for what repeating cannot mend, and
// when the producer is closed.
func (l *lane) write(batch []*outgoing) error {
	records := recordBatch(batch)
	for attempt := 0; ; attempt++ {
		err := l.send(records)
		if err == nil {
			l.sequence = advance(l.sequence, int32(len(batch)))
			if l.p.away.CompareAndSwap(true, false) {
				l.p.log.Info("kafka accepts records again")
			}
			return nil
		}
		if l.p.closing.Err() != nil {
			return ErrClosed
		}
		switch {
		case forgotten(err):
			// The batch may have been written by an attempt whose answer was lost, and is then written
			// twice: at least once is the promise, and order is kept.
			l.p.log.Warn("kafka broker forgot the producer; going on with a new producer id",
				"topic", l.topic, "partition", l.partition, "error", err)
			l.hasID = false
		case permanent(err):
			return fmt.Errorf("write to %s/%d: %w", l.topic, l.partition, err)
		default:
			if l.p.away.CompareAndSwap(false, true) {
				l.p.log.Warn("kafka does not accept records; trying again until it does",
					"topic", l.topic, "partition", l.partition, "error", err)
			}
		}
		if !poll.Sleep(l.p.closing, backoff(attempt)) {
			return ErrClosed
		}
		// Failure or not: without fresh metadata the next attempt fails and comes back here.
		_ = l.p.client.RefreshMetadata(l.topic)
	}
}

func (l *lane) send(records *sarama.RecordBatch) error {
	if !l.hasID {
		r, err := l.p.client.InitProducerID()
		if err != nil {
			return fmt.Errorf("get producer id: %w", err)
		}
		if r.Err != sarama.ErrNoError {
			return fmt.Errorf("get producer id: %w", r.Err)
		}
		l.id, l.epoch, l.sequence, l.hasID = r.ProducerID, r.ProducerEpoch, 0, true
	}
	broker, err := l.p.client.Leader(l.topic, l.partition)
	if err != nil {
		return fmt.Errorf("find leader: %w", err)
	}
	records.ProducerID, records.ProducerEpoch, records.FirstSequence = l.id, l.epoch, l.sequence
	request := &sarama.ProduceRequest{
		RequiredAcks: sarama.WaitForAll,
		Timeout:      int32(ackTimeout / time.Millisecond),
		Version:      9, // the first flexible one; what sarama sends to Kafka 2.8 and later
	}
	request.AddBatch(l.topic, l.partition, records)
	response, err := broker.Produce(request)
	if err != nil {
		// The connection is of no use any more, and stays so until it is closed: the next Leader opens it.
		_ = broker.Close()
		return fmt.Errorf("send batch: %w", err)
	}
	block := response.GetBlock(l.topic, l.partition)
	switch {
	case block == nil:
		return fmt.Errorf("send batch: %w", sarama.ErrIncompleteResponse)
	case block.Err == sarama.ErrNoError, block.Err == sarama.ErrDuplicateSequenceNumber:
		return nil // a duplicate: an attempt whose answer was lost had been written
	}
	return block.Err
}

func recordBatch(batch []*outgoing) *sarama.RecordBatch {
	first := batch[0].timestamp()
	b := &sarama.RecordBatch{
		Version: 2, FirstTimestamp: first, MaxTimestamp: first,
		LastOffsetDelta: int32(len(batch) - 1),
		Records:         make([]*sarama.Record, len(batch)),
	}
	for i, r := range batch {
		t := r.timestamp()
		if t.After(b.MaxTimestamp) {
			b.MaxTimestamp = t
		}
		record := &sarama.Record{Key: []byte(r.Key), Value: r.Value, OffsetDelta: int64(i), TimestampDelta: t.Sub(first)}
		for _, h := range r.Headers {
			record.Headers = append(record.Headers, &sarama.RecordHeader{Key: []byte(h.Key), Value: []byte(h.Value)})
		}
		b.Records[i] = record
	}
	return b
}

// advance moves a sequence number on; after the largest comes 0.
func advance(sequence, n int32) int32 {
	if next := int64(sequence) + int64(n); next > math.MaxInt32 {
		return int32(next - math.MaxInt32 - 1)
	}
	return sequence + n
}

// forgotten says that the broker does not know the producer id or where its sequence stands.
func forgotten(err error) bool {
	return errors.Is(err, sarama.ErrOutOfOrderSequenceNumber) || errors.Is(err, sarama.ErrUnknownProducerID) ||
		errors.Is(err, sarama.ErrInvalidProducerEpoch) || errors.Is(err, sarama.ErrInvalidProducerIDMapping)
}

// permanent says that the same batch will be refused again.
func permanent(err error) bool {
	var encoding sarama.PacketEncodingError
	return errors.As(err, &encoding) ||
		errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.Is(err, sarama.ErrInvalidTopic) ||
		errors.Is(err, sarama.ErrTopicAuthorizationFailed) || errors.Is(err, sarama.ErrClusterAuthorizationFailed) ||
		errors.Is(err, sarama.ErrInvalidRecord) || errors.Is(err, sarama.ErrPolicyViolation) ||
		errors.Is(err, sarama.ErrUnsupportedForMessageFormat) || errors.Is(err, sarama.ErrClosedClient)
}

// backoff doubles from minBackoff to maxBackoff, less up to half by chance.
func backoff(attempt int) time.Duration {
	d := min(minBackoff<<min(attempt, 10), maxBackoff)
	return d - rand.N(d/2)
}
