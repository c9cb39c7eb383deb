// Package seldom keeps log lines that repeat from flooding a log: of each kind one is written in a
// while, with how many like it were left out since the one before. It writes nothing itself.
// Enter at New and Lines.Next.
package seldom

import (
	"sync"
	"time"
)

// maxKinds bounds what is remembered; kinds beyond it count as one.
const maxKinds = 1000

// Lines says which lines are to be written. It is safe for concurrent use.
type Lines struct {
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	written time.Time
	left    int // out since then
}

// New returns Lines that lets one line of a kind through in each span of every.
func New(every time.Duration, now func() time.Time) *Lines {
	return &Lines{every: every, now: now, kinds: map[string]*kind{}}
}

// Next reports whether a line of a kind is to be written now, and how many were left out before it.
func (l *Lines) Next(name string) (left int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	k := l.kinds[name]
	if k == nil && len(l.kinds) >= maxKinds {
		name = ""
		k = l.kinds[name]
	}
	switch {
	case k == nil:
		l.kinds[name] = &kind{written: now}
		return 0, true
	case now.Sub(k.written) < l.every:
		k.left++
		return 0, false
	}
	left, k.written, k.left = k.left, now, 0
	return left, true
}
