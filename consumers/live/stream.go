package live

import (
	"context"
	"sync"

	"storefront/internal/live"
)

// streamBuffer is how many events a stream's channel holds. It is small since there can be many streams:
// what is more waits in a queue that exists only while the reader of the channel is behind.
const streamBuffer = 4

// stream is a sink that is read from a channel.
type stream struct {
	limit  int
	events chan live.Event
	done   chan struct{} // closed when the stream has ended

	mu      sync.Mutex
	watch   live.Watch // nil until bound
	queue   []*live.Event
	pumping bool // a goroutine moves the queue to the channel
	ended   bool
	err     error
	unbind  func() bool
}

func newStream(limit int) *stream {
	return &stream{limit: limit, events: make(chan live.Event, streamBuffer), done: make(chan struct{})}
}

func (s *stream) Events() <-chan live.Event { return s.events }

func (s *stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the watch. It returns when no event will be delivered any more.
func (s *stream) Close() {
	s.mu.Lock()
	w := s.watch
	s.mu.Unlock()
	if w != nil {
		w.Close()
	}
	s.Ended(nil)
}

// bind closes the stream when ctx ends.
func (s *stream) bind(ctx context.Context, w live.Watch) {
	stop := context.AfterFunc(ctx, s.Close)
	s.mu.Lock()
	s.watch, s.unbind = w, stop
	ended := s.ended
	s.mu.Unlock()
	if ended {
		stop()
		w.Close()
	}
}

// Event implements live.Sink. A queue that is full ends the stream.
func (s *stream) Event(e *live.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if !s.pumping {
		select {
		case s.events <- *e:
			return
		default:
		}
	}
	if len(s.queue) >= s.limit {
		s.end(live.ErrSlow)
		if s.watch != nil {
			go s.watch.Close() // not from within the topic's own goroutine
		}
		return
	}
	s.queue = append(s.queue, e)
	if !s.pumping {
		s.pumping = true
		go s.pump()
	}
}

// Ended implements live.Sink.
func (s *stream) Ended(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(err)
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

// end closes the stream's channel; what is in its queue is dropped. s.mu is held.
func (s *stream) end(err error) {
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
