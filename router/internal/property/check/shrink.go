package check

import (
	"strings"
	"time"

	"storefront/router/internal/property/query"
	"storefront/router/internal/property/world"
)

// Shrink takes away parts of a world and of an operation for as long as the same kind of failure stays.
func Shrink(w *world.World, q query.Query, f *Failure, limit time.Duration) (*world.World, query.Query, *Failure) {
	until := time.Now().Add(limit)
	fails := func(w *world.World, q query.Query) *Failure {
		h, _, failure := Open(w)
		if h != nil {
			failure = h.Run(q).Failure
		}
		if failure != nil && failure.Kind == f.Kind {
			return failure
		}
		return nil
	}
	for changed := true; changed; {
		changed = false
		h, _, _ := Open(w)
		for i := 0; h != nil && time.Now().Before(until); {
			smaller, ok := query.Smaller(q, i)
			if !ok {
				break
			}
			if failure := h.Run(smaller).Failure; failure != nil && failure.Kind == f.Kind && size(smaller.Text) < size(q.Text) {
				q, f, changed = smaller, failure, true
			} else {
				i++
			}
		}
		for i := 0; time.Now().Before(until); {
			smaller, ok := w.Smaller(i)
			if !ok {
				break
			}
			if smaller == nil {
				i++
				continue
			}
			if failure := fails(smaller, q); failure != nil {
				w, f, changed = smaller, failure, true
			} else {
				i++
			}
		}
		if time.Now().After(until) {
			break
		}
	}
	return w, q, f
}

// size is the length of a text without its spaces.
func size(text string) int { return len(strings.Join(strings.Fields(text), "")) }
