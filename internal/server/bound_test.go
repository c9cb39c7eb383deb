package server

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// boundedServer counts all connections as one client's.
func boundedServer(t *testing.T, most int, of string) *Server {
	t.Helper()
	s, err := Start(Config{Name: "test", Addr: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler),
		Connections: Bound{Most: most, Of: func(netip.Addr) string { return of }},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/taken" {
				c, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
				}
				t.Cleanup(func() { c.Close() })
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				return
			}
			_, _ = io.WriteString(w, "hello")
		})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Shutdown(t.Context()) })
	return s
}

// asked sends a request on a connection of its own, and returns the status of the answer; 0 for none.
func asked(t *testing.T, s *Server, path string) (net.Conn, *http.Response) {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: shop\r\n\r\n"); err != nil {
		return c, nil
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return c, nil
	}
	return c, res
}

// A client that keeps connections open gets no more than so many, is told so, and then is told nothing any more. Another
// takes the place of one that is closed.
func TestConnectionsOfOneClientAreBounded(t *testing.T) {
	t.Parallel()
	s := boundedServer(t, 1, "somebody")
	first, res := asked(t, s, "/")
	if res == nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the first: %v", res)
	}
	idle, err := net.Dial("tcp", s.Addr()) // it is beyond the bound, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if _, res := asked(t, s, "/"); res != nil {
		t.Errorf("the third is answered: %v", res)
	}
	_ = idle.Close()
	eventually(t, "the second is told that it is too many", func() bool {
		_, res := asked(t, s, "/")
		if res == nil {
			return false
		}
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusTooManyRequests || !res.Close || res.Header.Get("Retry-After") == "" ||
			!strings.Contains(string(text), "1 connections open") {
			t.Errorf("the second: %v %s %v", res, text, err)
		}
		return true
	})
	_ = first.Close()
	eventually(t, "its place is free", func() bool {
		_, res := asked(t, s, "/")
		return res != nil && res.StatusCode == http.StatusOK
	})
}

// A connection that a handler has taken is none of the server's any more, and one of nobody's is not counted.
func TestConnectionsThatAreNotBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ of, path string }{"taken": {"somebody", "/taken"}, "nobody's": {"", "/"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := boundedServer(t, 1, c.of)
			for range 3 {
				if _, res := asked(t, s, c.path); res == nil || res.StatusCode != http.StatusOK {
					t.Fatalf("%v", res)
				}
			}
		})
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}
