package consumers

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"storefront/events"
	"storefront/internal/errs"
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

// maxErrorText bounds DeadLetterError, in bytes.
const maxErrorText = 2000

// attempt handles a record once, the n-th time. It is done when the handlers succeed, or when the
// record lies with the dead letters; else it comes again after the pause.
func (r *Runner) attempt(ctx context.Context, record *kafka.Record, n int) (done bool, pause time.Duration) {
	eventType := record.Header(events.HeaderType)
	began := time.Now()
	err := r.handle(ctx, record, eventType, n)
	r.Observer.Handled(r.Group.ID, record.Topic, eventType, time.Since(began), err)
	if err == nil {
		return true, 0
	}
	log := r.Logger.With("topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"event", record.Header(events.HeaderID), "type", eventType, "attempt", n)
	if ctx.Err() != nil {
		return false, 0 // given up with its partition: the event comes again elsewhere
	}
	limit := r.MaxAttempts
	if errs.Is(err, errs.Unavailable) { // the event is not to blame for a part that is away
		limit = r.MaxAway
	}
	if !isPermanent(err) && n < limit {
		if n == 1 {
			log.Warn("event failed; trying again", "error", err)
		}
		return false, r.Backoff.pause(n)
	}
	if dlqErr := r.bury(ctx, record, n, err); dlqErr != nil {
		log.Error("dead letter could not be written; trying the event again", "error", dlqErr, "cause", err)
		return false, r.Backoff.pause(n)
	}
	log.Error("event given up; it is with the dead letters", "error", err)
	r.Observer.DeadLettered(r.Group.ID, record.Topic, eventType)
	return true, 0
}

// handle decodes the record and calls its handlers, within the trace that the event carries.
func (r *Runner) handle(ctx context.Context, record *kafka.Record, eventType string, n int) (err error) {
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

// bury writes the record, as it was, to the dead letters of its topic.
func (r *Runner) bury(ctx context.Context, record *kafka.Record, attempts int, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	text := strings.ToValidUTF8(cause.Error(), "")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "")
	}
	headers := append(record.Headers[:len(record.Headers):len(record.Headers)],
		kafka.Header{Key: DeadLetterError, Value: text},
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
