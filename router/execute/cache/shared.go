package cache

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"
)

// Store keeps answers for all routers, and a clock that all of them turn: a count of what events have ended,
// and for each slot the count of the last that ended it. Every method fails when the store is away, and its
// caller does without.
type Store interface {
	// Read returns what stands under keys, nil for nothing, and what the clock said before: its epoch, "" when
	// it has none, and its count.
	Read(ctx context.Context, keys []string) (values [][]byte, epoch string, count uint64, err error)
	// Write puts values under keys for as long as ttls say.
	Write(ctx context.Context, keys []string, values [][]byte, ttls []time.Duration) error
	// Ended returns the counts at which slots were last ended, 0 for never, and the epoch in which they were.
	Ended(ctx context.Context, slots []uint32) (counts []uint64, epoch string, err error)
	// End counts on, and sets slots to that count, at once.
	End(ctx context.Context, slots []uint32) error
	// Begin gives the clock a new epoch: nothing that was written before is true any more.
	Begin(ctx context.Context) error
}

// moment is what a store's clock said.
type moment struct {
	epoch string
	count uint64
}

const (
	storeTimeout = 100 * time.Millisecond // of a read; who waits longer had better ask the subgraph
	storePause   = time.Second            // how long a store that failed is left alone
	endTimeout   = time.Second
	maxOwed      = 1 << 14 // slots to be ended in the store; beyond, everything is
	maxWrites    = 256     // batches that wait to be written; beyond, they are not
)

// shared is a Store as one router uses it. What an event ends here is owed to the store until the store has
// taken it: meanwhile nothing of the store that it may concern is used, for the store may not know yet.
type shared struct {
	store  Store
	log    *slog.Logger
	stats  *stats
	owing  chan struct{} // has a token when something is owed
	writes chan batch
	cancel context.CancelFunc
	run    sync.WaitGroup

	mu     sync.Mutex
	owed   map[uint32]int // slot → number of the debt
	all    int            // number of the debt of everything, 0 for none
	debts  int
	paused time.Time // it is left alone until then
}

// batch is what is to be written.
type batch struct {
	keys   []string
	values [][]byte
	ttls   []time.Duration
}

func newShared(store Store, log *slog.Logger, stats *stats) *shared {
	ctx, cancel := context.WithCancel(context.Background())
	s := &shared{store: store, log: log, stats: stats, owing: make(chan struct{}, 1), writes: make(chan batch, maxWrites), cancel: cancel, owed: map[uint32]int{}}
	s.run.Go(func() { s.settle(ctx) })
	s.run.Go(func() { s.writeAll(ctx) })
	return s
}

func (s *shared) stop() {
	s.cancel()
	s.run.Wait()
}

// end owes the store the end of slots, with nil that of everything.
func (s *shared) end(slots []uint32) {
	s.mu.Lock()
	s.debts++
	for _, i := range slots {
		s.owed[i] = s.debts
	}
	if slots == nil || len(s.owed) > maxOwed {
		s.all = s.debts
		clear(s.owed)
	}
	s.mu.Unlock()
	select {
	case s.owing <- struct{}{}:
	default:
	}
}

