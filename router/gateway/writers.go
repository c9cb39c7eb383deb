package gateway

import (
	"sync"
	"time"
)

// ownWrites is for how long after a mutation its caller's queries are not answered from the entity cache: by
// then the event of what it changed has come.
const ownWrites = 2 * time.Second

// maxWriters is how many callers are remembered; of more, some see what they changed a moment later.
const maxWriters = 10_000

// writers are the callers who have changed something a moment ago.
type writers struct {
	mu sync.Mutex
	at map[string]time.Time // by ShareKey
}

func newWriters() *writers { return &writers{at: map[string]time.Time{}} }

func (w *writers) wrote(caller string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.at) >= maxWriters {
		for c, at := range w.at {
			if now.Sub(at) >= ownWrites {
				delete(w.at, c)
			}
		}
	}
	if len(w.at) < maxWriters {
		w.at[caller] = now
	}
}

func (w *writers) lately(caller string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.at[caller]
	return ok && now.Sub(at) < ownWrites
}
