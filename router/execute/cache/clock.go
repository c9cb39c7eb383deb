package cache

import (
	"hash/fnv"
	"sync/atomic"
	"time"

	"storefront/router/execute"
	"storefront/router/supergraph"
)

// slots is how many counters there are for all keys that events may name. Keys that share one end each other's
// answers, which costs speed only.
const slots = 1 << 17

// clock counts the events that ended something, and remembers of each slot the last that did. An answer that
// was asked for when the clock stood at n is true as long as none of its slots has a later one.
type clock struct {
	wall  func() time.Time
	count atomic.Uint64
	epoch atomic.Uint64 // a new one ends everything that events can end
	slot  [slots]struct {
		last atomic.Uint64
		when atomic.Int64 // unix nanoseconds
	}
}

func newClock(wall func() time.Time) *clock { return &clock{wall: wall} }

func (c *clock) now() uint64 { return c.count.Load() }

// end ends what the slots concern.
func (c *clock) end(list []uint32) {
	n, when := c.count.Add(1), c.wall().UnixNano()
	for _, i := range list {
		s := &c.slot[i]
		s.when.Store(when)
		for last := s.last.Load(); last < n && !s.last.CompareAndSwap(last, n); last = s.last.Load() {
		}
	}
}

// endAll ends all that events can end.
func (c *clock) endAll() {
	c.epoch.Add(1)
	c.count.Add(1)
}

// since reports whether none of the slots was ended after at.
func (c *clock) since(list []uint32, at uint64) bool {
	for _, i := range list {
		if c.slot[i].last.Load() > at {
			return false
		}
	}
	return true
}

// lately reports whether one of the slots was ended after a time.
func (c *clock) lately(list []uint32, after time.Time) bool {
	for _, i := range list {
		if c.slot[i].when.Load() > after.UnixNano() {
			return true
		}
	}
	return false
}

// slotOf is the counter for a key that events of a rule name, nil for any key; the same in every router.
func slotOf(rule string, key []byte) uint32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(rule))
	if key != nil {
		_, _ = h.Write([]byte{0})
		_, _ = h.Write(key)
	}
	sum := h.Sum64()
	return uint32((sum ^ sum>>32) % slots)
}

// maxConcerns is how many keys one answer is watched by; one with more is ended by any event of its rules.
const maxConcerns = 256

// slotsOf are the counters that an answer is watched by.
func slotsOf(k *execute.Keep, rep, value []byte) []uint32 {
	var list []uint32
	k.Concerns(rep, value, func(rule *supergraph.CacheRule, key []byte) {
		if len(list) > maxConcerns {
			return
		}
		slot := slotOf(rule.ID(), key)
		for _, known := range list {
			if known == slot {
				return
			}
		}
		list = append(list, slot)
	})
	if len(list) <= maxConcerns {
		return list
	}
	list = list[:0]
	for _, rule := range k.Rules {
		list = append(list, slotOf(rule.ID(), nil))
	}
	return list
}
