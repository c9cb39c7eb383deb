package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"storefront/router/compose"
	"storefront/router/execute"
	"storefront/router/supergraph"
)

// Callers that come while a query is under way get its answer; it is run once.
func TestQueriesUnderWayAreShared(t *testing.T) {
	s, key := newSharing(), flightKey{variables: "1"}
	release, runs := make(chan struct{}), 0
	want := &execute.Response{Data: []byte(`{"a":1}`)}
	run := func(context.Context) *execute.Response {
		runs++
		<-release
		return want
	}
	const callers = 20
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if got, _ := s.do(t.Context(), key, run); got != want {
				t.Errorf("got %v", got)
			}
		})
	}
	s.await(key, callers)
	close(release)
	wg.Wait()
	if runs != 1 || len(s.flights) != 0 {
		t.Errorf("run %d times, %d left", runs, len(s.flights))
	}
}

// await returns when so many callers wait for a query.
func (s *sharing) await(key flightKey, n int) {
	for {
		s.mu.Lock()
		f := s.flights[key]
		there := f != nil && f.waiting == n || f == nil && n == 0
		s.mu.Unlock()
		if there {
			return
		}
		runtime.Gosched()
	}
}

// When the caller who runs a query leaves, one who waits runs it anew; one who waits may leave as well.
func TestSharedQueryOutlivesItsFirstCaller(t *testing.T) {
	s, key := newSharing(), flightKey{}
	want := &execute.Response{}
	release := make(chan struct{})
	run := func(ctx context.Context) *execute.Response {
		select {
		case <-ctx.Done():
			return &execute.Response{}
		case <-release:
			return want
		}
	}
	first, leaveFirst := context.WithCancel(t.Context())
	second, leaveSecond := context.WithCancel(t.Context())
	defer leaveSecond()
	var wg sync.WaitGroup
	wg.Go(func() { s.do(first, key, run) })
	s.await(key, 1)
	wg.Go(func() {
		if got, _ := s.do(t.Context(), key, run); got != want {
			t.Errorf("stayed, and got %v", got)
		}
	})
	s.await(key, 2)
	leaveFirst()
	s.await(key, 1)
	wg.Go(func() {
		if got, _ := s.do(second, key, run); got != nil {
			t.Errorf("left, and got %v", got)
		}
	})
	s.await(key, 2)
	leaveSecond()
	s.await(key, 1)
	close(release)
	wg.Wait()
}

// After a mutation of the same caller a query does not get an answer that was begun before.
func TestMutationEndsSharing(t *testing.T) {
	s := newSharing()
	mine, other := flightKey{caller: "me"}, flightKey{caller: "you"}
	release := make(chan struct{})
	var wg sync.WaitGroup
	for _, key := range []flightKey{mine, other} {
		wg.Go(func() {
			s.do(t.Context(), key, func(context.Context) *execute.Response { <-release; return &execute.Response{} })
		})
		s.await(key, 1)
	}
	s.wrote("me")
	s.await(mine, 0)
	s.await(other, 1)
	fresh := &execute.Response{}
	if got, _ := s.do(t.Context(), mine, func(context.Context) *execute.Response { return fresh }); got != fresh {
		t.Error("got an answer from before the mutation")
	}
	close(release)
	wg.Wait()
}

// A mutation ends sharing however it is answered.
func TestMutationByEventsEndsSharing(t *testing.T) {
	held := holding{make(chan struct{}), make(chan struct{})}
	g, err := New(Config{Supergraph: echoGraph(t), Transport: held, Headers: byName{}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	send := func(query, accept string) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/graphql", strings.NewReader(`{"query":"`+query+`"}`))
		req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {accept}, "Name": {"ada"}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	var wg sync.WaitGroup
	wg.Go(func() { send("{ name }", "application/json") })
	<-held.arrived
	send("mutation { rename }", "text/event-stream")
	g.sharing.mu.Lock()
	if n := len(g.sharing.flights); n != 0 {
		t.Errorf("%d queries from before the mutation may be joined", n)
	}
	g.sharing.mu.Unlock()
	close(held.hold)
	wg.Wait()
}

// holding answers queries once it may.
type holding struct{ arrived, hold chan struct{} }

func (h holding) Do(_ context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	if r.IsMutation {
		return []byte(`{"data":{"rename":null}}`), nil
	}
	h.arrived <- struct{}{}
	<-h.hold
	return []byte(`{"data":{"name":"ada"}}`), nil
}

// A run that came to nothing, such as by a panic, is not everyone's fate.
func TestFailedRunIsNotShared(t *testing.T) {
	s, key := newSharing(), flightKey{}
	release := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		s.do(t.Context(), key, func(context.Context) *execute.Response { <-release; panic("fault") })
	})
	s.await(key, 1)
	want := &execute.Response{}
	wg.Go(func() {
		if got, _ := s.do(t.Context(), key, func(context.Context) *execute.Response { return want }); got != want {
			t.Errorf("got %v", got)
		}
	})
	s.await(key, 2)
	close(release)
	wg.Wait()
}

// Many clients at once, of two kinds: every answer is whole and of its own kind, and memory that went
// back is not written any more.
func TestSharedAnswersOverHTTP(t *testing.T) {
	g, err := New(Config{Supergraph: echoGraph(t), Transport: echo{}, Headers: byName{}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := []string{"ada", "bob"}[i%2]
			for range 50 {
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/graphql", strings.NewReader(`{"query":"{ name }"}`))
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Name", name)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := `{"data":{"name":"` + name + `"}}`; err != nil || string(body) != want {
					t.Errorf("got %s, %v, want %s", body, err, want)
				}
			}
		})
	}
	wg.Wait()
}

// byName passes a client's name on.
type byName struct{}

func (byName) SubgraphHeaders(_ context.Context, _ *Identity, _ string, client http.Header) http.Header {
	return http.Header{"Name": client.Values("Name")}
}

func (byName) ShareKey(_ *Identity, client http.Header) string { return client.Get("Name") }

// echo answers with the name it is sent.
type echo struct{}

func (echo) Do(_ context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	return []byte(`{"data":{"name":"` + r.Header.Get("Name") + `"}}`), nil
}

func echoGraph(t *testing.T) *supergraph.Supergraph {
	t.Helper()
	result, errs := compose.Compose([]compose.Subgraph{{Name: "echo", URL: "http://echo", SDL: "type Query { name: String text(of: String): String } type Mutation { rename: String }"}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	sg, err := supergraph.Parse(result.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	return sg
}
