package consumers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"storefront/events"
	"storefront/internal/kafka"
)

// What fails for longer than a moment is parked: it is written to the group's retry topic, and its
// partition goes on. Later events of its key follow it there, so that they stay in order behind it.
//
//	order-events/3 ──▶ handler, a few attempts ──▶ done
//	                       │ fails                          other keys go on at once
//	                       ▼
//	storefront-orders.retry/3 ──▶ handler, ever more slowly ──▶ done: a mark is written behind it
//	                                   │ fails for good
//	                                   ▼
//	                             order-events.dlq
//
// Each member of the group reads the retry topic, without a group, to know which keys have something
// parked: between a parked record and its mark, events of that key are not handled where they come
// from. A member that is given a partition waits until it knows all that was parked before.

// Headers that a parked record has besides its own.
const (
	retryTopic     = "retry_topic" // where the record was ...
	retryPartition = "retry_partition"
	retryOffset    = "retry_offset"
	retryAttempts  = "retry_attempts" // how many there were before
	retryDue       = "retry_due"      // not to be tried before, RFC 3339
	retryError     = "retry_error"    // the last attempt's; absent for one that only follows another
	retryDone      = "retry_done"     // a mark: the record with this name is done
)

// RetryTopic is where a group's events wait for another attempt.
func (g Group) RetryTopic() string { return g.ID + events.RetrySuffix }

// eventKey is a key within its topic: events of one are in order.
type eventKey struct{ topic, key string }

func keyOf(r *kafka.Record) eventKey { return eventKey{r.Topic, r.Key} }

// parking is what a member knows of its group's retry topic during one session.
type parking struct {
	topic    string
	producer Publisher
	observer func(waiting int)
	reader   *kafka.Reader
	ends     *kafka.Ends

	syncing sync.Mutex
	synced  time.Time // when the last look at the topic's end began

	mu      sync.Mutex
	next    map[int32]int64                  // what the reader reads next
	moved   chan struct{}                    // closed and made anew when next moves
	failed  error                            // the reader ended
	waiting map[eventKey]map[string]struct{} // names of what is parked and not done
	count   int
}

// openParking begins to read what is parked. lost is called when that ends by itself.
func openParking(ctx context.Context, c kafka.Config, g Group, producer Publisher, observer func(int), lost func(error)) (*parking, error) {
	p := &parking{topic: g.RetryTopic(), producer: producer, observer: observer,
		next: map[int32]int64{}, moved: make(chan struct{}), waiting: map[eventKey]map[string]struct{}{}}
	committed, err := c.Admin().Lag(ctx, g.ID, []string{p.topic})
	if err != nil {
		return nil, err
	}
	start := kafka.Start{Oldest: true, Offsets: map[int32]int64{}}
	for _, l := range committed {
		if l.Committed > l.Oldest {
			start.Offsets[l.Partition] = l.Committed // all before it is done
		}
	}
	if p.ends, err = c.OpenEnds(); err != nil {
		return nil, err
	}
	if p.reader, err = c.OpenReader(ctx, p.topic, start); err != nil {
		return nil, errors.Join(err, p.ends.Close())
	}
	for partition, offset := range p.reader.Started() {
		p.next[partition] = offset
	}
	go p.read(lost)
	return p, nil
}

func (p *parking) close() error { return errors.Join(p.reader.Close(), p.ends.Close()) }

func (p *parking) read(lost func(error)) {
	for r := range p.reader.Records() {
		p.mu.Lock()
		if name := r.Header(retryDone); name != "" {
			p.remove(keyOfParked(r), name)
		} else {
			p.insert(keyOfParked(r), nameOfParked(r))
		}
		p.next[r.Partition] = r.Offset + 1
		close(p.moved)
		p.moved = make(chan struct{})
		p.mu.Unlock()
	}
	if err := p.reader.Err(); err != nil {
		p.mu.Lock()
		p.failed = err
		close(p.moved)
		p.moved = make(chan struct{})
		p.mu.Unlock()
		lost(fmt.Errorf("read parked events: %w", err))
	}
}

func (p *parking) insert(k eventKey, name string) {
	if p.waiting[k] == nil {
		p.waiting[k] = map[string]struct{}{}
	}
	if _, known := p.waiting[k][name]; !known {
		p.waiting[k][name] = struct{}{}
		p.count++
		p.observer(p.count)
	}
}

func (p *parking) remove(k eventKey, name string) {
	if _, known := p.waiting[k][name]; !known {
		return
	}
	delete(p.waiting[k], name)
	if len(p.waiting[k]) == 0 {
		delete(p.waiting, k)
	}
	p.count--
	p.observer(p.count)
}

