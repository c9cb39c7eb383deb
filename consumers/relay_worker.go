package consumers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/events"
	"storefront/internal/kafka"
	"storefront/internal/outbox"
)

const (
	documentsAtOnce  = 64 // published together by one worker
	storeCallsAtOnce = 8  // at once, of one worker
)

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
		documents := w.take()
		if len(documents) == 0 {
			select {
			case <-w.wake:
			case <-ctx.Done():
			}
			continue
		}
		for i, err := range w.publish(work, documents) {
			w.finish(documents[i], err)
		}
	}
}

func (w *relayWorker) take() []document {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.line), documentsAtOnce)
	documents := w.line[:n:n]
	w.line = w.line[n:]
	for _, d := range documents {
		w.state[d].busy = true
	}
	return documents
}

// finish forgets a document that is done, and puts it in line again when it is not.
func (w *relayWorker) finish(d document, err error) {
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
		delete(w.state, d)
		w.relay.backlog.Add(-1)
	}
}

// publish does the whole way of several documents at once, and returns the error of each.
func (w *relayWorker) publish(ctx context.Context, documents []document) []error {
	errs := make([]error, len(documents))
	entries := make([][]outbox.Record, len(documents))
	each(documents, func(i int, d document) {
		entries[i], errs[i] = d.store.Load(ctx, d.id)
		if errs[i] != nil {
			errs[i] = fmt.Errorf("load outbox of %s %s: %w", d.store.Name(), d.id, errs[i])
		}
	})
	began := time.Now()
	var messages []kafka.Message
	for _, records := range entries {
		for _, e := range records {
			messages = append(messages, messageOf(e))
		}
	}
	acked, err := w.send(ctx, messages)

	published := make([]int, len(documents)) // entries in front that are acknowledged
	at := 0
	for i, records := range entries {
		for published[i] < len(records) && acked(at+published[i]) {
			published[i]++
		}
		at += len(records)
		if published[i] < len(records) {
			errs[i] = fmt.Errorf("publish outbox of %s %s: %w", documents[i].store.Name(), documents[i].id, err)
		}
	}
	each(documents, func(i int, d document) {
		if published[i] == 0 {
			return
		}
		w.relay.Observer.Published(d.store.Name(), published[i], time.Since(began))
		ids := make([]string, published[i])
		for j := range ids {
			ids[j] = entries[i][j].ID
		}
		if err := d.store.Remove(ctx, d.id, ids); err != nil && errs[i] == nil {
			errs[i] = fmt.Errorf("take published entries out of %s %s: %w", d.store.Name(), d.id, err)
		}
	})
	for i, err := range errs {
		if err != nil {
			w.relay.failed(documents[i].store, err)
		}
	}
	return errs
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

// each calls f for every document, several at once.
func each(documents []document, f func(i int, d document)) {
	if len(documents) == 1 {
		f(0, documents[0])
		return
	}
	var g errgroup.Group
	g.SetLimit(storeCallsAtOnce)
	for i, d := range documents {
		g.Go(func() error {
			f(i, d)
			return nil
		})
	}
	_ = g.Wait() // f reports by itself
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
	}
	if e.Traceparent != "" {
		headers = append(headers, kafka.Header{Key: events.HeaderTraceparent, Value: e.Traceparent})
	}
	return kafka.Message{Topic: e.Topic, Key: e.Key, Value: e.Data, Headers: headers, Time: e.Time}
}
