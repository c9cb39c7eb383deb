// Package redis is the edge to Redis: one way to connect, with an address check that says what to mend.
//
// What is kept there is a cache or has its source elsewhere, so calls are short and honour the
// context's deadline; whoever uses the client must be able to do without it. Enter at Connect.
package redis

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"storefront/internal/errs"
)

const (
	clientName  = "storefront"
	maxRetries  = 1
	dialTimeout = 2 * time.Second
	callTimeout = 2 * time.Second // of a call whose context has no deadline
	pingTimeout = 5 * time.Second
)

// Connect opens a client for address, "redis://[user:password@]host:port/db", "rediss://" with TLS,
// "unix://path", or for a cluster "redis://host:port?addr=host2:port2", and waits until the server answers. On Unavailable the client is returned with the
// error and connects by itself once the server is there; a caller that can do without goes on with it.
// BadInput means that the address is wrong; the client is nil then.
func Connect(ctx context.Context, address string) (redis.UniversalClient, error) {
	client, addr, err := open(address)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the Redis address is not valid; it looks like redis://host:6379/0")
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return client, errs.Wrap(errs.Unavailable, err, "no Redis answers at %s; start it or mend --redis-url", addr)
	}
	return client, nil
}

func open(address string) (client redis.UniversalClient, addr string, err error) {
	if u, err := url.Parse(address); err == nil && u.Query().Has("addr") {
		opts, err := redis.ParseClusterURL(address)
		if err != nil {
			return nil, "", err
		}
		opts.ClientName, opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = clientName, dialTimeout, callTimeout, callTimeout
		opts.ContextTimeoutEnabled, opts.MaxRetries = true, maxRetries
		return redis.NewClusterClient(opts), strings.Join(opts.Addrs, ", "), nil
	}
	opts, err := redis.ParseURL(address)
	if err != nil {
		return nil, "", err
	}
	opts.ClientName, opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = clientName, dialTimeout, callTimeout, callTimeout
	opts.ContextTimeoutEnabled, opts.MaxRetries = true, maxRetries
	return redis.NewClient(opts), opts.Addr, nil
}
