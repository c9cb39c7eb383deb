package ratelimit_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	embedded "storefront/internal/embedded/redis"
	"storefront/internal/embedded/redis/redistest"
	"storefront/internal/errs"
	"storefront/internal/ratelimit"
	"storefront/internal/redis"
)

// patience is how long a busy machine may take to answer before Redis counts as away.
const patience = 30 * time.Second

func rate(t testing.TB, text string) ratelimit.Rate {
	t.Helper()
	r, err := ratelimit.ParseRate(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// connect is a client of an empty Redis.
func connect(t testing.TB) goredis.UniversalClient {
	t.Helper()
	address, release, err := redistest.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := redis.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	return client
}

// observed counts what a limiter tells.
type observed struct {
	mu      sync.Mutex
	sources map[string]int
	away    []bool
}

func (o *observed) RateDecided(source string, _ bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sources == nil {
		o.sources = map[string]int{}
	}
	o.sources[source]++
}

func (o *observed) RateStoreAway(away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = append(o.away, away)
}

func limiter(t testing.TB, cfg ratelimit.Config) *ratelimit.Limiter {
	t.Helper()
	l := ratelimit.New(cfg)
	t.Cleanup(l.Close)
	return l
}

func one(rate ratelimit.Rate, units int) []ratelimit.Charge {
	return []ratelimit.Charge{{Name: "requests", Rate: rate, Units: units}}
}

func TestRates(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"100/s", "600/m", "10000/h", "50000/d", "none"} {
		if r := rate(t, text); r.String() != text || r.None() != (text == "none") {
			t.Errorf("%s is read as %s", text, r)
		}
	}
	for _, text := range []string{"", "600", "600/", "/m", "0/m", "-1/m", "600/w", "6.5/m", "9999999999/s"} {
		if _, err := ratelimit.ParseRate(text); !errs.Is(err, errs.BadInput) || !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// In Redis and without it: the quota may be used at once, one subject's use is not another's, and what is
// refused takes nothing.
func TestQuota(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]ratelimit.Config{"redis": {Redis: connect(t), Timeout: patience}, "estimate": {}} {
		t.Run(name, func(t *testing.T) {
			l, ctx, hourly := limiter(t, cfg), t.Context(), rate(t, "20/h")
			for i := range 20 {
				d := l.Take(ctx, "a", one(hourly, 1))
				if !d.Allowed || d.States[0].Remaining != 19-i || string(d.Source) != name {
					t.Fatalf("request %d: %+v", i, d)
				}
			}
			d := l.Take(ctx, "a", one(hourly, 1))
			if d.Allowed || d.Never || d.Retry <= 0 || d.Retry > 3*time.Minute || d.States[0].Remaining != 0 {
				t.Errorf("one too many: %+v", d)
			}
			both := []ratelimit.Charge{{Name: "other", Rate: hourly, Units: 5}, {Name: "requests", Rate: hourly, Units: 1}}
			if d := l.Take(ctx, "a", both); d.Allowed || d.Refused != 1 || d.States[0].Remaining != 20 {
				t.Errorf("one of two is used up: %+v", d)
			}
			if d := l.Take(ctx, "a", both[:1]); !d.Allowed || d.States[0].Remaining != 15 {
				t.Errorf("what was refused has taken something: %+v", d)
			}
			if d := l.Take(ctx, "b", one(hourly, 21)); d.Allowed || !d.Never {
				t.Errorf("more than the whole quota: %+v", d)
			}
			if d := l.Take(ctx, "b", one(hourly, 20)); !d.Allowed {
				t.Errorf("another subject: %+v", d)
			}
			// Under another limit as many are used. A smaller one keeps nobody out for longer than its window.
			if d := l.Take(ctx, "b", one(rate(t, "50/h"), 1)); !d.Allowed || d.States[0].Remaining != 29 {
				t.Errorf("a larger limit: %+v", d)
			}
			if d := l.Take(ctx, "b", one(rate(t, "5/d"), 1)); d.Allowed || d.Never || d.Retry > 5*time.Hour {
				t.Errorf("a smaller limit: %+v", d)
			}
		})
	}
}

// What was used comes back evenly.
func TestComesBack(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := limiter(t, ratelimit.Config{Now: func() time.Time { return now }})
	r := rate(t, "10/s")
	if d := l.Take(t.Context(), "a", one(r, 10)); !d.Allowed || d.States[0].Reset != time.Second {
		t.Fatalf("%+v", d)
	}
	d := l.Take(t.Context(), "a", one(r, 1))
	if d.Allowed || d.Retry != 100*time.Millisecond {
		t.Fatalf("%+v", d)
	}
	now = now.Add(d.Retry)
	if d := l.Take(t.Context(), "a", one(r, 1)); !d.Allowed {
		t.Errorf("after Retry: %+v", d)
	}
	if d := l.Take(t.Context(), "a", one(r, 1)); d.Allowed {
		t.Errorf("one more: %+v", d)
	}
}

// Two routers that are asked as fast as they can never allow more than the quota, and most decisions are
// made without Redis.
func TestLeasesKeepTheLimit(t *testing.T) {
	t.Parallel()
	client := connect(t)
	const quota = 6400
	r := rate(t, fmt.Sprintf("%d/d", quota)) // 0.07 come back in a second
	var seen observed
	began := time.Now()
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 2 {
		l := limiter(t, ratelimit.Config{Redis: client, Timeout: patience, Observer: &seen})
		for range 4 {
			all.Go(func() {
				for range quota / 4 {
					if l.Take(t.Context(), "a", one(r, 1)).Allowed {
						allowed.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	back := int64(time.Since(began).Seconds()*quota/86400) + 1
	if n := allowed.Load(); n > quota+back || n < quota-2*quota/64 {
		t.Errorf("%d of %d were allowed; %v", n, quota, seen.sources)
	}
	if seen.sources["lease"] < quota/4 || seen.sources["estimate"] > 0 {
		t.Errorf("decisions were made by %v", seen.sources)
	}
}

// Who asks seldom is given nothing in advance, so nothing is lost.
func TestNoLeaseForFewRequests(t *testing.T) {
	t.Parallel()
	client, r := connect(t), rate(t, "100000/d")
	for i := range 5 { // as from five routers, one each
		d := limiter(t, ratelimit.Config{Redis: client, Timeout: patience}).Take(t.Context(), "a", one(r, 1))
		if !d.Allowed || d.States[0].Remaining < 100000-1-i {
			t.Errorf("request %d: %+v", i, d)
		}
	}
}

func TestRedisGoesAway(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := redis.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var seen observed
	l, r := limiter(t, ratelimit.Config{Redis: client, Routers: 2, Timeout: patience, Observer: &seen}), rate(t, "20/h")
	if d := l.Take(t.Context(), "a", one(r, 10)); !d.Allowed || d.Source != ratelimit.FromRedis {
		t.Fatalf("%+v", d)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	allowed := 0
	for range 30 {
		d := l.Take(t.Context(), "a", one(r, 1))
		if d.Source != ratelimit.Estimated {
			t.Errorf("%+v", d)
		}
		if d.Allowed {
			allowed++
		}
	}
	if allowed != 5 { // half of the window is left, and this router's share is half
		t.Errorf("%d were allowed", allowed)
	}
	again, err := embedded.Start(t.Context(), embedded.Config{Addr: server.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for l.Take(t.Context(), "b", one(rate(t, "1000000/s"), 1)).Source != ratelimit.FromRedis {
		select {
		case <-t.Context().Done():
			t.Fatal("it does not come back")
		case <-time.After(10 * time.Millisecond):
		}
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.away) != 2 || !seen.away[0] || seen.away[1] {
		t.Errorf("told: %v", seen.away)
	}
}

// between is a Redis that can be made to swallow its answers.
type between struct {
	net.Listener
	swallow atomic.Bool
	scripts atomic.Int64 // sent
}

func startBetween(t *testing.T, to string) *between {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &between{Listener: ln}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				conn.Close()
				return
			}
			go b.pipe(server, conn, func(data []byte) bool {
				b.scripts.Add(int64(bytes.Count(data, []byte("evalsha"))))
				return true
			})
			go b.pipe(conn, server, func([]byte) bool { return !b.swallow.Load() })
		}
	}()
	return b
}

func (b *between) pipe(to io.WriteCloser, from io.ReadCloser, pass func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if pass(buffer[:n]) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}

// A decision whose answer is lost is counted once, and those after it do not wait for one.
func TestNothingIsRepeated(t *testing.T) {
	t.Parallel()
	server, err := embedded.Start(t.Context(), embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	way := startBetween(t, server.Addr())
	client, err := redis.Connect(t.Context(), "redis://"+way.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	direct, err := redis.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	r := rate(t, "60/d") // too small for a lease
	l := limiter(t, ratelimit.Config{Redis: client})
	l.Take(t.Context(), "a", one(r, 1)) // the script is known there now
	before := way.scripts.Load()
	way.swallow.Store(true)
	for range 50 {
		if d := l.Take(t.Context(), "a", one(r, 1)); !d.Allowed || d.Source != ratelimit.Estimated {
			t.Fatalf("%+v", d)
		}
	}
	if n := way.scripts.Load() - before; n != 1 {
		t.Errorf("%d scripts were sent for 50 requests; want the one that found out", n)
	}
	if d := limiter(t, ratelimit.Config{Redis: direct, Timeout: patience}).Take(t.Context(), "a", one(r, 1)); d.States[0].Remaining != 57 {
		t.Errorf("three were counted, and %d remain of 60", d.States[0].Remaining)
	}
}

// A client that leaves does not make Redis count as away.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	l, r := limiter(t, ratelimit.Config{Redis: connect(t), Timeout: patience}), rate(t, "10/h")
	gone, leave := context.WithCancel(t.Context())
	leave()
	l.Take(gone, "a", one(r, 1))
	if d := l.Take(t.Context(), "b", one(r, 1)); d.Source != ratelimit.FromRedis {
		t.Errorf("%+v", d)
	}
}

func BenchmarkTake(b *testing.B) {
	for name, text := range map[string]string{"redis": "50/s", "lease": "1000000000/s"} { // too small for a lease; large
		b.Run(name, func(b *testing.B) {
			l := limiter(b, ratelimit.Config{Redis: connect(b), Timeout: patience})
			charges := append(one(rate(b, text), 1), ratelimit.Charge{Name: "cost", Rate: rate(b, text), Units: 1})
			for b.Loop() {
				l.Take(b.Context(), "a", charges)
			}
		})
	}
	b.Run("estimate", func(b *testing.B) {
		l := limiter(b, ratelimit.Config{})
		charges := append(one(rate(b, "1000000000/s"), 1), ratelimit.Charge{Name: "cost", Rate: rate(b, "1000000000/s"), Units: 1})
		for b.Loop() {
			l.Take(b.Context(), "a", charges)
		}
	})
}
