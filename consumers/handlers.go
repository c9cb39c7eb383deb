package consumers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"storefront/events"
	"storefront/internal/kafka"
)

// Handlers says what one group does with which event. The zero value handles nothing.
type Handlers struct {
	byType map[string][]handler // by wire name
	topics []string
}

type handler struct {
	topic string
	call  func(ctx context.Context, e events.Event) error
}

// On adds a handler of E to h. Several handlers of one type run in the order they were added, and all
// of them again when one fails. A handler must be idempotent: an event comes at least once. In it,
// eventmeta.From(ctx) says the event's id, time and place.
//
// A handler's error is tried again after a while; one wrapped by Permanent goes to the dead letters.
func On[E events.Event](h *Handlers, f func(ctx context.Context, e E) error) {
	var zero E
	if h.byType == nil {
		h.byType = make(map[string][]handler)
	}
	h.byType[zero.EventType()] = append(h.byType[zero.EventType()], handler{
		topic: zero.EventTopic(),
		call: func(ctx context.Context, e events.Event) error {
			typed, ok := e.(E)
			if !ok {
				return Permanent(fmt.Errorf("event is a %T, not a %T", e, zero))
			}
			return f(ctx, typed)
		},
	})
	if !slices.Contains(h.topics, zero.EventTopic()) {
		h.topics = append(h.topics, zero.EventTopic())
		slices.Sort(h.topics)
	}
}

// Topics lists the topics that the handlers need, sorted.
func (h *Handlers) Topics() []string { return slices.Clone(h.topics) }

// of returns the handlers of a record, and false when nothing here is interested in it. A record that
// does not say its type is of interest: it belongs to the dead letters.
func (h *Handlers) of(r *kafka.Record) ([]handler, bool) {
	eventType := r.Header(events.HeaderType)
	if eventType == "" {
		return nil, true
	}
	var found []handler
	for _, c := range h.byType[eventType] {
		if c.topic == r.Topic {
			found = append(found, c)
		}
	}
	return found, len(found) > 0
}

// Permanent marks an error that trying again cannot mend.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ cause error }

func (e *permanentError) Error() string { return e.cause.Error() }
func (e *permanentError) Unwrap() error { return e.cause }

func isPermanent(err error) bool {
	_, ok := errors.AsType[*permanentError](err)
	return ok
}
