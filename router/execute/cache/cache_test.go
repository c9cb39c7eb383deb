package cache_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/router/execute"
	"storefront/router/execute/cache"
)

func TestOnlyWhatIsMissingIsAsked(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	s.set("a", 1)
	s.set("b", 2)
	s.set("c", 3)
	r.things("a,c", "version", execute.Scope{})
	s.took()
	got := r.things("a,b,c,a", "version", execute.Scope{})
	if want := `{"data":{"things":[{"id":"a","version":1},{"id":"b","version":2},{"id":"c","version":3},{"id":"a","version":1}]}}`; string(got.JSON()) != want {
		t.Errorf("got %s", got.JSON())
	}
	if asked := s.took(); asked != "b" {
		t.Errorf("asked for %q, want b", asked)
	}
	r.things("a,b,c", "v: version", execute.Scope{})
	if asked := s.took(); asked != "a b c" {
		t.Errorf("another selection: asked for %q, want a b c", asked)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	r.things("a", "version", execute.Scope{})
	s.broken["c"] = true
	want := `{"errors":[{"message":"no version","path":["things",2,"version"],"extensions":{"code":"DOWNSTREAM_SERVICE_ERROR","service":"shelf"}}],"data":{"things":[{"id":"a","version":0},{"id":"b","version":0},{"id":"c","version":null}]}}`
	for range 2 {
		s.took()
		got := r.things("a,b,c", "version", execute.Scope{})
		if string(got.JSON()) != want && !strings.Contains(string(got.JSON()), `"path":["things",2,"version"]`) {
			t.Errorf("got %s", got.JSON())
		}
		if got.Fresh.MaxAge != 0 {
			t.Errorf("a response with errors may be kept for %v", got.Fresh.MaxAge)
		}
		if asked := s.took(); asked != "b c" {
			t.Errorf("asked for %q, want b c: nothing of an answer with errors is kept", asked)
		}
	}
	s.broken["c"] = false
	s.set("c", 5)
	r.want(`{ things(of: "c") { version } }`, `{"data":{"things":[{"version":5}]}}`)
}

func TestScopes(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	ada, ben := execute.Scope{Public: "de", Private: "ada"}, execute.Scope{Public: "de", Private: "ben"}
	french := execute.Scope{Public: "fr", Private: "ada"}
	for i, step := range []struct {
		scope         execute.Scope
		fields, asked string
	}{
		{ada, "version", "a"}, {ben, "version", ""}, {french, "version", "a"},
		{ada, "mine", "a"}, {ben, "mine", "a"}, {ada, "mine", ""}, {ben, "mine", ""},
		{ada, "version mine", "a"}, {ben, "version mine", "a"}, // private, for one field of it is
	} {
		r.things("a", step.fields, step.scope)
		if asked := s.took(); asked != step.asked {
			t.Errorf("step %d: asked for %q, want %q", i, asked, step.asked)
		}
	}
}

func TestMutationsAndLowerHeaders(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	for range 2 {
		r.run(`mutation { touch { version } }`, execute.Scope{})
		if asked := s.took(); asked != "a" {
			t.Errorf("a mutation asked for %q, want a", asked)
		}
	}
	r.things("a", "version", execute.Scope{})
	if asked := s.took(); asked != "a" {
		t.Errorf("after mutations a query asked for %q, want a", asked)
	}
	for _, control := range []string{"no-store", "private", "max-age=0", "public, max-age=nonsense"} {
		s.control = control
		for range 2 {
			r.things("b", "version", execute.Scope{})
			if asked := s.took(); asked != "b" {
				t.Errorf("%s: asked for %q, want b", control, asked)
			}
		}
	}
	s.control = "max-age=7"
	if got := r.run(`{ top { version } }`, execute.Scope{}).Fresh; got.MaxAge != time.Minute || got.Left > 7*time.Second || got.Left < 6*time.Second {
		t.Errorf("with max-age=7 the answer is %+v", got)
	}
}

// A subgraph's own word counts as well where nothing is kept here: what it calls private may be kept by nobody else.
func TestLowerHeadersWithoutACache(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	r.executor = execute.New(r.sg, s, execute.Options{})
	for control, want := range map[string]time.Duration{"": time.Minute, "max-age=7": 7 * time.Second, "private": 0, "no-store": 0} {
		s.control = control
		if got := r.run(`{ top { version } }`, execute.Scope{}).Fresh; got.Left != want || (got.MaxAge != 0) != (want != 0) {
			t.Errorf("with %q the answer is %+v, want %v left", control, got, want)
		}
	}
}

func TestRootFieldsAndNested(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	for _, query := range []string{`{ top { id version } }`, `{ top { version } }`} {
		s.set("a", 1)
		r.want(query, strings.ReplaceAll(`{"data":{"top":{ID"version":1}}}`, "ID", map[bool]string{true: `"id":"a",`}[strings.Contains(query, "id")]))
		s.took()
		r.want(query, strings.ReplaceAll(`{"data":{"top":{ID"version":1}}}`, "ID", map[bool]string{true: `"id":"a",`}[strings.Contains(query, "id")]))
		if asked := s.took(); asked != "" {
			t.Errorf("%s: asked for %q again", query, asked)
		}
		r.changed("b")
		r.run(query, execute.Scope{})
		if asked := s.took(); (asked == "") != strings.Contains(query, "id") {
			t.Errorf("%s: after an event about another thing, asked for %q", query, asked)
		}
		r.changed("a")
		r.run(query, execute.Scope{})
		if asked := s.took(); asked != "top" {
			t.Errorf("%s: after the event, asked for %q, want top", query, asked)
		}
	}
}

func TestMissesAtOnceAreOneRequest(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	s.hold = make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() { r.run(`{ top { version } }`, execute.Scope{}) })
	<-s.held
	for range 20 {
		done.Go(func() { r.want(`{ top { version } }`, `{"data":{"top":{"version":0}}}`) })
	}
	close(s.hold)
	done.Wait()
	if asked := s.took(); asked != "top" {
		t.Errorf("asked for %q, want top once", asked)
	}
}

