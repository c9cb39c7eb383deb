package loaders_test

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	embedded "storefront/internal/embedded/redis"
	"storefront/internal/embedded/redis/redistest"
	"storefront/internal/redis"
	"storefront/loaders"
)

// table is a source whose reads are counted.
type table struct {
	mu    sync.Mutex
	rows  map[string]int
	reads atomic.Int32
}

func (s *table) set(key string, v int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[key] = v
}

func (s *table) read(_ context.Context, keys []string) (map[string]int, error) {
	s.reads.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]int{}
	for _, k := range keys {
		if v, ok := s.rows[k]; ok {
			found[k] = v
		}
	}
	return found, nil
}

// startRedis is for tests that stop Redis: an embedded one.
func startRedis(t *testing.T, addr string) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

func newCache(t *testing.T, address string) *loaders.Cache[int] {
	t.Helper()
	client, err := redis.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	// A long wait for Redis: these tests are about what it holds, not how soon it answers.
	return loaders.NewCache[int](loaders.CacheConfig{Redis: client, Prefix: "t:", Timeout: 5 * time.Second})
}

func get(t *testing.T, c *loaders.Cache[int], s *table, keys ...string) map[string]int {
	t.Helper()
	found, err := c.GetMany(t.Context(), keys, s.read)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCacheReadsThroughOnce(t *testing.T) {
	address := redistest.URL(t)
	one, two := newCache(t, address), newCache(t, address)
	s := &table{rows: map[string]int{"a": 1, "b": 2}}
	want := map[string]int{"a": 1, "b": 2}
	for i, c := range []*loaders.Cache[int]{one, one, two} {
		if got := get(t, c, s, "a", "gone", "b", "a"); !maps.Equal(got, want) {
			t.Errorf("read %d: %v, want %v", i, got, want)
		}
	}
	if n := s.reads.Load(); n != 1 {
		t.Errorf("the source was read %d times, want once: missing keys are remembered too", n)
	}
}

// A reader that read the source before a write must not put the old value back after the deletion.
func TestCacheDeleteKeepsStaleReadersOut(t *testing.T) {
	address := redistest.URL(t)
	reader, writer := newCache(t, address), newCache(t, address)
	s := &table{rows: map[string]int{"a": 1}}
	readOld, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan map[string]int)
	go func() {
		found, _ := reader.GetMany(t.Context(), []string{"a"}, func(ctx context.Context, keys []string) (map[string]int, error) {
			old, err := s.read(ctx, keys)
			close(readOld)
			<-goOn
			return old, err
		})
		done <- found
	}()
	<-readOld
	s.set("a", 2)
	writer.Delete(t.Context(), "a")
	close(goOn)
	<-done
	for _, c := range []*loaders.Cache[int]{reader, writer} {
		if got := get(t, c, s, "a"); got["a"] != 2 {
			t.Errorf("after the write: %v, want 2", got)
		}
	}
}

// Within one process, a read after Delete does not join a read that began before it.
func TestCacheReadAfterDeleteIsFresh(t *testing.T) {
	c := loaders.NewCache[int](loaders.CacheConfig{})
	s := &table{rows: map[string]int{"a": 1}}
	readOld, goOn := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.GetMany(t.Context(), []string{"a"}, func(ctx context.Context, keys []string) (map[string]int, error) {
			old, err := s.read(ctx, keys)
			close(readOld)
			<-goOn
			return old, err
		})
	}()
	<-readOld
	s.set("a", 2)
	c.Delete(t.Context(), "a")
	if got := get(t, c, s, "a"); got["a"] != 2 {
		t.Errorf("after the write: %v, want 2", got)
	}
	close(goOn)
	<-done
}

// Without Redis everything is read from the source, and a deletion that Redis missed is made up for.
func TestCacheDoesWithoutRedis(t *testing.T) {
	server := startRedis(t, "127.0.0.1:0")
	c := newCache(t, server.URL())
	s := &table{rows: map[string]int{"a": 1}}
	get(t, c, s, "a")
	server.Close()
	s.set("a", 2)
	c.Delete(t.Context(), "a")
	if got := get(t, c, s, "a"); got["a"] != 2 {
		t.Errorf("with Redis away: %v, want 2", got)
	}

	// The same address again, still with the old value in it, as after a network fault.
	back := startRedis(t, server.Addr())
	other := newCache(t, back.URL())
	get(t, other, &table{rows: map[string]int{"a": 1}}, "a")
	if got := get(t, c, s, "a"); got["a"] != 2 {
		t.Errorf("with Redis back: %v, want 2", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if got := get(t, other, s, "a"); got["a"] == 2 {
			return
		}
		if ctx.Err() != nil {
			t.Fatal("the deletion never reached Redis")
		}
	}
}
