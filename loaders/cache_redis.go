package loaders

// What a Cache asks of Redis: each call is short, and a failure pauses the next ones.

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// lookup puts what Redis has into found, and returns the other keys; fillable are those of them that
// Redis has nothing for.
func (c *Cache[V]) lookup(ctx context.Context, keys []string, found map[string]V) (missing []string, fillable map[string]bool) {
	if c.cfg.Redis == nil || c.errOpen() != nil {
		return distinct(keys), nil
	}
	keys = distinct(keys)
	asked := keys
	c.mu.Lock()
	if len(c.owed) > 0 {
		asked = nil
		for _, key := range keys {
			if _, owed := c.owed[key]; owed {
				missing = append(missing, key)
			} else {
				asked = append(asked, key)
			}
		}
	}
	c.mu.Unlock()
	if len(asked) == 0 {
		return missing, nil
	}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	replies := make([]*redis.StringCmd, len(asked)) // a pipeline, not MGET: a cluster splits it by slot
	_, err := c.cfg.Redis.Pipelined(bounded, func(p redis.Pipeliner) error {
		for i, key := range asked {
			replies[i] = p.Get(bounded, c.cfg.Prefix+key)
		}
		return nil
	})
	c.note(ctx, err)
	fillable = make(map[string]bool)
	for i, key := range asked {
		raw, err := replies[i].Bytes()
		switch {
		case errors.Is(err, redis.Nil):
			fillable[key] = true
			missing = append(missing, key)
		case err == nil && len(raw) > 0 && raw[0] == markMissing:
		default:
			var v V
			if err == nil && len(raw) > 0 && raw[0] == markValue && json.Unmarshal(raw[1:], &v) == nil {
				found[key] = v
				continue
			}
			missing = append(missing, key)
		}
	}
	return missing, fillable
}

func (c *Cache[V]) fill(ctx context.Context, keys []string, loaded map[string]V, fillable map[string]bool) {
	if c.errOpen() != nil {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	_, err := c.cfg.Redis.Pipelined(bounded, func(p redis.Pipeliner) error {
		for _, key := range keys {
			if !fillable[key] {
				continue
			}
			v, ok := loaded[key]
			if !ok {
				p.SetNX(bounded, c.cfg.Prefix+key, string(markMissing), c.cfg.Negative)
				continue
			}
			raw, err := json.Marshal(v)
			if err != nil {
				return err
			}
			ttl := c.cfg.TTL - c.cfg.TTL/10 + rand.N(c.cfg.TTL/5+1)
			p.SetNX(bounded, c.cfg.Prefix+key, append([]byte{markValue}, raw...), ttl)
		}
		return nil
	})
	c.note(ctx, err)
}

var errPaused = errors.New("redis is being left alone for a moment")

func (c *Cache[V]) errOpen() error {
	if time.Now().UnixNano() < c.openUntil.Load() {
		return errPaused
	}
	return nil
}

// note leaves Redis alone for a while after a failure that is Redis's own, not the caller's leaving.
func (c *Cache[V]) note(ctx context.Context, err error) {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	if was := c.openUntil.Swap(time.Now().Add(pause).UnixNano()); time.Since(time.Unix(0, was)) > 10*pause {
		c.cfg.Log.WarnContext(ctx, "redis does not answer; reads go to the database", "cache", c.cfg.Prefix, "error", err)
	}
}

// settle puts tombstones for keys, and takes those it placed off what is owed.
func (c *Cache[V]) settle(ctx context.Context, keys []string) {
	began := time.Now()
	err := c.errOpen()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, deleteTimeout)
		defer cancel()
		_, err = c.cfg.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range keys {
				p.Set(ctx, c.cfg.Prefix+key, string(markTombstone), tombstoneTTL)
			}
			return nil
		})
		c.note(ctx, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		// A deletion asked for while this one ran has a later time, and is still owed.
		if until, ok := c.owed[key]; ok && (err == nil && !until.After(began.Add(c.cfg.TTL+c.cfg.TTL/10)) || time.Now().After(until)) {
			delete(c.owed, key)
		}
	}
	if len(c.owed) > 0 && err != nil && c.timer == nil {
		c.timer = time.AfterFunc(pause, c.retry)
	}
}

func (c *Cache[V]) retry() {
	c.mu.Lock()
	c.timer = nil
	keys := make([]string, 0, len(c.owed))
	for key := range c.owed {
		keys = append(keys, key)
	}
	c.mu.Unlock()
	if len(keys) > 0 {
		c.settle(context.Background(), keys)
	}
}
