package consumers

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/kafka"
)

// How much of one partition is held in memory before it is paused: records that no handler has begun,
// and the span from the oldest record that is not done to the newest, done or not. The span is what
// comes again after a crash.
const (
	maxWaiting = 2000
	maxSpan    = 50_000
)

// partition keeps one claimed partition's records in order per key, and knows up to where all of them
// are done.
//
//	records -> one queue per key -> pool of workers -> done flags -> watermark -> commit
//
// A key has at most one record under way. While it waits for another attempt, its later records wait
// behind it, and other keys go on; the watermark stays in front of it.
type partition struct {
	ctx     context.Context // of handlers
	pool    *pool
	claim   claim
	attempt attempt
	marked  func(next int64)

	mu       sync.Mutex
	keys     map[eventKey]*keyQueue
	span     []slot // from the first record that is not done
	first    int    // sequence number of span[0]
	waiting  int    // records in queues
	running  int
	position int64     // the offset after the newest record that came
	touched  time.Time // when something last moved
	paused   bool
	stopping bool
	idle     chan struct{} // closed when stopping and nothing runs
}

// attempt handles a record, the n-th time. It says whether that is done with, or how long to wait before
// the next attempt.
type attempt func(ctx context.Context, r *kafka.Record, n int) (done bool, pause time.Duration)

// arrival is a record as it is given to a partition.
type arrival struct {
	offset int64 // in the partition
	record *kafka.Record
	key    eventKey
	due    time.Time // not to be handled before; zero: at once
	wanted bool      // else it is done at once
}

// claim is what a partition needs of *kafka.Claim.
type claim interface {
	Start() int64
	Mark(next int64)
	Pause()
	Resume()
}

type slot struct {
	offset int64
	done   bool
}

// keyQueue is the records of one key that are not done. It is in the pool's line, with a worker, or
// waiting for another attempt, and in one of these only.
type keyQueue struct {
	p        *partition
	key      eventKey
	items    []item
	head     int64     // when items[0] arrived
	failures int       // of items[0]
	began    time.Time // its attempt that runs; zero: none
}

type item struct {
	record   *kafka.Record
	due      time.Time
	sequence int
	arrived  int64 // in the order of all records of the pool
}

func newPartition(ctx context.Context, pool *pool, c claim, attempt attempt, marked func(int64)) *partition {
	return &partition{ctx: ctx, pool: pool, claim: c, attempt: attempt, marked: marked, touched: time.Now(), position: c.Start(),
		keys: make(map[eventKey]*keyQueue), idle: make(chan struct{})}
}

// add takes the next record of the partition.
func (p *partition) add(a arrival) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position, p.touched = a.offset+1, time.Now()
	i := item{record: a.record, due: a.due, sequence: p.first + len(p.span), arrived: p.pool.arrivals.Add(1)}
	p.span = append(p.span, slot{offset: a.offset, done: !a.wanted})
	if !a.wanted {
		p.advance()
		return
	}
	p.waiting++
	q := p.keys[a.key]
	if q == nil {
		q = &keyQueue{p: p, key: a.key}
		p.keys[a.key] = q
	}
	if q.items = append(q.items, i); len(q.items) == 1 {
		q.head = i.arrived
		p.queue(q)
	}
	if !p.paused && (p.waiting >= maxWaiting || len(p.span) >= maxSpan) {
		p.paused = true
		p.claim.Pause()
	}
}

// queue puts a key in line once its next record is due.
func (p *partition) queue(q *keyQueue) {
	if wait := time.Until(q.items[0].due); wait > 0 {
		time.AfterFunc(wait, func() { p.pool.push(q) })
		return
	}
	p.pool.push(q)
}

// begin hands a worker the key's next record, and false when the partition is being given up.
func (q *keyQueue) begin() (*kafka.Record, int, bool) {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping {
		return nil, 0, false
	}
	p.running++
	q.began = time.Now()
	return q.items[0].record, q.failures + 1, true
}

