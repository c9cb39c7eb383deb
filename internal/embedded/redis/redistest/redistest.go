// Package redistest gives a test an empty Redis of its own: a database of the server that
// STOREFRONT_TEST_REDIS_URL names, or an embedded server.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	driver "github.com/redis/go-redis/v9"

	embedded "storefront/internal/embedded/redis"
	"storefront/internal/id"
	"storefront/internal/redis"
)

// Real reports whether tests run on a server that was given, which they cannot stop.
func Real() bool { return os.Getenv("STOREFRONT_TEST_REDIS_URL") != "" }

// URL is the address of an empty Redis, which is the test's alone until it ends.
func URL(t testing.TB) string {
	t.Helper()
	address, release, err := Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Error("give the test's Redis back:", err)
		}
	})
	return address
}

// Client is connected to URL.
func Client(t testing.TB) driver.UniversalClient {
	t.Helper()
	client, err := redis.Connect(t.Context(), URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// Take is URL for what outlives a test; release gives it back.
func Take(ctx context.Context) (address string, release func() error, err error) {
	if Real() {
		return takeDatabase(ctx, os.Getenv("STOREFRONT_TEST_REDIS_URL"))
	}
	s, err := embedded.Start(ctx, embedded.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		return "", nil, err
	}
	return s.URL(), s.Close, nil
}

// A server has 16 databases, of which tests take all but the first. Who has taken one says so in it, in a
// key that outlives no killed test for long.
const (
	databases = 16
	takenKey  = "storefront-test-taken"
	takenFor  = 15 * time.Minute
)

// takeScript empties a database that nobody has, and marks it.
var takeScript = driver.NewScript(`
if redis.call('exists', KEYS[1]) == 1 then return 0 end
redis.call('flushdb')
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

func takeDatabase(ctx context.Context, server string) (string, func() error, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", nil, fmt.Errorf("STOREFRONT_TEST_REDIS_URL: %w", err)
	}
	owner := id.New("red")
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		for n := 1; n < databases; n++ {
			u.Path = fmt.Sprint("/", n)
			client, err := redis.Connect(ctx, u.String())
			if err != nil {
				return "", nil, err
			}
			got, err := takeScript.Run(ctx, client, []string{takenKey}, owner, takenFor.Milliseconds()).Int()
			if err == nil && got == 1 {
				return u.String(), func() error { return giveBack(client) }, nil
			}
			if err = errors.Join(err, client.Close()); err != nil {
				return "", nil, fmt.Errorf("take a Redis database: %w", err)
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", nil, fmt.Errorf("all %d Redis databases for tests are taken: %w", databases-1, ctx.Err())
		}
	}
}

func giveBack(client driver.UniversalClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(client.FlushDB(ctx).Err(), client.Close())
}
