// Package loaders keeps resolvers from reading stores one key at a time.
//
// Loader batches what one request asks for at nearly the same moment into one read, and remembers the
// answers until the request ends; make one per request. Cache is a read-through cache over Redis that
// all requests and processes share; make one per kind of value. Neither knows a service or a store.
package loaders

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Defaults of a Loader.
const (
	DefaultWait     = time.Millisecond
	DefaultMaxBatch = 100
)

// Batch reads many keys at once. A key that does not exist is left out of the map.
type Batch[K comparable, V any] func(ctx context.Context, keys []K) (map[K]V, error)

// Options change how a Loader batches; the zero value means the defaults.
type Options struct {
	Wait     time.Duration // how long the first key of a batch waits for more
	MaxBatch int           // a batch with this many keys goes at once
}

// Loader batches and remembers the reads of one request. It is safe for concurrent use, and needs no
// closing.
type Loader[K comparable, V any] struct {
	read Batch[K, V]
	opts Options

	mu   sync.Mutex
	open *flight[K, V] // still takes keys; nil when none does
	made map[K]*flight[K, V]
}

// New returns a loader over read, which gets at most MaxBatch distinct keys per call, in the order in
// which they were first asked for.
func New[K comparable, V any](read func(ctx context.Context, keys []K) (map[K]V, error), opts Options) *Loader[K, V] {
	if opts.Wait <= 0 {
		opts.Wait = DefaultWait
	}
	if opts.MaxBatch <= 0 {
		opts.MaxBatch = DefaultMaxBatch
	}
	return &Loader[K, V]{read: read, opts: opts, made: map[K]*flight[K, V]{}}
}

// flight is one batch: its keys, and its answer once done is closed.
type flight[K comparable, V any] struct {
	keys    []K
	timer   *time.Timer
	ctx     context.Context // values of the first caller; ends when nobody waits any more
	cancel  context.CancelFunc
	waiting int // callers; guarded by the loader's mutex
	done    chan struct{}
	found   map[K]V
	err     error
}

// Load returns the value of key and whether it exists. An error is the batch's, or ctx's when it ends
// first; errors are not remembered.
func (l *Loader[K, V]) Load(ctx context.Context, key K) (V, bool, error) {
	f := l.join(ctx, key)
	if err := l.wait(ctx, f); err != nil {
		var zero V
		return zero, false, err
	}
	v, ok := f.found[key]
	return v, ok, nil
}

// LoadMany returns the values of keys, in their order, and for each whether it exists. All keys are
// asked for before any is waited for.
func (l *Loader[K, V]) LoadMany(ctx context.Context, keys []K) ([]V, []bool, error) {
	flights := make([]*flight[K, V], len(keys))
	for i, key := range keys {
		flights[i] = l.join(ctx, key)
	}
	values, found := make([]V, len(keys)), make([]bool, len(keys))
	var failed error
	for i, f := range flights { // every flight is waited for: each was joined
		if err := l.wait(ctx, f); err != nil {
			failed = err
			continue
		}
		values[i], found[i] = f.found[keys[i]]
	}
	if failed != nil {
		return nil, nil, failed
	}
	return values, found, nil
}

// Prime remembers a value that is already at hand, unless the key was asked for before.
func (l *Loader[K, V]) Prime(key K, value V) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.made[key]; ok {
		return
	}
	done := make(chan struct{})
	close(done)
	l.made[key] = &flight[K, V]{done: done, found: map[K]V{key: value}, cancel: func() {}}
}

// Clear forgets key, so that the next Load reads it again: call it after changing what it stands for.
func (l *Loader[K, V]) Clear(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.made, key)
}

func (l *Loader[K, V]) join(ctx context.Context, key K) *flight[K, V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.made[key]; ok && !f.abandoned() {
		f.waiting++
		return f
	}
	if f := l.open; f == nil || f.abandoned() {
		f = &flight[K, V]{done: make(chan struct{})}
		f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		f.timer = time.AfterFunc(l.opts.Wait, func() { l.send(f) })
		l.open = f
	}
	f := l.open
	f.keys = append(f.keys, key)
	f.waiting++
	l.made[key] = f
	if len(f.keys) >= l.opts.MaxBatch {
		l.open = nil
		if f.timer.Stop() {
			go l.send(f)
		}
	}
	return f
}

// abandoned reports whether all callers left before the answer came.
func (f *flight[K, V]) abandoned() bool {
	select {
	case <-f.done:
		return false
	default:
		return f.ctx.Err() != nil
	}
}

func (l *Loader[K, V]) wait(ctx context.Context, f *flight[K, V]) error {
	var err error
	select {
	case <-f.done:
		err = f.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.waiting--; f.waiting == 0 {
		f.cancel() // does nothing once the answer is there
	}
	return err
}

// send reads one batch; it runs once per flight, in its own goroutine.
func (l *Loader[K, V]) send(f *flight[K, V]) {
	l.mu.Lock()
	if l.open == f {
		l.open = nil
	}
	l.mu.Unlock()
	defer f.cancel()
	defer close(f.done)
	if f.found, f.err = protect(f.ctx, l.read, f.keys); f.err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range f.keys {
		if l.made[key] == f {
			delete(l.made, key)
		}
	}
}

// protect calls read and makes a panic an error: it runs outside the request's own goroutine, where a
// panic would end the process.
func protect[K comparable, V any](ctx context.Context, read Batch[K, V], keys []K) (found map[K]V, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("load %d keys: panic: %v\n%s", len(keys), p, debug.Stack())
		}
	}()
	return read(ctx, keys)
}
