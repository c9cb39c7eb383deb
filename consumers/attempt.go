package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"storefront/events"
	"storefront/internal/eventmeta"
	"storefront/internal/kafka"
)

// Headers that a dead letter has besides the record's own.
const (
	DeadLetterError     = "dlq_error"     // the last attempt's, shortened
	DeadLetterAttempts  = "dlq_attempts"  // how many there were
	DeadLetterGroup     = "dlq_group"     // who gave up
	DeadLetterAt        = "dlq_at"        // when, RFC 3339
	DeadLetterTopic     = "dlq_topic"     // where the record was ...
	DeadLetterPartition = "dlq_partition" //
	DeadLetterOffset    = "dlq_offset"    //
)

// maxErrorText bounds the text of an error in a header, in bytes.
const maxErrorText = 2000

// attempt handles a record where it comes from, the n-th time. It is done when the handlers succeed, or
// when the record lies with the parked ones or the dead letters; else it comes again after the pause. One
// that has to follow a parked event does not overtake it either when parking it fails.
func (s *session) attempt(ctx context.Context, record *kafka.Record, n int) (done bool, pause time.Duration) {
	if n == 1 && s.parking.holds(record) || n > 1 && s.parking.behind(record) {
		return s.park(ctx, record, n-1, time.Time{}, nil)
	}
	err := s.once(ctx, record, n)
	switch {
	case err == nil:
		return s.unheld(ctx, record, n)
	case ctx.Err() != nil:
		return false, 0 // given up with its partition: the event comes again elsewhere
	case isPermanent(err):
		if done, pause := s.bury(ctx, record, n, err); !done {
			return false, pause
		}
		return s.unheld(ctx, record, n)
	case n < s.InPlace.limit(err):
		if n == 1 {
			s.of(record, n).Warn("event failed; trying again", "error", err)
		}
		return false, s.InPlace.Backoff.pause(n)
	}
	return s.park(ctx, record, n, time.Now().Add(s.Parked.Backoff.pause(1)), err)
}

// unheld is the end of a record that is done where it came from. If parking it had failed, or seemed to, its
// key is held until the mark is read.
func (s *session) unheld(ctx context.Context, record *kafka.Record, n int) (done bool, pause time.Duration) {
	if n == 1 || !s.parking.knows(record) {
		return true, 0
	}
	if err := s.parking.release(ctx, record); err != nil {
		return false, s.InPlace.Backoff.pause(n)
	}
	return true, 0
}

// attemptParked handles a record of the retry topic. Whatever becomes of it, a mark is written behind it.
func (s *session) attemptParked(ctx context.Context, record *kafka.Record, n int) (done bool, pause time.Duration) {
	p, _ := unpark(record)
	err := s.once(ctx, p.Record, p.attempts+n)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return false, 0
	case !isPermanent(err) && n < s.Parked.limit(err):
		return false, s.Parked.Backoff.pause(n + 1)
	default:
		if done, pause := s.bury(ctx, p.Record, p.attempts+n, err); !done {
			return false, pause
		}
	}
	if err := s.parking.release(ctx, p.Record); err != nil {
		s.of(p.Record, n).Error("event is done, and that could not be written; doing it again", "error", err)
		return false, s.Parked.Backoff.pause(n)
	}
	return true, 0
}

// of is a log about a record.
func (s *session) of(r *kafka.Record, attempt int) *slog.Logger {
	return s.Logger.With("topic", r.Topic, "partition", r.Partition, "offset", r.Offset,
		"event", r.Header(events.HeaderID), "type", r.Header(events.HeaderType), "attempt", attempt)
}

// once is one attempt, observed.
func (s *session) once(ctx context.Context, record *kafka.Record, n int) error {
	eventType := record.Header(events.HeaderType)
	began := time.Now()
	err := s.call(ctx, record, eventType, n)
	s.Observer.Handled(s.Group.ID, record.Topic, eventType, time.Since(began), err)
	return err
}

// park puts a record aside.
func (s *session) park(ctx context.Context, record *kafka.Record, n int, due time.Time, cause error) (done bool, pause time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	log := s.of(record, n)
	if err := s.parking.park(ctx, record, n, due, cause); err != nil {
		log.Error("event could not be parked; trying it again", "error", err, "cause", cause)
		return false, s.InPlace.Backoff.pause(n + 1)
	}
	if cause != nil {
		log.Warn("event is parked, to be tried later; others go on", "error", cause)
	}
	s.Observer.Parked(s.Group.ID, record.Topic, record.Header(events.HeaderType))
	return true, 0
}

