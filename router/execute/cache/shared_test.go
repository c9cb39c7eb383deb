package cache_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	embedded "storefront/internal/embedded/redis"
	redisedge "storefront/internal/redis"
	"storefront/router/execute"
	"storefront/router/execute/cache"
)

func redisFor(t testing.TB) (*embedded.Server, *redis.Client, *redisedge.Answers) {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return server, client, redisedge.NewAnswers(client, "answers:")
}

// began waits until what a new router has to tell the store is told.
func began(t testing.TB, client *redis.Client) {
	t.Helper()
	eventually(t, "the store's clock is there", func() bool { return client.HExists(t.Context(), "answers:clock", "epoch").Val() })
}

// stored is how many answers are in the store.
func stored(t testing.TB, client *redis.Client) int {
	t.Helper()
	keys, err := client.Keys(t.Context(), "answers:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return len(keys) - 1
}

// fill asks for things until the store has them: at first the router has still to tell the store of its beginning.
func fill(r *router, client *redis.Client, things ...string) {
	eventually(r.t, "answers are in the store", func() bool {
		for _, id := range things {
			r.changed(id)
		}
		r.things(strings.Join(things, ","), "version", execute.Scope{})
		return stored(r.t, client) >= len(things)
	})
}

func TestRoutersShareAnswers(t *testing.T) {
	_, client, store := redisFor(t)
	s := newShelf()
	one, two := newRouter(t, s, cache.Config{Store: store, Settle: 1}), newRouter(t, s, cache.Config{Store: store, Settle: 1})
	fill(two, client, "x") // so that both have told the store
	fill(one, client, "a", "b")
	fill(two, client, "x")
	one.things("a,b", "version", execute.Scope{})
	eventually(t, "the second router needs no subgraph", func() bool {
		s.took()
		two.things("a,b", "version", execute.Scope{})
		return s.took() == ""
	})
	if two.cache.Stats().Shared < 2 {
		t.Errorf("the second router took %d answers from the store, want 2", two.cache.Stats().Shared)
	}
	s.set("a", 2)
	one.changed("a")
	two.changed("a")
	two.want(`{ things(of: "a,b") { version } }`, `{"data":{"things":[{"version":2},{"version":0}]}}`)
}

// An answer that one router asked for before a change, and stores after another has seen its event, is not used.
func TestNoStaleFillOfTheStore(t *testing.T) {
	_, client, store := redisFor(t)
	s := newShelf()
	slow, quick := newRouter(t, s, cache.Config{Store: store, Settle: 1}), newRouter(t, s, cache.Config{Store: store, Settle: 1})
	fill(quick, client, "x")
	fill(slow, client, "a")
	s.set("a", 1)
	slow.changed("a")
	hold := make(chan struct{})
	s.mu.Lock()
	s.hold = hold
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		slow.run(`{ top { id version } }`, execute.Scope{})
		close(done)
	}()
	<-s.held
	s.mu.Lock()
	s.hold, s.versions["a"] = nil, 2
	s.mu.Unlock()
	count := func() string { return client.HGet(t.Context(), "answers:clock", "count").Val() }
	before, was := count(), stored(t, client)
	quick.changed("a")
	eventually(t, "the store knows of the event", func() bool { return count() != before })
	close(hold)
	<-done
	eventually(t, "what the slow router got is stored", func() bool { return stored(t, client) > was })
	quick.want(`{ top { id version } }`, `{"data":{"top":{"id":"a","version":2}}}`)
	if quick.cache.Stats().Lost > 0 {
		t.Error("the store failed")
	}
}

// between is a store that somebody else does something to before it is asked what has ended.
type between struct {
	cache.Store
	something atomic.Pointer[func()]
}

func (b *between) Ended(ctx context.Context, slots []uint32) ([]uint64, string, error) {
	if do := b.something.Swap(nil); do != nil {
		(*do)()
	}
	return b.Store.Ended(ctx, slots)
}

