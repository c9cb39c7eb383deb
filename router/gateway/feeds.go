package gateway

import "sync"

// feeds are all that are open. A gateway that drains opens no more.
type feeds struct {
	mu     sync.Mutex
	open   map[*feed]struct{}
	closed bool
	empty  chan struct{} // closed when closed and none is open
}

func newFeeds() *feeds { return &feeds{open: map[*feed]struct{}{}, empty: make(chan struct{})} }

func (s *feeds) add(f *feed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[f] = struct{}{}
	return true
}

func (s *feeds) remove(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[f]; !ok {
		return
	}
	delete(s.open, f)
	s.signal()
}

// signal tells those who wait for the last one. s.mu is held.
func (s *feeds) signal() {
	if s.closed && len(s.open) == 0 {
		select {
		case <-s.empty:
		default:
			close(s.empty)
		}
	}
}

// shut lets no more in, and returns those that are open.
func (s *feeds) shut() []*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.signal()
	return s.list()
}

func (s *feeds) all() []*feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

func (s *feeds) list() []*feed {
	list := make([]*feed, 0, len(s.open))
	for f := range s.open {
		list = append(list, f)
	}
	return list
}

// Live is the live part of a gateway, for metrics.
type Live struct {
	Feeds   int // that have begun and are open
	Sockets int // WebSockets
	Groups  int // of feeds that share what is resolved for them
	Queued  int // messages that wait for clients
	Most    int // of which for the slowest
}

// Live counts what is open at the moment.
func (g *Gateway) Live() Live {
	s := Live{Groups: g.hub.count(), Sockets: int(g.sockets.Load())}
	for _, f := range g.feeds.all() {
		n, begun := f.depth()
		if begun {
			s.Feeds++
		}
		s.Queued += n
		s.Most = max(s.Most, n)
	}
	return s
}