// caughtUp returns when all is known that was parked before the call.
func (p *parking) caughtUp(ctx context.Context) error {
	asked := time.Now()
	p.syncing.Lock() // those who come together look once
	defer p.syncing.Unlock()
	if p.synced.After(asked) {
		return nil
	}
	began := time.Now()
	ends, err := p.ends.Of(ctx, p.topic)
	if err != nil {
		return err
	}
	for partition, end := range ends {
		for {
			p.mu.Lock()
			there, moved, failed := p.next[partition] >= end.Newest, p.moved, p.failed
			p.mu.Unlock()
			if failed != nil {
				return failed
			}
			if there {
				break
			}
			select {
			case <-moved:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	p.synced = began
	return nil
}

// holds reports whether an event of this record's key is parked, so that the record has to follow it.
func (p *parking) holds(r *kafka.Record) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting[keyOf(r)]) > 0
}

// behind reports whether another event of this record's key is parked.
func (p *parking) behind(r *kafka.Record) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := p.waiting[keyOf(r)]
	if _, itself := names[nameOf(r.Topic, r.Partition, r.Offset)]; itself {
		return len(names) > 1
	}
	return len(names) > 0
}

// knows reports whether this record is parked, or may be.
func (p *parking) knows(r *kafka.Record) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.waiting[keyOf(r)][nameOf(r.Topic, r.Partition, r.Offset)]
	return known
}

// park writes a record to the retry topic; the key is held from before that, so that nothing overtakes.
// cause is nil for a record that only follows another.
func (p *parking) park(ctx context.Context, r *kafka.Record, attempts int, due time.Time, cause error) error {
	name := nameOf(r.Topic, r.Partition, r.Offset)
	p.mu.Lock()
	p.insert(keyOf(r), name)
	p.mu.Unlock()
	headers := append(r.Headers[:len(r.Headers):len(r.Headers)],
		kafka.Header{Key: retryTopic, Value: r.Topic},
		kafka.Header{Key: retryPartition, Value: strconv.Itoa(int(r.Partition))},
		kafka.Header{Key: retryOffset, Value: strconv.FormatInt(r.Offset, 10)},
		kafka.Header{Key: retryAttempts, Value: strconv.Itoa(attempts)},
		kafka.Header{Key: retryDue, Value: due.UTC().Format(time.RFC3339Nano)},
	)
	if cause != nil {
		headers = append(headers, kafka.Header{Key: retryError, Value: errorText(cause)})
	}
	err := p.producer.Publish(ctx, []kafka.Message{{Topic: p.topic, Key: r.Key, Value: r.Value, Headers: headers, Time: r.Time}})
	if err != nil { // perhaps it was written: the key stays held, and the record comes again
		return fmt.Errorf("park event: %w", err)
	}
	return nil
}

// release writes the mark behind a parked record that is done.
func (p *parking) release(ctx context.Context, r *kafka.Record) error {
	err := p.producer.Publish(ctx, []kafka.Message{{Topic: p.topic, Key: r.Key, Headers: []kafka.Header{
		{Key: retryTopic, Value: r.Topic}, {Key: retryDone, Value: nameOf(r.Topic, r.Partition, r.Offset)},
	}}})
	if err != nil {
		return fmt.Errorf("mark parked event as done: %w", err)
	}
	return nil
}

// parked is a record as it was before it was parked.
type parked struct {
	*kafka.Record
	attempts int
	due      time.Time
}

// unpark reads a record of the retry topic; false for a mark.
func unpark(r *kafka.Record) (parked, bool) {
	if r.Header(retryDone) != "" {
		return parked{}, false
	}
	k := keyOfParked(r)
	was := &kafka.Record{Topic: k.topic, Key: k.key, Value: r.Value, Time: r.Time}
	partition, _ := strconv.ParseInt(r.Header(retryPartition), 10, 32) // zeroes where somebody else wrote it
	was.Partition = int32(partition)
	was.Offset, _ = strconv.ParseInt(r.Header(retryOffset), 10, 64)
	for _, h := range r.Headers {
		if !strings.HasPrefix(h.Key, "retry_") {
			was.Headers = append(was.Headers, h)
		}
	}
	attempts, _ := strconv.Atoi(r.Header(retryAttempts))
	due, _ := time.Parse(time.RFC3339Nano, r.Header(retryDue))
	return parked{was, attempts, due}, true
}

func keyOfParked(r *kafka.Record) eventKey { return eventKey{r.Header(retryTopic), r.Key} }

// nameOf is what a record is called in marks.
func nameOf(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d/%d", topic, partition, offset)
}

func nameOfParked(r *kafka.Record) string {
	return r.Header(retryTopic) + "/" + r.Header(retryPartition) + "/" + r.Header(retryOffset)
}
