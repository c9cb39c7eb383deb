package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

func dial(t *testing.T, s *httptest.Server, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBodyThatStallsIsCutOff sends half a body and no more: the handler gets an error instead of waiting.
func TestBodyThatStallsIsCutOff(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	s := httptest.NewServer(paced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	}), time.Millisecond))
	defer s.Close()
	defer s.CloseClientConnections()
	dial(t, s, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 20\r\n\r\nhalf of it")
	if err := <-read; err == nil {
		t.Error("half a body was taken for a whole one")
	}
}

// TestAnswerOutlivesTheBodysDeadline streams an answer until well after the body's deadline.
func TestAnswerOutlivesTheBodysDeadline(t *testing.T) {
	t.Parallel()
	const grace = 50 * time.Millisecond
	s := httptest.NewServer(paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		for i := range 10 {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(grace / 5):
			}
			fmt.Fprintln(w, i)
			http.NewResponseController(w).Flush()
		}
		fmt.Fprintln(w, "end")
	}), grace))
	defer s.Close()
	defer s.CloseClientConnections()
	c := dial(t, s, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")
	text, err := io.ReadAll(bufio.NewReader(c))
	if err != nil || !strings.Contains(string(text), "end\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

// writes calls write until it fails, as it does at some time when nobody reads.
func writes(write func() error) error {
	for range 1000 {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// TestAnswerThatNobodyReadsIsCutOff asks for more than the kernel holds, reads nothing, and the handler is over, however
// it writes.
func TestAnswerThatNobodyReadsIsCutOff(t *testing.T) {
	t.Parallel()
	piece := make([]byte, 32<<10)
	for name, answer := range map[string]func(http.ResponseWriter) error{
		"in pieces": func(w http.ResponseWriter) error {
			return writes(func() error { _, err := w.Write(piece); return err })
		},
		"as a stream": func(w http.ResponseWriter) error {
			return writes(func() error { _, _ = w.Write(piece); return http.NewResponseController(w).Flush() })
		},
		"as a stream, the old way": func(w http.ResponseWriter) error {
			return writes(func() error { _, err := w.Write(piece); w.(http.Flusher).Flush(); return err })
		},
		"at once": func(w http.ResponseWriter) error { _, err := w.Write(make([]byte, 32<<20)); return err },
		"with deadlines of its own": func(w http.ResponseWriter) error {
			control := http.NewResponseController(w)
			return writes(func() error {
				_ = control.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
				_, err := w.Write(piece)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrote := make(chan error, 1)
			s := httptest.NewServer(paced(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { wrote <- answer(w) }), 10*time.Millisecond))
			defer s.Close()
			defer s.CloseClientConnections()
			dial(t, s, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
			select {
			case err := <-wrote:
				if err == nil {
					t.Error("all was written")
				}
			case <-time.After(20 * time.Second):
				t.Error("it is still being written")
			}
		})
	}
}

// TestAnswersThatNobodyReadsEndTheirConnection sends requests without end and reads none of the answers, which are too
// small for their handler to notice.
func TestAnswersThatNobodyReadsEndTheirConnection(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"of a few bytes": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") },
		"of none":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"of no deadline": func(w http.ResponseWriter, _ *http.Request) {
			control := http.NewResponseController(w)
			_ = control.SetWriteDeadline(time.Now().Add(time.Hour))
			fmt.Fprintln(w, "ok")
			_ = control.SetWriteDeadline(time.Time{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(paced(answer, 10*time.Millisecond))
			defer s.Close()
			defer s.CloseClientConnections()
			c := dial(t, s, "")
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			requests := strings.Repeat("GET / HTTP/1.1\r\nHost: shop\r\n\r\n", 1000)
			for {
				if _, err := io.WriteString(c, requests); errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal("the connection is still there")
				} else if err != nil {
					return
				}
			}
		})
	}
}

// TestStreamOutlivesTheDeadlineOfItsPieces is quiet for longer than a piece may take to be written.
func TestStreamOutlivesTheDeadlineOfItsPieces(t *testing.T) {
	t.Parallel()
	const grace = 50 * time.Millisecond
	for name, start := range map[string]func(*httptest.Server){
		"HTTP/1.1": (*httptest.Server).Start,
		"HTTP/2":   func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(paced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, line := range []string{"", "begin\n", "end\n"} { // the header alone first
					_, _ = io.WriteString(w, line)
					w.(http.Flusher).Flush()
					select {
					case <-r.Context().Done():
						return
					case <-time.After(2 * writeStall * grace):
					}
				}
			}), grace))
			start(s)
			defer s.Close()
			defer s.CloseClientConnections()
			res, err := s.Client().Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if text, err := io.ReadAll(res.Body); err != nil || string(text) != "begin\nend\n" || res.Proto[:6] != name[:6] {
				t.Errorf("%s: %q, %v", res.Proto, text, err)
			}
		})
	}
}

// TestConnectionThatIsTakenHasNoDeadline says something long after its handler is over.
func TestConnectionThatIsTakenHasNoDeadline(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Millisecond
	over := make(chan net.Conn, 1)
	s := httptest.NewServer(paced(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
		}
		over <- c
	}), grace))
	defer s.Close()
	defer s.CloseClientConnections()
	c := dial(t, s, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
	taken := <-over
	defer taken.Close()
	<-time.After(2 * writeStall * grace)
	if _, err := io.WriteString(taken, "still here\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || line != "still here\n" {
		t.Errorf("%q, %v", line, err)
	}
}
