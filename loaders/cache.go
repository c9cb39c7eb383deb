package loaders

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Times of a Cache; those that a CacheConfig can set are its defaults.
const (
	DefaultTTL      = 5 * time.Minute
	DefaultNegative = 10 * time.Second
	DefaultTimeout  = 50 * time.Millisecond

	pause         = time.Second            // how long a Redis that failed is left alone
	deleteTimeout = 250 * time.Millisecond // a deletion is worth waiting for
	tombstoneTTL  = 10 * time.Second
)

// CacheConfig says where and how long values are kept.
type CacheConfig struct {
	Redis    redis.UniversalClient // nil: nothing is cached
	Prefix   string                // of every key in Redis, such as "products:id:"
	TTL      time.Duration         // of a value; up to a tenth more or less is added by chance
	Negative time.Duration         // of the knowledge that a key does not exist
	Timeout  time.Duration         // how long a read waits for Redis before it does without
	Log      *slog.Logger
}

// Cache is a read-through cache over Redis, shared by all requests and processes. Values are JSON.
//
// Redis is never needed: when it is slow or away, reads go to the source, and Redis is asked again
// after a second.
//
// No stale value comes back after Delete. Delete does not remove a key but puts a tombstone in its
// place for ten seconds, and a reader fills a key only if nothing is there: a reader that missed before
// the write, and read the old value from the source, meets the tombstone and keeps its value to itself.
// A reader that took longer than half a tombstone's life does not fill at all. While Redis cannot take
// a deletion, this process passes the key by and tries again every second until the value must have
// expired; other processes may meanwhile see the old value, for its TTL at most.
type Cache[V any] struct {
	cfg       CacheConfig
	openUntil atomic.Int64 // unix nanoseconds; Redis is left alone until then

	mu      sync.Mutex
	flights map[string]*cacheFlight[V] // reads of the source under way, by key
	owed    map[string]time.Time       // deletions that Redis has not taken, and when they no longer matter
	timer   *time.Timer                // tries owed again; nil when nothing is owed
}

type cacheFlight[V any] struct {
	done  chan struct{}
	value V
	ok    bool
	err   error
}

// Source reads keys where they are kept. A key that does not exist is left out of the map.
type Source[V any] func(ctx context.Context, keys []string) (map[string]V, error)

// The first byte of what is in Redis says what it is.
const (
	markValue     = 'v' // and the value's JSON
	markMissing   = 'n' // does not exist
	markTombstone = 't' // changed a moment ago: read the source
)

// NewCache returns a cache; times that are zero are the defaults.
func NewCache[V any](cfg CacheConfig) *Cache[V] {
	if cfg.TTL <= 0 {
		cfg.TTL = DefaultTTL
	}
	if cfg.Negative <= 0 {
		cfg.Negative = DefaultNegative
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Cache[V]{cfg: cfg, flights: map[string]*cacheFlight[V]{}, owed: map[string]time.Time{}}
}

// GetMany returns the values of those keys that exist. What Redis does not have comes from source, in
// one call; callers that miss the same key at the same time share that call. Errors are the source's.
func (c *Cache[V]) GetMany(ctx context.Context, keys []string, source Source[V]) (map[string]V, error) {
	found := make(map[string]V, len(keys))
	missing, fillable := c.lookup(ctx, keys, found)
	if len(missing) == 0 {
		return found, nil
	}
	mine, theirs := c.claim(missing)
	if len(mine) > 0 {
		loaded, err := c.fetch(ctx, mine, source, fillable)
		if err != nil {
			return nil, err
		}
		for k, v := range loaded {
			found[k] = v
		}
	}
	var again []string
	for key, f := range theirs {
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case f.err != nil: // perhaps only that caller's context ended
			again = append(again, key)
		case f.ok:
			found[key] = f.value
		}
	}
	if len(again) > 0 {
		loaded, err := source(ctx, again)
		if err != nil {
			return nil, err
		}
		for k, v := range loaded {
			found[k] = v
		}
	}
	return found, nil
}

// Get is GetMany for one key.
func (c *Cache[V]) Get(ctx context.Context, key string, source Source[V]) (V, bool, error) {
	found, err := c.GetMany(ctx, []string{key}, source)
	v, ok := found[key]
	return v, ok, err
}

// Delete makes keys be read from the source again. Call it after the write that changed them is
// acknowledged. It does not fail: what Redis does not take now is tried again.
func (c *Cache[V]) Delete(ctx context.Context, keys ...string) {
	if len(keys) == 0 {
		return
	}
	c.mu.Lock()
	for _, key := range keys {
		delete(c.flights, key) // a read that began before the write is not shared any more
		if c.cfg.Redis != nil {
			c.owed[key] = time.Now().Add(c.cfg.TTL + c.cfg.TTL/10)
		}
	}
	c.mu.Unlock()
	if c.cfg.Redis != nil {
		c.settle(context.WithoutCancel(ctx), keys)
	}
}

func (c *Cache[V]) claim(keys []string) (mine map[string]*cacheFlight[V], theirs map[string]*cacheFlight[V]) {
	mine, theirs = map[string]*cacheFlight[V]{}, map[string]*cacheFlight[V]{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if f, ok := c.flights[key]; ok {
			theirs[key] = f
			continue
		}
		f := &cacheFlight[V]{done: make(chan struct{}), err: errUnfinished}
		c.flights[key], mine[key] = f, f
	}
	return mine, theirs
}

var errUnfinished = errors.New("the read of the source did not finish")

// fetch reads claimed keys from source, answers those who wait for them, and fills Redis.
func (c *Cache[V]) fetch(ctx context.Context, claimed map[string]*cacheFlight[V], source Source[V], fillable map[string]bool) (map[string]V, error) {
	defer func() { // also after a panic in source
		c.mu.Lock()
		defer c.mu.Unlock()
		for key, f := range claimed {
			if c.flights[key] == f {
				delete(c.flights, key)
			}
			close(f.done)
		}
	}()
	keys := make([]string, 0, len(claimed))
	for key := range claimed {
		keys = append(keys, key)
	}
	began := time.Now()
	loaded, err := source(ctx, keys)
	for key, f := range claimed {
		f.err = err
		f.value, f.ok = loaded[key]
	}
	if err != nil {
		return nil, err
	}
	if len(fillable) > 0 && time.Since(began) < tombstoneTTL/2 {
		c.fill(ctx, keys, loaded, fillable)
	}
	return loaded, nil
}

func distinct(keys []string) []string {
	if len(keys) < 2 {
		return keys
	}
	seen := make(map[string]bool, len(keys))
	out := make([]string, 0, len(keys))
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			out = append(out, key)
		}
	}
	return out
}
