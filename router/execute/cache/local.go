package cache

import (
	"container/list"
	"sync"
)

// entry is a part of an answer that is kept. It is immutable.
type entry struct {
	key     key
	value   []byte   // JSON
	slots   []uint32 // that end it
	at      uint64   // the clock when it was asked for
	epoch   uint64
	count   uint64 // of the store's clock, in what comes from there
	filled  int64  // unix nanoseconds: when it was asked for
	expires int64  // unix nanoseconds
	brief   bool   // it is kept for a moment only
	own     bool   // it is for who asked alone: it came with errors, or its subgraph does not let it be kept
}

// entryBytes is what an entry takes beside its value and slots, roughly.
const entryBytes = 250

func (e *entry) bytes() int { return len(e.value) + 4*len(e.slots) + entryBytes }

const shards = 16

// local keeps entries in memory, the most recently used ones.
type local struct {
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	entries map[key]*list.Element
	recent  list.List // of *entry, the last used one first
	bytes   int
	limit   int
}

func newLocal(limit int) *local {
	l := &local{}
	for i := range l.shards {
		l.shards[i].entries, l.shards[i].limit = map[key]*list.Element{}, limit/shards
	}
	return l
}

func (l *local) of(k key) *shard { return &l.shards[k[0]%shards] }

func (l *local) get(k key) *entry {
	s := l.of(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.entries[k]
	if at == nil {
		return nil
	}
	s.recent.MoveToFront(at)
	return at.Value.(*entry)
}

// put keeps an entry, unless it is larger than all that may be kept beside it.
func (l *local) put(e *entry) {
	s := l.of(e.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[e.key]; old != nil {
		s.drop(old)
	}
	if e.bytes() > s.limit {
		return
	}
	own := *e
	own.value = append(make([]byte, 0, len(e.value)), e.value...) // not all of the answer it came in
	s.entries[e.key] = s.recent.PushFront(&own)
	for s.bytes += own.bytes(); s.bytes > s.limit; {
		s.drop(s.recent.Back())
	}
}

func (s *shard) drop(at *list.Element) {
	e := s.recent.Remove(at).(*entry)
	delete(s.entries, e.key)
	s.bytes -= e.bytes()
}

func (l *local) size() (bytes int64) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		bytes += int64(s.bytes)
		s.mu.Unlock()
	}
	return bytes
}
