package live

import (
	"context"
	"slices"
	"sync"

	"storefront/internal/kafka"
	"storefront/internal/live"
)

// streamBuffer is how many events a stream's channel holds. It is small since there are many streams:
// what is more waits in a queue that exists only while the subscriber is behind.
const streamBuffer = 4

// stream is one subscriber.
type stream struct {
	topic  *topic
	filter live.Filter
	limit  int
	after  position // skip what is before it; nil: nothing

	events chan live.Event
	done   chan struct{} // closed when the stream has ended

	mu      sync.Mutex
	queue   []*live.Event
	pumping bool // a goroutine moves the queue to the channel
	ended   bool
	err     error
	unbind  func() bool
}

func newStream(t *topic, filter live.Filter, limit int) *stream {
	return &stream{topic: t, filter: filter, limit: limit, events: make(chan live.Event, streamBuffer), done: make(chan struct{})}
}

func (s *stream) Events() <-chan live.Event { return s.events }

func (s *stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close takes the stream out of its topic. It returns when no event will be delivered any more.
func (s *stream) Close() {
	s.topic.remove(s)
	s.end(nil)
}

// bind closes the stream when ctx ends.
func (s *stream) bind(ctx context.Context) {
	stop := context.AfterFunc(ctx, s.Close)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unbind = stop
	if s.ended {
		stop()
	}
}

// push queues an event and never blocks. It returns false when the queue is full.
func (s *stream) push(e *live.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return true
	}
	if !s.pumping {
		select {
		case s.events <- *e:
			return true
		default:
		}
	}
	if len(s.queue) >= s.limit {
		return false
	}
	s.queue = append(s.queue, e)
	if !s.pumping {
		s.pumping = true
		go s.pump()
	}
	return true
}

// pump moves the queue to the channel until it is empty or the stream has ended.
func (s *stream) pump() {
	for {
		s.mu.Lock()
		if s.ended {
			close(s.events)
			s.mu.Unlock()
			return
		}
		if len(s.queue) == 0 {
			s.queue, s.pumping = nil, false
			s.mu.Unlock()
			return
		}
		e := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		select {
		case s.events <- *e:
		case <-s.done:
		}
	}
}

// end closes the stream's channel; what is in its queue is dropped.
func (s *stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended, s.err, s.queue = true, err, nil
	close(s.done)
	if !s.pumping {
		close(s.events)
	}
	if s.unbind != nil {
		s.unbind()
	}
}

// before says that the subscriber has had the record already.
func (s *stream) before(r *kafka.Record) bool {
	return s.after != nil && r.Offset < s.after[r.Partition]
}

// matches decides whether the filter lets an entry through, decoding it only when all else holds.
func (s *stream) matches(e *entry) bool {
	if s.filter.Key != "" && s.filter.Key != e.record.Key {
		return false
	}
	if len(s.filter.Types) > 0 && !slices.Contains(s.filter.Types, e.typ()) {
		return false
	}
	event, ok := e.decode()
	if !ok {
		return false
	}
	if s.filter.Attribute == "" {
		return true
	}
	value, ok := attribute(event.Data, s.filter.Attribute)
	return ok && value == s.filter.Value
}
