package redis

import (
	"errors"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

func start(t *testing.T) (*Server, *goredis.Client) {
	t.Helper()
	s, err := Start(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	opts, err := goredis.ParseURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(opts)
	t.Cleanup(func() { c.Close(); s.Close() })
	return s, c
}

func TestKeysExpire(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	ctx := t.Context()
	if err := c.Set(ctx, "short", "1", 60*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, "long", "2", time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := c.Get(ctx, "short").Result()
		if errors.Is(err, goredis.Nil) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the key did not expire: %v", err)
		}
	}
	if v, err := c.Get(ctx, "long").Result(); err != nil || v != "2" {
		t.Fatalf("the long-lived key reads %q, %v", v, err)
	}
}

func TestScriptPipelineAndPubSub(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	ctx := t.Context()
	limit := goredis.NewScript(`local n = redis.call("INCR", KEYS[1]); if n == 1 then redis.call("PEXPIRE", KEYS[1], ARGV[1]) end; return n`)
	for want := range int64(3) {
		n, err := limit.Run(ctx, c, []string{"limit:acme"}, 60000).Int64()
		if err != nil || n != want+1 {
			t.Fatalf("script returned %d, %v", n, err)
		}
	}
	sub := c.Subscribe(ctx, "invalidate")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := c.TxPipelined(ctx, func(p goredis.Pipeliner) error {
		p.HSet(ctx, "product:1", "title", "Lamp")
		p.Publish(ctx, "invalidate", "product:1")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := sub.ReceiveMessage(ctx)
	if err != nil || m.Payload != "product:1" {
		t.Fatalf("received %v, %v", m, err)
	}
}

func TestWrongAddresses(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	for addr, want := range map[string]string{
		s.Addr():          "in use",
		"0.0.0.0:0":       "loopback",
		"somewhere":       "127.0.0.1:PORT",
		"127.0.0.1:99999": "1 to 65535",
	} {
		if _, err := Start(t.Context(), Config{Addr: addr}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", addr, err, want)
		}
	}
}
