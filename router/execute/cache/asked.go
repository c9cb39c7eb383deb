package cache

// One request that may be answered from what is kept.

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"storefront/internal/errs"
	"storefront/router/execute"
)

// asked is one call of Answer.
type asked struct {
	*Cache
	*execute.Call
	transport execute.Transport
	began     time.Time
	at, epoch uint64 // what the clock said then
	keys      []key
	parts     []*entry // what is found
	fresh     []byte   // the answer of the subgraph, when it is the whole
	errors    []any    // of answers to some of the parts
	moment    moment   // of the store, before the subgraph was asked
	storable  bool
}

// name makes the keys.
func (a *asked) name() {
	b := make([]byte, 0, 256)
	b = append(b, a.ID[:]...)
	b = append(append(b, a.Scope...), 0)
	b = append(append(b, a.Others...), 0)
	if a.Representations == nil {
		a.keys[0] = sha256.Sum256(b)
		return
	}
	for i, rep := range a.Representations {
		a.keys[i] = sha256.Sum256(append(b, rep...))
	}
}

// find finds the parts that are not in memory: some are being asked for by others, the rest is in the store, or
// asked for. What another has got nothing for is asked for by this call alone; where the other left, by whoever
// comes first, for all who wait. It returns a body when that is the answer as it came, which may not be kept.
func (a *asked) find(ctx context.Context, missing []int) ([]byte, error) {
	for len(missing) > 0 {
		mine, theirs := a.claim(missing)
		if len(mine) > 0 {
			body, err := a.lead(ctx, mine)
			if body != nil || err != nil {
				return body, err
			}
		}
		var alone, again []int
		for _, i := range missing { // in their order: an answer to all of them is read in that
			f := theirs[i]
			if f == nil {
				continue
			}
			select {
			case <-f.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			switch {
			case f.entry != nil:
				a.parts[i] = f.entry
				a.stats.hits.Add(1)
			case f.left:
				again = append(again, i)
			default:
				alone = append(alone, i)
			}
		}
		if len(alone) > 0 {
			if body, err := a.ask(ctx, alone); body != nil || err != nil {
				return body, err
			}
		}
		missing = again
	}
	return nil, nil
}

// claim divides what is missing into what this call asks for, and what others are asking for already. What one of
// them has brought meanwhile is in neither.
func (a *asked) claim(missing []int) (mine map[int]*flight, theirs map[int]*flight) {
	mine, theirs = map[int]*flight{}, map[int]*flight{}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range missing {
		if f := a.flights[a.keys[i]]; f != nil && f.at >= a.at { // not one that an event may have overtaken
			theirs[i] = f
			continue
		}
		if a.inMemory(i) {
			a.stats.hits.Add(1)
			continue
		}
		f := &flight{at: a.at, done: make(chan struct{})}
		a.flights[a.keys[i]], mine[i] = f, f
	}
	return mine, theirs
}

// inMemory finds a part in memory.
func (a *asked) inMemory(i int) bool {
	e := a.local.get(a.keys[i])
	if e == nil || !a.usable(e, a.began) {
		return false
	}
	a.parts[i] = e
	return true
}

// lead finds parts for this call and for all that wait for them.
func (a *asked) lead(ctx context.Context, mine map[int]*flight) ([]byte, error) {
	defer func() { // also after a panic
		a.mu.Lock()
		for i, f := range mine {
			if a.flights[a.keys[i]] == f {
				delete(a.flights, a.keys[i])
			}
		}
		a.mu.Unlock()
		for i, f := range mine {
			if e := a.parts[i]; e != nil && !e.own {
				f.entry = e
			}
			f.left = ctx.Err() != nil
			close(f.done)
		}
	}()
	var rest []int
	for i := range a.keys {
		if mine[i] != nil {
			rest = append(rest, i)
		}
	}
	if a.shared != nil {
		rest = a.read(ctx, rest)
	}
	if len(rest) == 0 {
		return nil, nil
	}
	return a.ask(ctx, rest)
}

// ask asks the subgraph for parts, and keeps them.
func (a *asked) ask(ctx context.Context, rest []int) ([]byte, error) {
	a.stats.misses.Add(int64(len(rest)))
	req, whole := a.Request, len(rest) == len(a.keys)
	if !whole {
		req = a.Part(rest)
	}
	body, control, err := execute.DoKept(ctx, a.transport, req)
	if err != nil {
		return nil, err
	}
	got := split(body, a.Representations != nil)
	if !got.well || got.failed || a.Representations != nil && len(got.parts) != len(rest) {
		if whole {
			return body, nil
		}
		return nil, a.failed(rest, got)
	}
	ttl := execute.Lifetime(control, a.MaxAge, a.Private)
	if whole && ttl <= 0 {
		return body, nil
	}
	if whole {
		a.fresh = body
	}
	for n, i := range rest {
		a.parts[i] = a.entry(i, got.parts[n], ttl)
		a.parts[i].own = ttl <= 0
	}
	if ttl > 0 {
		a.keep(rest)
	}
	return nil, nil
}

// entry makes what is kept of a part.
func (a *asked) entry(i int, value []byte, ttl time.Duration) *entry {
	e := &entry{key: a.keys[i], value: value, at: a.at, epoch: a.epoch, filled: a.began.UnixNano()}
	if a.Rules != nil {
		var rep []byte
		if a.Representations != nil {
			rep = a.Representations[i]
		}
		e.slots = slotsOf(a.Keep, rep, value)
		if a.clock.lately(e.slots, a.began.Add(-a.Settle)) {
			ttl, e.brief = min(ttl, a.Blind), true
		}
	}
	e.expires = a.began.Add(ttl).UnixNano()
	return e
}

// keep keeps parts that are new.
func (a *asked) keep(of []int) {
	var written []*entry
	for _, i := range of {
		e := a.parts[i]
		if !a.usable(e, a.Now()) {
			continue // an event came meanwhile
		}
		a.local.put(e)
		if a.storable && !e.brief {
			written = append(written, e)
		}
	}
	if len(written) > 0 {
		a.shared.write(written, a.moment, a.Now())
	}
}

// body is the answer of all parts, and how long it may be kept.
func (a *asked) body() ([]byte, time.Duration) {
	now, size := a.Now().UnixNano(), 32
	left := a.MaxAge
	for _, e := range a.parts {
		size += len(e.value) + 1
		left = min(left, time.Duration(e.expires-now))
	}
	left = max(left, 0)
	if a.fresh != nil {
		return a.fresh, left
	}
	b := make([]byte, 0, size)
	if len(a.errors) > 0 {
		return a.mixed(), 0
	}
	if a.Representations == nil {
		b = append(append(b, `{"data":`...), a.parts[0].value...)
		return append(b, '}'), left
	}
	b = append(b, `{"data":{"_entities":[`...)
	return append(a.list(b), `]}}`...), left
}

func (a *asked) list(b []byte) []byte {
	for i, e := range a.parts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e.value...)
	}
	return b
}

// mixed is the answer when there are errors.
func (a *asked) mixed() []byte {
	list, err := json.Marshal(a.errors)
	if err != nil { // cannot be: it was JSON
		list = []byte(`[{"message":"the errors of the subgraph cannot be written"}]`)
	}
	b := append(append([]byte(`{"errors":`), list...), `,"data":{"_entities":[`...)
	return append(a.list(b), `]}}`...)
}

// failed takes what a subgraph answered with errors to a part of the batch: null for what it did not answer, and
// its errors at the places that the entities have in the whole. None of it is kept.
func (a *asked) failed(rest []int, got answer) error {
	errors, ok := got.moved(rest)
	if !ok || len(got.parts) != 0 && len(got.parts) != len(rest) {
		return errs.New(errs.Unavailable, "the subgraph %q did not answer with one entity for each representation", a.Request.Subgraph)
	}
	a.errors = append(a.errors, errors...)
	for n, i := range rest {
		a.parts[i] = &entry{value: []byte("null"), own: true}
		if len(got.parts) > 0 {
			a.parts[i].value = got.parts[n]
		}
	}
	return nil
}
