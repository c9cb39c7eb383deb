package cache_test

// Those who wait for an answer that another has asked for.

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"storefront/router/execute"
	"storefront/router/execute/cache"
)

// watched is a context that says when somebody begins to wait until it ends.
type watched struct {
	context.Context
	waits chan struct{}
}

func (w watched) Done() <-chan struct{} {
	select {
	case w.waits <- struct{}{}:
	default:
	}
	return w.Context.Done()
}

// under keeps an answer about things under way for one caller, and returns once others wait for it, each in the scope
// given. changed is called before they come, release lets the answer go, and wait waits for all.
func (r *router) under(s *shelf, first context.Context, of string, changed func(), scopes ...execute.Scope) (release, wait func()) {
	query := fmt.Sprintf("{ things(of: %q) { id version } }", of)
	hold := make(chan struct{})
	s.mu.Lock()
	s.hold = hold
	s.mu.Unlock()
	var done sync.WaitGroup
	done.Go(func() { r.runIn(first, query, scopes[0]) })
	<-s.held // the list of things
	hold <- struct{}{}
	<-s.held // the things
	s.mu.Lock()
	s.hold = nil
	changed()
	s.mu.Unlock()
	for _, scope := range scopes[1:] {
		ctx := watched{context.Background(), make(chan struct{}, 1)}
		done.Go(func() { r.runIn(ctx, query, scope) })
		<-ctx.waits
	}
	return func() { hold <- struct{}{} }, done.Wait
}

// An answer with errors is kept for nobody. Who waited for it asks anew, and what is kept then is each thing's own.
func TestWhoWaitedKeepsThingsApart(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	for round := range 5 {
		var ids, want []string
		for i := range 12 {
			id := fmt.Sprintf("%d-%d", round, i)
			s.set(id, i)
			ids, want = append(ids, id), append(want, fmt.Sprintf(`{"id":%q,"version":%d}`, id, i))
		}
		s.broken[ids[3]] = true
		release, wait := r.under(s, context.Background(), strings.Join(ids, ","), func() { clear(s.broken) }, execute.Scope{}, execute.Scope{})
		release()
		wait()
		s.took()
		r.want(fmt.Sprintf("{ things(of: %q) { id version } }", strings.Join(ids, ",")), `{"data":{"things":[`+strings.Join(want, ",")+`]}}`)
		if asked := s.took(); asked != "" {
			t.Errorf("asked for %q again", asked)
		}
	}
}

// What the subgraph calls private, or not to be kept, is for who asked alone, whoever waits for it; also where the
// rest of the answer is kept.
func TestNobodyIsGivenWhatIsNotKept(t *testing.T) {
	for _, control := range []string{"private", "no-store", "max-age=0"} {
		s := newShelf()
		r := newRouter(t, s, cache.Config{})
		ada, ben := execute.Scope{Public: "de", Private: "ada"}, execute.Scope{Public: "de", Private: "ben"}
		r.things("a", "version", ada)
		s.took()
		s.control = control
		release, wait := r.under(s, context.Background(), "a,b", func() {}, ada, ben)
		release()
		wait()
		if asked := s.took(); asked != "b b" {
			t.Errorf("%s: asked for %q, want b for each", control, asked)
		}
	}
}

// When the one who asks leaves, one of those who wait asks for all of them.
func TestWhoAsksMayLeave(t *testing.T) {
	s := newShelf()
	r := newRouter(t, s, cache.Config{})
	ctx, leave := context.WithCancel(context.Background())
	_, wait := r.under(s, ctx, "a,b", func() {}, make([]execute.Scope, 20)...)
	leave()
	wait()
	if asked := s.took(); asked != "a b a b" {
		t.Errorf("asked for %q, want a and b twice: by who left, and for all others", asked)
	}
}
