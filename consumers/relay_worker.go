package consumers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"storefront/events"
	"storefront/internal/kafka"
	"storefront/internal/outbox"
)

const documentsAtOnce = 64 // published together by one worker

// relayWorker publishes the documents whose ids hash to it. It takes several at once: their entries
// share one Publish, each document's in order.
type relayWorker struct {
	relay *Relay
	wake  chan struct{}

	mu    sync.Mutex
	line  []document
	state map[document]*documentState
}

// documentState is of a document that is in line, being published or waiting after a failure. A
// document is in one place only, so wakeups that come together are one.
type documentState struct {
	busy     bool // being published
	again    bool // written to meanwhile
	failures int
}

func newRelayWorker(r *Relay) *relayWorker {
	return &relayWorker{relay: r, wake: make(chan struct{}, 1), state: make(map[document]*documentState)}
}

func (w *relayWorker) offer(d document) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.state[d]; s != nil {
		s.again = s.busy
		return
	}
	if w.relay.backlog.Load() >= maxBacklog {
		return
	}
	w.relay.backlog.Add(1)
	w.state[d] = &documentState{}
	w.enqueue(d)
}

func (w *relayWorker) enqueue(d document) {
	w.line = append(w.line, d)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run publishes until ctx ends. work is what the calls run under: it ends a little later.
func (w *relayWorker) run(ctx, work context.Context) {
	for ctx.Err() == nil {
		documents, until := w.take()
		if len(documents) == 0 {
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			continue
		}
		leased, cancel := context.WithDeadline(work, until)
		for i, err := range w.publish(leased, documents) {
			w.finish(documents[i], err)
		}
		cancel()
	}
}

// take is what is published next, and until when that may last. Documents whose shard is another's by
// now are left to it.
func (w *relayWorker) take() (documents []document, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.line) > 0 && len(documents) < documentsAtOnce {
		d := w.line[0]
		w.line = w.line[1:]
		lease, ours := w.relay.shares.begin(shardOf(d.id))
		if !ours {
			w.forget(d)
			continue
		}
		until = lease
		w.state[d].busy = true
		documents = append(documents, d)
	}
	return documents, until
}

func (w *relayWorker) forget(d document) {
	delete(w.state, d)
	w.relay.backlog.Add(-1)
}

// finish forgets a document that is done, and puts it in line again when it is not.
func (w *relayWorker) finish(d document, err error) {
	w.relay.shares.end(shardOf(d.id))
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.state[d]
	s.busy = false
	switch {
	case err != nil:
		s.failures++
		s.again = false
		time.AfterFunc(w.relay.Backoff.pause(s.failures), func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.enqueue(d)
		})
	case s.again:
		s.again, s.failures = false, 0
		w.enqueue(d)
	default:
		w.forget(d)
	}
}

// publish does the whole way of several documents at once, and returns the error of each.
func (w *relayWorker) publish(ctx context.Context, documents []document) []error {
	failed := make([]error, len(documents))
	entries := make([][]outbox.Record, len(documents))
	marked := make([]bool, len(documents))
	byStore(documents, func(store outbox.Store, at []int) {
		ids := make([]string, len(at))
		for i, n := range at {
			ids[i] = documents[n].id
		}
		loaded, err := store.Load(ctx, ids)
		for i, n := range at {
			if entries[n], marked[n] = loaded[ids[i]]; err != nil {
				failed[n] = fmt.Errorf("load outbox of %s %s: %w", store.Name(), ids[i], err)
			}
		}
	})
	began := time.Now()
	var messages []kafka.Message
	var spans []trace.Span
	for _, records := range entries {
		for _, e := range records {
			if w.relay.Tracer != nil && e.Traceparent != "" {
				spans = append(spans, w.relay.span(&e))
			}
			messages = append(messages, messageOf(e))
		}
	}
	acked, err := w.send(ctx, messages)
	for _, s := range spans {
		s.End()
	}

	published := make([]int, len(documents)) // entries in front that are acknowledged
	at := 0
	for i, records := range entries {
		for published[i] < len(records) && acked(at+published[i]) {
			published[i]++
		}
		at += len(records)
		if published[i] < len(records) {
			failed[i] = fmt.Errorf("publish outbox of %s %s: %w", documents[i].store.Name(), documents[i].id, err)
		}
	}
	byStore(documents, func(store outbox.Store, at []int) {
		ids := make(map[string][]string, len(at))
		count := 0
		for _, n := range at {
			if marked[n] && len(entries[n]) == 0 {
				ids[documents[n].id] = []string{} // the mark is left
			}
			for _, e := range entries[n][:published[n]] {
				ids[documents[n].id] = append(ids[documents[n].id], e.ID)
				count++
			}
		}
		if len(ids) == 0 {
			return
		}
		if count > 0 {
			w.relay.Observer.Published(store.Name(), count, time.Since(began))
		}
		if err := store.Remove(ctx, ids); err != nil {
			for _, n := range at {
				if ids[documents[n].id] != nil && failed[n] == nil {
					failed[n] = fmt.Errorf("take published entries out of %s %s: %w", store.Name(), documents[n].id, err)
				}
			}
		}
	})
	for i, err := range failed {
		if err != nil {
			w.relay.failed(documents[i].store, err)
		}
	}
	return failed
}

