// Package redis is the edge to Redis: one way to connect, with an address check that says what to mend.
//
// What is kept there is a cache or has its source elsewhere, so calls are short and honour the
// context's deadline; whoever uses the client must be able to do without it. Enter at Connect.
package redis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"storefront/internal/errs"
)

const (
	dialTimeout = 2 * time.Second
	callTimeout = 2 * time.Second // of a call whose context has no deadline
	pingTimeout = 5 * time.Second
)

// Connect opens a client for url, "redis://[user:password@]host:port/db", "rediss://" with TLS, or
// "unix://path", and waits until the server answers. On Unavailable the client is returned with the
// error and connects by itself once the server is there; a caller that can do without goes on with it.
// BadInput means that the address is wrong; the client is nil then.
func Connect(ctx context.Context, url string) (redis.UniversalClient, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the Redis address is not valid; it looks like redis://host:6379/0")
	}
	opts.ClientName = "storefront"
	opts.DialTimeout = dialTimeout
	opts.ReadTimeout = callTimeout
	opts.WriteTimeout = callTimeout
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = 1
	client := redis.NewClient(opts)
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return client, errs.Wrap(errs.Unavailable, err, "no Redis answers at %s; start it or mend --redis-url", opts.Addr)
	}
	return client, nil
}
