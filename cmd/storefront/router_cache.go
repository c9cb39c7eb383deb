package main

// What the router keeps of subgraphs' answers: in memory, in Redis where there is one, and no longer than the
// events say that are read from Kafka.

import (
	"storefront/internal/errs"
	redisedge "storefront/internal/redis"
	"storefront/internal/telemetry"
	"storefront/router/execute/cache"
)

// CacheFlags are how much is kept of subgraphs' answers.
type CacheFlags struct {
	CacheMB int `flag:"cache-mb" env:"STOREFRONT_CACHE_MB" default:"64" help:"MB of memory for subgraphs' answers, as far as @cacheControl allows to keep them; 0 keeps nothing, neither in Redis"`
}

// answersPrefix begins the keys of kept answers in Redis, after the namespace of the shop.
const answersPrefix = "storefront:answers:"

// openCache makes the cache of a router, nil for none.
func (c routerConfig) openCache(feed cache.Config) (*cache.Cache, error) {
	if c.CacheMB < 0 {
		return nil, errs.New(errs.BadInput, "--cache-mb %d: give the MB of memory for subgraphs' answers, or 0 to keep nothing", c.CacheMB)
	}
	if c.CacheMB == 0 {
		return nil, nil
	}
	feed.Bytes, feed.Logger = c.CacheMB<<20, c.log
	if c.redis != nil {
		namespace := ""
		if c.kafka != nil {
			namespace = c.kafka.Namespace
		}
		feed.Store = redisedge.NewAnswers(c.redis, namespace+answersPrefix)
	}
	if c.kafka != nil {
		feed.Alive = c.kafka.Ping
	}
	kept := cache.New(feed)
	c.metrics.Kept(func() telemetry.Kept {
		s := kept.Stats()
		return telemetry.Kept{Hits: s.Hits, Shared: s.Shared, Misses: s.Misses, Ended: s.Ended, Lost: s.Lost, Bytes: s.Bytes, Trusted: s.Trusted}
	})
	return kept, nil
}
