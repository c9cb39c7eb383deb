package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"storefront/router/gateway"
)

// withLargeAnswers makes hello a text of so many bytes.
func withLargeAnswers(c *gateway.Config, size int) {
	c.Transport = constant(`{"data":{"hello":"` + strings.Repeat("x", size) + `"}}`)
}

const helloRequest = "POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 19\r\nConnection: close\r\n\r\n" + `{"query":"{hello}"}`

// sent is a connection on which a request has been sent. It takes little that is not read.
func (h *house) sent(t *testing.T, request string) net.Conn {
	t.Helper()
	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A client that does not read its answer takes no place of others, and is cut off.
func TestAnswerThatNobodyReads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, request string
		records       int
	}{
		{"alone", helloRequest, 1},
		{"by GET", "GET /graphql?query=%7Bhello%7D HTTP/1.1\r\nHost: shop\r\n\r\n", 1},
		{"in a batch", strings.NewReplacer("19", "21", `{"`, `[{"`, `"}`, `"}]`).Replace(helloRequest), 2}, // one of the batch
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(cfg *gateway.Config) {
				withLargeAnswers(cfg, 16<<20)
				cfg.WriteTimeout, cfg.MaxBatch = 50*time.Millisecond, 1
			})
			h.sent(t, c.request)
			eventually(t, "the request is over", func() bool {
				n := 0
				h.observed.locked(func() { n = len(h.observed.requests) })
				return n == c.records
			})
			eventually(t, "its place is free", func() bool { return h.gw.Load()[0].Running == 0 })
		})
	}
}

// Over HTTP/2 its stream alone is ended.
func TestAnswerThatNobodyReadsOverHTTP2(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) {
		withLargeAnswers(c, 16<<20)
		c.WriteTimeout = 50 * time.Millisecond
	})
	server := httptest.NewUnstartedServer(h.gw.Handler())
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	res, err := server.Client().Get(server.URL + "/graphql?query=%7Bhello%7D")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Fatalf("it is HTTP/%d", res.ProtoMajor)
	}
	eventually(t, "the request is over", func() (over bool) {
		h.observed.locked(func() { over = len(h.observed.requests) == 1 })
		return over
	})
	other, err := server.Client().Get(server.URL + "/graphql?query=%7B__typename%7D")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(other.Body); err != nil || !strings.Contains(string(b), "Query") {
		t.Errorf("another request: %s, %v", b, err)
	}
	_ = other.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("all of the answer has come")
	}
}

// One that reads slowly gets all of it, however long that takes beyond the time for a message.
func TestAnswerThatIsReadSlowly(t *testing.T) {
	t.Parallel()
	const size = 16 << 20
	h := newHouse(t, func(c *gateway.Config) {
		withLargeAnswers(c, size)
		c.WriteTimeout = 50 * time.Millisecond
	})
	conn := h.sent(t, helloRequest)
	began, n := time.Now(), 0
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 64<<10), nil)
	if err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 64<<10); err == nil; {
		var read int
		read, err = io.ReadFull(res.Body, b)
		n += read
		time.Sleep(4 * time.Millisecond)
	}
	if want := size + len(`{"data":{"hello":""}}`); n != want || time.Since(began) < 500*time.Millisecond {
		t.Errorf("%d bytes of %d in %s: %v", n, want, time.Since(began), err)
	}
}

// unread is a response whose client reads nothing until it is let go on.
type unread struct{ *stuck }

func (u unread) Write(b []byte) (int, error) {
	u.once.Do(func() { close(u.waits) })
	<-u.goOn
	return len(b), nil
}

// While an answer is written its place is free for others; of its client it is still one under way, so that one that
// reads slowly holds the memory of so many and no more.
func TestAnswerBeingWrittenIsItsClientsOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *gateway.Config) { c.MaxAtOnce = 1 })
	w, over := unread{newStuck(t)}, make(chan struct{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url, strings.NewReader(`{"query":"{ whoami }"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer ada")
	go func() {
		defer close(over)
		h.gw.Handler().ServeHTTP(w, r)
	}()
	<-w.waits
	for _, lane := range h.gw.Load() {
		if lane.Running != 0 {
			t.Errorf("it is under way to %q", lane.Subgraph)
		}
	}
	ask := func(who string) string { return h.post(`{"query":"{ whoami }"}`, "Authorization", "Bearer "+who).body }
	if got := ask("ada"); !strings.Contains(got, "TOO_MANY") {
		t.Errorf("the same client: %s", got)
	}
	if got := ask("bob"); !strings.Contains(got, `"whoami"`) {
		t.Errorf("another one: %s", got)
	}
	w.letGo()
	<-over
	if got := ask("ada"); !strings.Contains(got, `"whoami"`) {
		t.Errorf("afterwards: %s", got)
	}
}
