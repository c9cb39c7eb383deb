package cache_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"storefront/internal/live"
	"storefront/router/compose"
	"storefront/router/execute"
	"storefront/router/execute/cache"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

const head = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@composeDirective", "@interfaceObject"])
  @link(url: "https://storefront.dev/cache/v1.0", import: ["@cacheControl", "@cacheInvalidate"])
  @composeDirective(name: "@cacheControl")
  @composeDirective(name: "@cacheInvalidate")
directive @cacheControl(maxAge: Int, scope: CacheControlScope, inheritMaxAge: Boolean) on FIELD_DEFINITION | OBJECT | INTERFACE
directive @cacheInvalidate(topic: String!, types: [String!], event: [String!], key: String! = "id") repeatable on OBJECT | FIELD_DEFINITION
enum CacheControlScope { PUBLIC PRIVATE }
`

// graph lists things in one subgraph, and has their versions in another.
func graph(t testing.TB) *supergraph.Supergraph {
	t.Helper()
	return composed(t, `
type Query { things(of: String!): [Thing!]! first: Thing @cacheControl(maxAge: 60) latest: Thing @cacheControl(maxAge: 60) }
type Mutation { touch: Thing }
type Thing @key(fields: "id") { id: ID! }`, `
type Query { top: Thing @cacheControl(maxAge: 60) }
type Thing @key(fields: "id") @cacheControl(maxAge: 60) @cacheInvalidate(topic: "things", types: ["changed"]) {
  id: ID!
  version: Int
  mine: Int @cacheControl(maxAge: 60, scope: PRIVATE)
  next: Thing
}`)
}

func composed(t testing.TB, lists, shelf string) *supergraph.Supergraph {
	t.Helper()
	result, errs := compose.Compose([]compose.Subgraph{
		{Name: "lists", URL: "http://lists", SDL: head + lists}, {Name: "shelf", URL: "http://shelf", SDL: head + shelf},
	})
	if errs != nil {
		t.Fatal(errs)
	}
	sg, err := supergraph.Parse(result.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}

// shelf is the two subgraphs: what things are asked for, each with its version.
type shelf struct {
	mu       sync.Mutex
	versions map[string]int
	control  string
	broken   map[string]bool // things whose version is an error
	asked    []string        // ids, in the order in which they were asked for
	hold     chan struct{}   // nil, or what answers wait for once they are made
	held     chan struct{}   // has a token for each that waits
}

func newShelf() *shelf {
	return &shelf{versions: map[string]int{}, broken: map[string]bool{}, held: make(chan struct{}, 100)}
}

func (s *shelf) set(id string, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions[id] = version
}

// took are the things asked for since the last call.
func (s *shelf) took() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := strings.Join(s.asked, " ")
	s.asked = nil
	return list
}

func (s *shelf) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	body, _, err := s.DoKept(ctx, r)
	return body, err
}

func (s *shelf) DoKept(ctx context.Context, r *execute.SubgraphRequest) ([]byte, string, error) {
	var vars struct{ Representations []struct{ ID string } }
	if r.Variables != nil {
		if err := json.Unmarshal(r.Variables, &vars); err != nil {
			return nil, "", err
		}
	}
	s.mu.Lock()
	var list, errors []string
	switch {
	case strings.Contains(r.Query, "touch"):
		return s.done(ctx, `{"data":{"touch":{"__typename":"Thing","id":"a"}}}`)
	case r.Subgraph == "lists":
		field, typ := "things", "Thing"
		if !strings.Contains(r.Query, field) {
			field, typ = "named", "Named"
		}
		_, of, _ := strings.Cut(r.Query, `"`)
		of, _, _ = strings.Cut(of, `"`)
		for id := range strings.SplitSeq(of, ",") {
			list = append(list, fmt.Sprintf(`{"__typename":%q,"id":%q}`, typ, id))
		}
		return s.done(ctx, `{"data":{"`+field+`":[`+strings.Join(list, ",")+`]}}`)
	case strings.Contains(r.Query, "top"):
		s.asked = append(s.asked, "top")
		return s.done(ctx, fmt.Sprintf(`{"data":{"top":{"id":"a","version":%d}}}`, s.versions["a"]))
	}
	for i, rep := range vars.Representations {
		s.asked = append(s.asked, rep.ID)
		version := fmt.Sprint(s.versions[rep.ID])
		if s.broken[rep.ID] {
			version = "null"
			errors = append(errors, fmt.Sprintf(`{"message":"no version","path":["_entities",%d,"version"]}`, i))
		}
		list = append(list, fmt.Sprintf(`{"version":%s,"mine":%s}`, version, version))
	}
	body := `"data":{"_entities":[` + strings.Join(list, ",") + `]}}`
	if len(errors) > 0 {
		return s.done(ctx, `{"errors":[`+strings.Join(errors, ",")+`],`+body)
	}
	return s.done(ctx, "{"+body)
}