// bury puts a record to the dead letters.
func (s *session) bury(ctx context.Context, record *kafka.Record, n int, cause error) (done bool, pause time.Duration) {
	log := s.of(record, n)
	if err := s.writeDeadLetter(ctx, record, n, cause); err != nil {
		log.Error("dead letter could not be written; trying the event again", "error", err, "cause", cause)
		return false, s.InPlace.Backoff.pause(n)
	}
	log.Error("event given up; it is with the dead letters", "error", cause)
	s.Observer.DeadLettered(s.Group.ID, record.Topic, record.Header(events.HeaderType))
	return true, 0
}

// call decodes the record and calls its handlers, within the trace that the event carries.
func (r *Runner) call(ctx context.Context, record *kafka.Record, eventType string, n int) (err error) {
	if eventType == "" {
		return Permanent(fmt.Errorf("record has no %s header", events.HeaderType))
	}
	e, err := events.Decode(eventType, record.Value)
	if errors.Is(err, events.ErrUnknownType) {
		return nil
	}
	if err != nil {
		return Permanent(err)
	}
	meta := metaOf(record, eventType, n)
	ctx, cancel := context.WithTimeout(eventmeta.With(ctx, meta), r.Timeout)
	defer cancel()
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{events.HeaderTraceparent: meta.Traceparent})
	if r.Tracer != nil {
		var span trace.Span
		ctx, span = r.Tracer.Start(ctx, "process "+eventType, trace.WithSpanKind(trace.SpanKindConsumer),
			trace.WithAttributes(
				attribute.String("messaging.system", "kafka"),
				attribute.String("messaging.destination.name", record.Topic),
				attribute.String("messaging.consumer.group.name", r.Group.ID),
				attribute.String("messaging.message.id", meta.EventID),
				attribute.String("messaging.kafka.message.key", record.Key),
			))
		defer func() {
			if err != nil {
				span.RecordError(err)
				span.SetStatus(codes.Error, "handler failed")
			}
			span.End()
		}()
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handler of %s panicked: %v\n%s", eventType, v, debug.Stack())
		}
	}()
	handlers, _ := r.Group.Handlers.of(record)
	for _, h := range handlers {
		if err := h.call(ctx, e); err != nil {
			return fmt.Errorf("handle %s: %w", eventType, err)
		}
	}
	return nil
}

func metaOf(r *kafka.Record, eventType string, attempt int) eventmeta.Meta {
	at, err := time.Parse(time.RFC3339Nano, r.Header(events.HeaderTime))
	if err != nil {
		at = r.Time // when the record was written
	}
	return eventmeta.Meta{
		EventID: r.Header(events.HeaderID), EventType: eventType, Key: r.Key, Time: at.UTC(),
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Traceparent: r.Header(events.HeaderTraceparent), Attempt: attempt,
	}
}

// writeDeadLetter writes the record, as it was, to the dead letters of its topic.
func (r *Runner) writeDeadLetter(ctx context.Context, record *kafka.Record, attempts int, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	headers := append(record.Headers[:len(record.Headers):len(record.Headers)],
		kafka.Header{Key: DeadLetterError, Value: errorText(cause)},
		kafka.Header{Key: DeadLetterAttempts, Value: strconv.Itoa(attempts)},
		kafka.Header{Key: DeadLetterGroup, Value: r.Group.ID},
		kafka.Header{Key: DeadLetterAt, Value: time.Now().UTC().Format(time.RFC3339Nano)},
		kafka.Header{Key: DeadLetterTopic, Value: record.Topic},
		kafka.Header{Key: DeadLetterPartition, Value: strconv.Itoa(int(record.Partition))},
		kafka.Header{Key: DeadLetterOffset, Value: strconv.FormatInt(record.Offset, 10)},
	)
	err := r.Producer.Publish(ctx, []kafka.Message{{
		Topic: record.Topic + events.DeadLetterSuffix, Key: record.Key, Value: record.Value, Headers: headers, Time: record.Time,
	}})
	if err != nil {
		return fmt.Errorf("write dead letter: %w", err)
	}
	return nil
}

// errorText is an error as a header holds it.
func errorText(err error) string {
	text := strings.ToValidUTF8(err.Error(), "")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "")
	}
	return text
}