// A router that begins makes a new clock, which knows of nothing that has ended: what another router has read of the
// store by the old one is not used.
func TestNewClockBetweenTwoLooks(t *testing.T) {
	_, client, store := redisFor(t)
	s, watched := newShelf(), &between{Store: store}
	r := newRouter(t, s, cache.Config{Store: watched, Settle: 1, Bytes: 1}) // it has the store only
	fill(r, client, "a")
	s.set("a", 1)
	count := func() string { return client.HGet(t.Context(), "answers:clock", "count").Val() }
	before := count()
	r.changed("a")
	eventually(t, "the store knows of the event", func() bool { return count() != before })
	var asked atomic.Bool
	begin := func() {
		asked.Store(true)
		if err := store.Begin(t.Context()); err != nil {
			t.Error(err)
		}
	}
	watched.something.Store(&begin)
	eventually(t, "the store is asked what has ended", func() bool {
		r.want(`{ things(of: "a") { id version } }`, `{"data":{"things":[{"id":"a","version":1}]}}`)
		return asked.Load()
	})
}

func TestWithoutTheStore(t *testing.T) {
	server, client, store := redisFor(t)
	s := newShelf()
	r := newRouter(t, s, cache.Config{Store: store})
	began(t, client)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	for version := range 3 {
		s.set("a", version)
		r.changed("a")
		r.want(`{ things(of: "a") { version } }`, fmt.Sprintf(`{"data":{"things":[{"version":%d}]}}`, version))
	}
	if r.cache.Stats().Lost == 0 {
		t.Error("no call of the store failed")
	}
}

var versionOf = regexp.MustCompile(`"version":(\d+)`)

// While things change and many read them over two routers with one store, no read shows an older version than
// one that a router knew to be out when the read began.
func TestVersionsNeverGoBack(t *testing.T) {
	_, _, store := redisFor(t)
	s := newShelf()
	routers := []*router{newRouter(t, s, cache.Config{Store: store, Settle: 1}), newRouter(t, s, cache.Config{Store: store, Settle: 1, Bytes: 1})} // the second has the store only
	const things, changes, readers = 4, 150, 6
	var floors [2][things]atomic.Int64 // by router and thing: the version whose event the router has seen
	var over atomic.Bool
	var reading, writing sync.WaitGroup
	var reads atomic.Int64
	for n := range readers {
		reading.Go(func() {
			r, floor := routers[n%2], &floors[n%2]
			for i := n; !over.Load(); i++ {
				thing := i % things
				least := floor[thing].Load()
				got := r.things(fmt.Sprint(thing), []string{"version", "v: version version"}[i/things%2], execute.Scope{})
				m := versionOf.FindSubmatch(got.JSON())
				if m == nil {
					t.Errorf("got %s", got.JSON())
					return
				}
				version, _ := strconv.ParseInt(string(m[1]), 10, 64)
				if version < least {
					t.Errorf("thing %d is shown with version %d after the event of version %d", thing, version, least)
					return
				}
				reads.Add(1)
			}
		})
	}
	for thing := range things {
		writing.Go(func() {
			// At least so many changes, and until each way of answering has been met.
			met := func() bool { return routers[0].cache.Stats().Hits > 0 && routers[1].cache.Stats().Shared > 0 }
			for version := 1; version <= changes || !met() && version <= 100*changes; version++ {
				if version%10 == 0 {
					time.Sleep(2 * time.Millisecond) // time to keep something
				}
				s.set(fmt.Sprint(thing), version)
				for i, r := range routers {
					r.seen(r.events.publish(fmt.Sprint(thing)))
					floors[i][thing].Store(int64(version))
				}
			}
		})
	}
	writing.Wait()
	over.Store(true)
	reading.Wait()
	hits, shared := routers[0].cache.Stats().Hits, routers[1].cache.Stats().Shared
	if reads.Load() == 0 || hits == 0 || shared == 0 {
		t.Errorf("%d reads, %d parts from memory, %d from the store: not all was tested", reads.Load(), hits, shared)
	}
}