// span is an entry's way from the write to Kafka's acknowledgement. What follows from the event follows
// from it.
func (r *Relay) span(e *outbox.Record) trace.Span {
	carrier := propagation.MapCarrier{events.HeaderTraceparent: e.Traceparent}
	ctx, span := r.Tracer.Start(propagation.TraceContext{}.Extract(context.Background(), carrier), "publish "+e.Type,
		trace.WithTimestamp(e.Time), trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.destination.name", e.Topic),
			attribute.String("messaging.message.id", e.ID),
			attribute.String("messaging.kafka.message.key", e.Key),
		))
	propagation.TraceContext{}.Inject(ctx, carrier)
	e.Traceparent = carrier[events.HeaderTraceparent]
	return span
}

// send publishes messages and returns which of them are acknowledged.
func (w *relayWorker) send(ctx context.Context, messages []kafka.Message) (acked func(i int) bool, err error) {
	if len(messages) == 0 {
		return func(int) bool { return false }, nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.relay.Timeout)
	defer cancel()
	err = w.relay.Producer.Publish(ctx, messages)
	if err == nil {
		return func(int) bool { return true }, nil
	}
	if part, ok := errors.AsType[*kafka.PublishError](err); ok {
		return func(i int) bool { return part.Failed[i] == nil }, err
	}
	return func(int) bool { return false }, err
}

// byStore calls f for each store with the places of its documents, all stores at once.
func byStore(documents []document, f func(store outbox.Store, at []int)) {
	var stores []outbox.Store
	places := map[outbox.Store][]int{}
	for i, d := range documents {
		if places[d.store] == nil {
			stores = append(stores, d.store)
		}
		places[d.store] = append(places[d.store], i)
	}
	var wg sync.WaitGroup
	for _, store := range stores[1:] {
		wg.Go(func() { f(store, places[store]) })
	}
	f(stores[0], places[stores[0]])
	wg.Wait()
}

// messageOf is the entry as a CloudEvent in Kafka's binary mode.
func messageOf(e outbox.Record) kafka.Message {
	headers := []kafka.Header{
		{Key: events.HeaderSpecVersion, Value: "1.0"},
		{Key: events.HeaderID, Value: e.ID},
		{Key: events.HeaderType, Value: e.Type},
		{Key: events.HeaderSource, Value: e.Source},
		{Key: events.HeaderTime, Value: e.Time.UTC().Format(time.RFC3339Nano)},
		{Key: events.HeaderSubject, Value: e.Key},
		{Key: events.HeaderContentType, Value: "application/json"},
		{Key: events.HeaderDataSchema, Value: events.DataSchema(e.Type)},
	}
	if e.Cause != "" {
		headers = append(headers, kafka.Header{Key: events.HeaderCause, Value: e.Cause})
	}
	if e.Traceparent != "" {
		headers = append(headers, kafka.Header{Key: events.HeaderTraceparent, Value: e.Traceparent})
	}
	return kafka.Message{Topic: e.Topic, Key: e.Key, Value: e.Data, Headers: headers, Time: e.Time}
}
