package consumers

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/kafka"
)

// deadLetterSettled is a mark in a dead letter topic: the letter at this offset needs nobody any more.
// Records of a topic cannot be taken out one by one.
const deadLetterSettled = "dlq_settled"

// DeadLetter is an event that a group gave up, and that nobody has dealt with yet.
type DeadLetter struct {
	ID       string // where it lies: "order-events.dlq/0/12"
	Group    string // who gave up
	Event    string // its id
	Type     string // its wire name
	Key      string
	Attempts int
	Error    string    // the last attempt's
	At       time.Time // when it was given up
	From     string    // where the event was: "order-events/3/141"
	Value    []byte

	record *kafka.Record
}

// DeadLetters reads all dead letters of topics that nobody has dealt with, oldest first.
func DeadLetters(ctx context.Context, c kafka.Config, topics []string) ([]DeadLetter, error) {
	var letters []DeadLetter
	for _, topic := range topics {
		settled := map[string]bool{}
		var all []*kafka.Record
		err := ReadAll(ctx, c, topic+events.DeadLetterSuffix, kafka.Start{Oldest: true}, func(r *kafka.Record) error {
			if offset := r.Header(deadLetterSettled); offset != "" {
				settled[fmt.Sprintf("%d/%s", r.Partition, offset)] = true
			} else {
				all = append(all, r)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if !settled[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] {
				letters = append(letters, deadLetterOf(r))
			}
		}
	}
	slices.SortStableFunc(letters, func(a, b DeadLetter) int { return a.At.Compare(b.At) })
	return letters, nil
}

func deadLetterOf(r *kafka.Record) DeadLetter {
	attempts, _ := strconv.Atoi(r.Header(DeadLetterAttempts))
	at, err := time.Parse(time.RFC3339Nano, r.Header(DeadLetterAt))
	if err != nil {
		at = r.Time
	}
	return DeadLetter{
		ID: nameOf(r.Topic, r.Partition, r.Offset), Group: r.Header(DeadLetterGroup), Event: r.Header(events.HeaderID),
		Type: r.Header(events.HeaderType), Key: r.Key, Attempts: attempts, Error: r.Header(DeadLetterError), At: at.UTC(),
		From:  r.Header(DeadLetterTopic) + "/" + r.Header(DeadLetterPartition) + "/" + r.Header(DeadLetterOffset),
		Value: r.Value, record: r,
	}
}

// Retry gives a dead letter back to the group that gave it up, and to no other: through its retry topic,
// behind what is parked there of its key. It is settled then; should it fail again, it is a new letter.
// Interrupted in between, it may be given back twice, which handlers tolerate.
func (d DeadLetter) Retry(ctx context.Context, p Publisher) error {
	if d.Group == "" {
		return errs.New(errs.Conflict, "dead letter %s does not say who gave it up; it can only be dropped", d.ID)
	}
	headers := []kafka.Header{
		{Key: retryTopic, Value: d.record.Header(DeadLetterTopic)},
		{Key: retryPartition, Value: d.record.Header(DeadLetterPartition)},
		{Key: retryOffset, Value: d.record.Header(DeadLetterOffset)},
		{Key: retryAttempts, Value: "0"},
	}
	for _, h := range d.record.Headers {
		if !strings.HasPrefix(h.Key, "dlq_") {
			headers = append(headers, h)
		}
	}
	err := p.Publish(ctx, []kafka.Message{{Topic: Group{ID: d.Group}.RetryTopic(), Key: d.Key, Value: d.Value, Headers: headers, Time: d.record.Time}})
	if err != nil {
		return fmt.Errorf("give %s back to %s: %w", d.ID, d.Group, err)
	}
	return d.Drop(ctx, p)
}

// Drop settles a dead letter: nobody will handle the event.
func (d DeadLetter) Drop(ctx context.Context, p Publisher) error {
	err := p.Publish(ctx, []kafka.Message{{Topic: d.record.Topic, Key: d.Key, Headers: []kafka.Header{
		{Key: deadLetterSettled, Value: strconv.FormatInt(d.record.Offset, 10)},
	}}})
	if err != nil {
		return fmt.Errorf("settle %s: %w", d.ID, err)
	}
	return nil
}

// ReadAll gives every record of a topic from start to its end as of now, each partition's in order.
func ReadAll(ctx context.Context, c kafka.Config, topic string, start kafka.Start, each func(*kafka.Record) error) error {
	r, err := c.OpenReader(ctx, topic, start)
	if err != nil {
		return err
	}
	defer r.Close()
	ends, err := c.Admin().TopicOffsets(ctx, topic)
	if err != nil {
		return err
	}
	open := map[int32]int64{} // partitions whose end is not reached
	for p, o := range ends {
		if r.Started()[p] < o.Newest && o.Oldest < o.Newest {
			open[p] = o.Newest
		}
	}
	for len(open) > 0 {
		select {
		case record, ok := <-r.Records():
			if !ok {
				return fmt.Errorf("read %s: %w", topic, r.Err())
			}
			end, wanted := open[record.Partition]
			if !wanted {
				continue
			}
			if record.Offset < end {
				if err := each(record); err != nil {
					return err
				}
			}
			if record.Offset+1 >= end {
				delete(open, record.Partition)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