// settle pays what is owed, for as long as it takes.
func (s *shared) settle(ctx context.Context) {
	for {
		select {
		case <-s.owing:
		case <-ctx.Done():
			return
		}
		for s.pay(ctx) != nil {
			select {
			case <-time.After(storePause / 4):
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *shared) pay(ctx context.Context) error {
	s.mu.Lock()
	until, all := s.debts, s.all > 0
	list := make([]uint32, 0, len(s.owed))
	for i := range s.owed {
		list = append(list, i)
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	var err error
	if all {
		err = s.store.Begin(ctx)
	}
	if err == nil && len(list) > 0 {
		err = s.store.End(ctx, list)
	}
	if err != nil {
		s.failed(err)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all <= until {
		s.all = 0
	}
	for _, i := range list {
		if s.owed[i] <= until {
			delete(s.owed, i)
		}
	}
	return nil
}

// open reports whether the store may be asked: not while it has just failed, nor while everything is owed, when
// what is asked for can be ended at all.
func (s *shared) open(endable bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return (!endable || s.all == 0) && time.Now().After(s.paused)
}

// owes reports whether the end of one of the slots is owed.
func (s *shared) owes(slots []uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range slots {
		if _, owed := s.owed[i]; owed {
			return true
		}
	}
	return s.all > 0
}

func (s *shared) failed(err error) {
	s.stats.lost.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().After(s.paused) {
		s.log.Warn("the shared cache is away; the router does without it", "error", err)
	}
	s.paused = time.Now().Add(storePause)
}

func (s *shared) writeAll(ctx context.Context) {
	for {
		select {
		case b := <-s.writes:
			if s.open(false) {
				ctx, cancel := context.WithTimeout(ctx, endTimeout)
				if err := s.store.Write(ctx, b.keys, b.values, b.ttls); err != nil {
					s.failed(err)
				}
				cancel()
			}
		case <-ctx.Done():
			return
		}
	}
}

// write leaves entries to be written; m is what the store's clock said before they were asked for.
func (s *shared) write(list []*entry, m moment, now time.Time) {
	var b batch
	for _, e := range list {
		if ttl := time.Duration(e.expires - now.UnixNano()); ttl > 0 {
			b.keys, b.values, b.ttls = append(b.keys, storeKey(e.key)), append(b.values, encode(e, m)), append(b.ttls, ttl)
		}
	}
	select {
	case s.writes <- b:
	default: // the store is slow: others will have to ask the subgraph
	}
}

func storeKey(k key) string { return hex.EncodeToString(k[:16]) }

// read finds parts in the store, and returns those that are not there.
func (a *asked) read(ctx context.Context, of []int) (rest []int) {
	s, endable := a.shared, len(a.Rules) > 0
	if endable && !a.following.trusted.Load() || !s.open(endable) {
		return of
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	keys := make([]string, len(of))
	for n, i := range of {
		keys[n] = storeKey(a.keys[i])
	}
	values, epoch, count, err := s.store.Read(ctx, keys)
	if err != nil {
		s.failed(err)
		return of
	}
	if epoch == "" { // it has forgotten, or was never there
		s.end(nil)
		return of
	}
	a.moment, a.storable = moment{epoch, count}, true
	found := make([]*entry, len(of))
	var slots []uint32
	for n, i := range of {
		e, m, ok := decode(a.keys[i], values[n])
		if !ok || len(e.slots) > 0 && (m.epoch != epoch || s.owes(e.slots)) {
			continue
		}
		e.at, e.epoch, e.count = a.at, a.epoch, m.count
		found[n] = e
		slots = append(slots, e.slots...)
	}
	var ended []uint64
	if len(slots) > 0 {
		var now string
		if ended, now, err = s.store.Ended(ctx, slots); err != nil {
			s.failed(err)
			return of
		}
		if now != epoch { // the clock is another, and does not know what had ended
			return of
		}
	}
	for n, i := range of {
		e := found[n]
		if e == nil || !e.true(&ended) || !a.usable(e, a.began) {
			rest = append(rest, i)
			continue
		}
		a.parts[i] = e
		a.local.put(e)
	}
	a.stats.shared.Add(int64(len(of) - len(rest)))
	return rest
}

// true reports whether none of the entry's slots was ended after it was asked for, and takes their counts away.
func (e *entry) true(ended *[]uint64) bool {
	own := (*ended)[:len(e.slots)]
	*ended = (*ended)[len(e.slots):]
	for _, n := range own {
		if n > e.count {
			return false
		}
	}
	return true
}

const encoding = 1 // version of the form below

// encode writes an entry: version, when it was filled and expires, the store's count and epoch, slots, value.
func encode(e *entry, m moment) []byte {
	b := make([]byte, 0, len(e.value)+4*len(e.slots)+len(m.epoch)+64)
	b = append(b, encoding)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.filled))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.expires))
	b = binary.LittleEndian.AppendUint64(b, m.count)
	b = binary.AppendUvarint(b, uint64(len(m.epoch)))
	b = append(b, m.epoch...)
	b = binary.AppendUvarint(b, uint64(len(e.slots)))
	for _, i := range e.slots {
		b = binary.LittleEndian.AppendUint32(b, i)
	}
	b = append(b, e.key[:]...) // all of it: of two keys with the same beginning the second misses
	return append(b, e.value...)
}

// decode reads what encode wrote under a key; false for anything else.
func decode(k key, b []byte) (*entry, moment, bool) {
	if len(b) < 26 || b[0] != encoding {
		return nil, moment{}, false
	}
	e := &entry{key: k, filled: int64(binary.LittleEndian.Uint64(b[1:])), expires: int64(binary.LittleEndian.Uint64(b[9:]))}
	m := moment{count: binary.LittleEndian.Uint64(b[17:])}
	b = b[25:]
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, m, false
	}
	m.epoch, b = string(b[used:used+int(n)]), b[used+int(n):]
	n, used = binary.Uvarint(b)
	if used <= 0 || n > maxConcerns+64 || uint64(len(b)-used) < 4*n+uint64(len(k)) {
		return nil, m, false
	}
	b = b[used:]
	for ; n > 0; n-- {
		i := binary.LittleEndian.Uint32(b)
		if i >= slots {
			return nil, m, false
		}
		e.slots, b = append(e.slots, i), b[4:]
	}
	if key(b[:len(k)]) != k {
		return nil, m, false
	}
	e.value = b[len(k):]
	return e, m, len(e.value) > 0
}
