package transport_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"storefront/router/execute"
	"storefront/router/execute/transport"
)

// TestShare: which requests at the same time become one.
func TestShare(t *testing.T) {
	base := func() *execute.SubgraphRequest {
		return &execute.SubgraphRequest{Subgraph: "s", Query: "{ a }", OperationName: "Q", Variables: []byte(`{"a":1}`),
			Header: http.Header{"Authorization": {"a"}, "Accept-Language": {"de", "en"}, "X-Request-Id": {"1"}, "Traceparent": {"1"}}}
	}
	for name, c := range map[string]struct {
		change func(*execute.SubgraphRequest)
		asked  int32
	}{
		"equal": {func(r *execute.SubgraphRequest) {}, 1},
		"another trace": {func(r *execute.SubgraphRequest) {
			r.Header["Traceparent"], r.Header["X-Request-Id"] = nil, []string{"2"}
		}, 1},
		"another query":    {func(r *execute.SubgraphRequest) { r.Query = "{ b }" }, 2},
		"another name":     {func(r *execute.SubgraphRequest) { r.OperationName = "" }, 2},
		"other variables":  {func(r *execute.SubgraphRequest) { r.Variables = nil }, 2},
		"another header":   {func(r *execute.SubgraphRequest) { r.Header.Set("Authorization", "b") }, 2},
		"one header more":  {func(r *execute.SubgraphRequest) { r.Header.Set("X", "b") }, 2},
		"one header less":  {func(r *execute.SubgraphRequest) { r.Header.Del("Authorization") }, 2},
		"one value less":   {func(r *execute.SubgraphRequest) { r.Header["Accept-Language"] = []string{"de"} }, 2},
		"values reordered": {func(r *execute.SubgraphRequest) { r.Header["Accept-Language"] = []string{"en", "de"} }, 2},
		"mutation":         {func(r *execute.SubgraphRequest) { r.IsMutation = true }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			hold := make(chan struct{})
			s := answering(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				<-hold
				w.Write([]byte(ok))
			})
			seen := &counts{}
			opts := newWorld().options()
			opts.Observer = seen
			tr := reach(t, opts, func(s *transport.Subgraph) { s.Share = true }, s.URL)
			first, second := base(), base()
			c.change(second)
			if name == "mutation" {
				first.IsMutation = true
			}
			done := make(chan error, 2)
			for _, r := range []*execute.SubgraphRequest{first, second} {
				go func() {
					data, err := tr.Do(t.Context(), r)
					if string(data) != ok {
						t.Errorf("answer %s", data)
					}
					done <- err
				}()
			}
			eventually(t, "the requests arrive", func() bool { return asked.Load() == c.asked })
			if c.asked == 1 {
				eventually(t, "both wait", func() bool { return tr.Waiting("s") == 2 })
			}
			close(hold)
			for range 2 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			if asked.Load() != c.asked || int32(seen.shared.Load()) != 2-c.asked {
				t.Errorf("asked %d times, want %d; %d shared", asked.Load(), c.asked, seen.shared.Load())
			}
			if tr.Waiting("s") != 0 {
				t.Error("somebody still waits")
			}
		})
	}
}

// TestShareLeaving: when the one who asks leaves, one of those who wait asks anew; when all have left,
// nobody does.
func TestShareLeaving(t *testing.T) {
	arrived, gone, hold := make(chan struct{}, 9), make(chan struct{}, 9), make(chan struct{})
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		// The body must be read before the server notices that the client has gone.
		_, _ = r.Body.Read(make([]byte, 1000))
		_, _ = r.Body.Read(make([]byte, 1))
		arrived <- struct{}{}
		select {
		case <-hold:
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte("no"))
		case <-r.Context().Done():
			gone <- struct{}{}
		}
	})
	tr := reach(t, newWorld().options(), func(s *transport.Subgraph) { s.Share = true }, s.URL)
	ask := func(n int) (leave []context.CancelFunc, done []chan error) {
		for i := range n {
			ctx, cancel := context.WithCancel(t.Context())
			t.Cleanup(cancel)
			end := make(chan error, 1)
			go func() { _, err := tr.Do(ctx, query()); end <- err }()
			eventually(t, "one more waits", func() bool { return tr.Waiting("s") == i+1 })
			leave, done = append(leave, cancel), append(done, end)
		}
		<-arrived
		return leave, done
	}
	leave, done := ask(3)
	leave[0]() // the one who asks
	if err := <-done[0]; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	<-gone
	<-arrived // from one of the two who wait
	eventually(t, "both wait for it", func() bool { return tr.Waiting("s") == 2 })
	hold <- struct{}{}
	for _, d := range done[1:] {
		if err := <-d; err == nil || !strings.Contains(err.Error(), "status 400") {
			t.Errorf("who stayed got %v", err)
		}
	}

	leave, done = ask(2)
	leave[1]()
	<-done[1]
	leave[0]()
	<-done[0]
	<-gone
	if tr.Waiting("s") != 0 {
		t.Error("somebody still waits")
	}
	select {
	case <-arrived:
		t.Error("asked again for nobody")
	default:
	}
}

// TestShareKept: what the subgraph says of keeping an answer is told to all who share it.
func TestShareKept(t *testing.T) {
	hold := make(chan struct{})
	s := answering(t, func(w http.ResponseWriter, r *http.Request) {
		<-hold
		w.Header().Set("Cache-Control", "private")
		w.Write([]byte(ok))
	})
	tr := reach(t, newWorld().options(), func(s *transport.Subgraph) { s.Share = true }, s.URL)
	said := make(chan string, 2)
	for range 2 {
		go func() {
			_, control, err := tr.DoKept(t.Context(), query())
			if err != nil {
				t.Error(err)
			}
			said <- control
		}()
	}
	eventually(t, "both wait", func() bool { return tr.Waiting("s") == 2 })
	close(hold)
	for range 2 {
		if control := <-said; control != "private" {
			t.Errorf("one is told %q", control)
		}
	}
}
