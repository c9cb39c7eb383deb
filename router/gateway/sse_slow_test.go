package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"storefront/router/gateway"
)

// stuck is a response to a client that takes no result until it is let go on.
type stuck struct {
	header http.Header
	once   sync.Once
	waits  chan struct{} // closed when a result waits
	goOn   chan struct{}
	letGo  func()
}

func newStuck(t *testing.T) *stuck {
	s := &stuck{header: http.Header{}, waits: make(chan struct{}), goOn: make(chan struct{})}
	s.letGo = sync.OnceFunc(func() { close(s.goOn) })
	t.Cleanup(s.letGo)
	return s
}

func (s *stuck) Header() http.Header              { return s.header }
func (s *stuck) WriteHeader(int)                  {}
func (s *stuck) Flush()                           {}
func (s *stuck) SetWriteDeadline(time.Time) error { return nil }

func (s *stuck) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("event: next")) {
		s.once.Do(func() { close(s.waits) })
		<-s.goOn
	}
	return len(b), nil
}

// stuckStream is a single event stream whose client takes nothing. It is over when over is closed.
func (h *house) stuckStream(t *testing.T) (s *stuck, leave func(), over chan struct{}) {
	t.Helper()
	const ada = "Bearer ada"
	token := h.send(http.MethodPut, "", "", "Authorization", ada).body
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"?token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", ada)
	s, over = newStuck(t), make(chan struct{})
	go func() {
		defer close(over)
		h.gw.Handler().ServeHTTP(s, r)
	}()
	h.post(`{"query":"{ whoami }","extensions":{"operationId":"1"}}`, "Authorization", ada, "X-GraphQL-Event-Stream-Token", token)
	<-s.waits
	return s, leave, over
}

// A client that does not take what its single event stream has for it keeps nobody from beginning or ending anything.
func TestStuckSingleEventStreamHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) { c.Recheck = time.Millisecond })
	_, leave, _ := h.stuckStream(t)
	defer leave()
	for range 20 { // some of which would meet a look at everybody's rights
		c := h.signedIn(t, "ada")
		c.subscribe("1", watchO1)
		c.expect("next", "PLACED")
		_ = c.conn.CloseNow()
	}
	eventually(t, "all have left", func() bool { return h.gw.Live().Feeds == 0 })
}

// Once a request is answered its response is the server's, which writes others' with the same memory.
func TestSingleEventStreamEndsBehindItsLastWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	s, leave, over := h.stuckStream(t)
	leave()
	select {
	case <-over:
		t.Error("the request is answered while a result is being written")
	case <-time.After(100 * time.Millisecond):
	}
	s.letGo()
	<-over
}