// end takes the outcome of the record that begin gave: done, or again after a pause.
func (q *keyQueue) end(done bool, pause time.Duration) {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	p.touched, q.began = time.Now(), time.Time{}
	if p.stopping && p.running == 0 {
		defer close(p.idle)
	}
	if !done {
		q.failures++
		if !p.stopping {
			time.AfterFunc(pause, func() { p.pool.push(q) })
		}
		return
	}
	p.span[q.items[0].sequence-p.first].done = true
	p.advance()
	p.waiting--
	q.items, q.failures = q.items[1:], 0
	if len(q.items) == 0 {
		delete(p.keys, q.key)
	} else if q.head = q.items[0].arrived; !p.stopping {
		p.queue(q)
	}
	if p.paused && p.waiting < maxWaiting/2 && len(p.span) < maxSpan/2 {
		p.paused = false
		p.claim.Resume()
	}
}

// advance moves the watermark over what is done and marks it.
func (p *partition) advance() {
	n := 0
	for n < len(p.span) && p.span[n].done {
		n++
	}
	if n == 0 {
		return
	}
	next := p.span[n-1].offset + 1
	p.span = p.span[n:]
	p.first += n
	p.claim.Mark(next)
	p.marked(next)
}

// stop begins nothing more; the channel is closed when what has begun is done.
func (p *partition) stop() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	if p.paused {
		p.claim.Resume() // the pause belongs to the member, and would be there when the partition comes back
	}
	if p.running == 0 {
		close(p.idle)
	}
	return p.idle
}

// stuck says what is wrong when nothing has moved for a while: a handler that does not return, or
// records that do not come although they are there. Empty when nothing is.
func (p *partition) stuck(now time.Time, after time.Duration, there kafka.Offsets) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.keys {
		if !q.began.IsZero() && now.Sub(q.began) > after {
			return fmt.Sprintf("a handler of %s %s has not returned for %s", q.key.topic, q.key.key, now.Sub(q.began).Round(time.Second))
		}
	}
	behind := there.Newest - max(p.position, there.Oldest)
	if p.waiting == 0 && !p.stopping && now.Sub(p.touched) > after && behind > 0 {
		return fmt.Sprintf("no record has come for %s, and there are %d", now.Sub(p.touched).Round(time.Second), behind)
	}
	return ""
}

// pool is the keys that have a record to handle, a line for each topic, and the workers that serve the lines
// in turn: a topic that has much to say does not keep the others waiting. Within a line, what came first is
// handled first, also where its key has much behind it: so the watermark moves on, and a crash repeats little.
type pool struct {
	arrivals atomic.Int64 // records so far

	mu     sync.Mutex
	some   sync.Cond
	lines  []*topicLine // that are not empty, the next one first
	of     map[string]*topicLine
	closed bool
}

// topicLine is a heap, the key whose next record came first at its top.
type topicLine struct{ keys []*keyQueue }

func (l *topicLine) Len() int           { return len(l.keys) }
func (l *topicLine) Less(i, j int) bool { return l.keys[i].head < l.keys[j].head }
func (l *topicLine) Swap(i, j int)      { l.keys[i], l.keys[j] = l.keys[j], l.keys[i] }
func (l *topicLine) Push(q any)         { l.keys = append(l.keys, q.(*keyQueue)) }

func (l *topicLine) Pop() any {
	last := len(l.keys) - 1
	q := l.keys[last]
	l.keys[last] = nil
	l.keys = l.keys[:last]
	return q
}

func newPool() *pool {
	p := &pool{of: map[string]*topicLine{}}
	p.some.L = &p.mu
	return p
}

func (p *pool) push(q *keyQueue) {
	p.mu.Lock()
	l := p.of[q.key.topic]
	if l == nil {
		l = &topicLine{}
		p.of[q.key.topic] = l
	}
	if len(l.keys) == 0 {
		p.lines = append(p.lines, l)
	}
	heap.Push(l, q)
	p.mu.Unlock()
	p.some.Signal()
}

// next takes the first key of the line whose turn it is. p.mu is held, and a line is not empty.
func (p *pool) next() *keyQueue {
	l := p.lines[0]
	p.lines[0] = nil
	p.lines = p.lines[1:]
	q := heap.Pop(l).(*keyQueue)
	if len(l.keys) > 0 {
		p.lines = append(p.lines, l)
	}
	return q
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.some.Broadcast()
}

// work serves the lines until the pool is closed.
func (p *pool) work() {
	for {
		p.mu.Lock()
		for len(p.lines) == 0 && !p.closed {
			p.some.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		q := p.next()
		p.mu.Unlock()
		if r, n, ok := q.begin(); ok {
			q.end(q.p.attempt(q.p.ctx, r, n))
		}
	}
}