// An answer that was made before a change and comes after its event is for those only who asked before it.
func TestNoStaleFill(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	s.set("a", 1)
	hold := make(chan struct{})
	s.hold = hold
	old := make(chan string)
	go func() { old <- string(r.run(`{ top { id version } }`, execute.Scope{}).Data) }()
	<-s.held
	s.mu.Lock()
	s.hold, s.versions["a"] = nil, 2
	s.mu.Unlock()
	r.changed("a")
	r.want(`{ top { id version } }`, `{"data":{"top":{"id":"a","version":2}}}`) // it does not join the one under way
	close(hold)
	if got := <-old; got != `{"top":{"id":"a","version":1}}` {
		t.Errorf("who asked before got %s", got)
	}
	r.want(`{ top { id version } }`, `{"data":{"top":{"id":"a","version":2}}}`)
}

func TestGap(t *testing.T) {
	s := newShelf()
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	r := newRouter(t, s, cache.Config{Now: clock})
	<-r.events.begun
	r.things("a", "version", execute.Scope{})
	pass(2 * time.Second)
	s.set("a", 2)
	r.events.breakOff(true)
	eventually(t, "the gap is noticed", func() bool { return !r.cache.Stats().Trusted })
	r.want(`{ things(of: "a") { id version } }`, `{"data":{"things":[{"id":"a","version":2}]}}`)
	s.set("a", 3) // its event is lost
	r.want(`{ things(of: "a") { id version } }`, `{"data":{"things":[{"id":"a","version":2}]}}`)
	pass(time.Second)
	r.want(`{ things(of: "a") { id version } }`, `{"data":{"things":[{"id":"a","version":3}]}}`)
	s.set("a", 4)
	r.events.breakOff(false)
	<-r.events.begun
	eventually(t, "the topic is followed again", func() bool { return r.cache.Stats().Trusted })
	r.want(`{ things(of: "a") { id version } }`, `{"data":{"things":[{"id":"a","version":4}]}}`)
}

func TestMemoryIsBounded(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{Bytes: 64 << 10})
	for i := range 2000 {
		r.things(strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/50), "version", execute.Scope{})
	}
	if got := r.cache.Stats().Bytes; got > 64<<10 || got < 16<<10 {
		t.Errorf("%d bytes are kept, want about 64 KiB", got)
	}
}
