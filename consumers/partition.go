package consumers

import (
	"context"
	"sync"
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
	ctx    context.Context // of handlers
	pool   *pool
	claim  claim
	marked func(next int64)

	mu       sync.Mutex
	keys     map[string]*keyQueue
	span     []slot // from the first record that is not done
	first    int    // sequence number of span[0]
	waiting  int    // records in queues
	running  int
	paused   bool
	stopping bool
	idle     chan struct{} // closed when stopping and nothing runs
}

// claim is what a partition needs of *kafka.Claim.
type claim interface {
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
	key      string
	items    []item
	failures int // of items[0]
}

type item struct {
	record   *kafka.Record
	sequence int
}

func newPartition(ctx context.Context, pool *pool, c claim, marked func(int64)) *partition {
	return &partition{ctx: ctx, pool: pool, claim: c, marked: marked, keys: make(map[string]*keyQueue), idle: make(chan struct{})}
}

// add takes the next record of the partition. One that nobody wants is done at once.
func (p *partition) add(r *kafka.Record, wanted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := item{record: r, sequence: p.first + len(p.span)}
	p.span = append(p.span, slot{offset: r.Offset, done: !wanted})
	if !wanted {
		p.advance()
		return
	}
	p.waiting++
	q := p.keys[r.Key]
	if q == nil {
		q = &keyQueue{p: p, key: r.Key}
		p.keys[r.Key] = q
		p.pool.push(q)
	}
	q.items = append(q.items, i)
	if !p.paused && (p.waiting >= maxWaiting || len(p.span) >= maxSpan) {
		p.paused = true
		p.claim.Pause()
	}
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
	return q.items[0].record, q.failures + 1, true
}

// end takes the outcome of the record that begin gave: done, or again after a pause.
func (q *keyQueue) end(done bool, pause time.Duration) {
	p := q.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
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
	} else if !p.stopping {
		p.pool.push(q)
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

// pool is the line of keys that have a record to handle, and the workers that serve it.
type pool struct {
	mu     sync.Mutex
	some   sync.Cond
	line   []*keyQueue
	closed bool
}

func newPool() *pool {
	p := &pool{}
	p.some.L = &p.mu
	return p
}

func (p *pool) push(q *keyQueue) {
	p.mu.Lock()
	p.line = append(p.line, q)
	p.mu.Unlock()
	p.some.Signal()
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.some.Broadcast()
}

// work serves the line until the pool is closed. attempt handles a record, and says whether it is done
// or how long to wait before the next attempt.
func (p *pool) work(attempt func(ctx context.Context, r *kafka.Record, n int) (bool, time.Duration)) {
	for {
		p.mu.Lock()
		for len(p.line) == 0 && !p.closed {
			p.some.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		q := p.line[0]
		p.line[0] = nil
		p.line = p.line[1:]
		p.mu.Unlock()
		if r, n, ok := q.begin(); ok {
			q.end(attempt(q.p.ctx, r, n))
		}
	}
}