// done answers, s.mu held: after hold, when that is set.
func (s *shelf) done(ctx context.Context, body string) ([]byte, string, error) {
	hold, control := s.hold, s.control
	s.mu.Unlock()
	if hold != nil {
		s.held <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
	return []byte(body), control, nil
}

// events is a topic whose events go to all who read it.
type events struct {
	live.Source // of which the cache needs Subscribe only
	mu          sync.Mutex
	streams     []*stream
	count       int64
	away        bool
	begun       chan struct{} // has a token for each stream
}

func newEvents() *events { return &events{begun: make(chan struct{}, 100)} }

func (e *events) Subscribe(_ context.Context, _ string, f live.Filter) (live.Stream, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return nil, live.ErrClosed
	}
	s := &stream{events: make(chan live.Event, 1000), types: f.Types}
	e.streams = append(e.streams, s)
	e.begun <- struct{}{}
	return s, nil
}

// publish gives an event to all who read, and returns how many there have been.
func (e *events) publish(key string) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count++
	for _, s := range e.streams {
		if slices.Contains(s.types, "changed") {
			s.events <- live.Event{Type: "changed", Key: key}
		}
	}
	return e.count
}

// breakOff ends all streams with a gap.
func (e *events) breakOff(away bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.streams {
		s.err = live.ErrGap
		close(s.events)
	}
	e.streams, e.away = nil, away
}

type stream struct {
	events chan live.Event
	types  []string
	err    error
}

func (s *stream) Events() <-chan live.Event { return s.events }
func (s *stream) Err() error                { return s.err }
func (s *stream) Close()                    {}

// router executes operations with a cache.
type router struct {
	t        testing.TB
	sg       *supergraph.Supergraph
	cache    *cache.Cache
	executor *execute.Executor
	events   *events
}

func newRouter(t testing.TB, s *shelf, cfg cache.Config) *router {
	t.Helper()
	return newRouterOf(t, graph(t), s, cfg)
}

func newRouterOf(t testing.TB, sg *supergraph.Supergraph, s *shelf, cfg cache.Config) *router {
	t.Helper()
	r := &router{t: t, sg: sg, events: newEvents()}
	cfg.Events = r.events
	r.cache = cache.New(cfg)
	t.Cleanup(r.cache.Close)
	r.cache.Follow(r.sg)
	r.executor = execute.New(r.sg, s, execute.Options{Errors: execute.AllErrors(), Cache: r.cache})
	eventually(t, "the topic is followed", func() bool { return r.cache.Stats().Trusted })
	return r
}

// changed publishes that a thing has changed, and returns once the router knows.
func (r *router) changed(id string) {
	r.seen(r.events.publish(id))
}

// seen returns once the router knows of so many events.
func (r *router) seen(count int64) {
	eventually(r.t, "the router knows of the event", func() bool { return r.cache.Stats().Ended >= count })
}

// things asks for things' versions; of are their ids, separated by commas.
func (r *router) things(of, fields string, scope execute.Scope) *execute.Response {
	return r.run(fmt.Sprintf("{ things(of: %q) { id %s } }", of, fields), scope)
}

func (r *router) run(query string, scope execute.Scope) *execute.Response {
	return r.runIn(context.Background(), query, scope)
}

func (r *router) runIn(ctx context.Context, query string, scope execute.Scope) *execute.Response {
	op, errs := operation.Prepare(r.sg, query, "", operation.DefaultLimits())
	if errs != nil {
		r.t.Error(errs)
		return nil
	}
	p, err := planner.Plan(r.sg, op)
	if err != nil {
		r.t.Error(err)
		return nil
	}
	vars, errs := op.Variables(nil)
	if errs != nil {
		r.t.Error(errs)
		return nil
	}
	return r.executor.Execute(execute.WithScope(ctx, scope), r.executor.Prepare(p), vars, nil)
}

func (r *router) want(query, want string) {
	r.t.Helper()
	if got := string(r.run(query, execute.Scope{}).JSON()); got != want {
		r.t.Errorf("%s\n got %s\nwant %s", query, got, want)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
