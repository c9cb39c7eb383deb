package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
	c := dial(t, s, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")
	text, err := io.ReadAll(bufio.NewReader(c))
	if err != nil || !strings.Contains(string(text), "end\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

// TestAnswerThatNobodyReadsIsCutOff asks for more than the kernel holds, reads nothing, and the handler is over.
func TestAnswerThatNobodyReadsIsCutOff(t *testing.T) {
	t.Parallel()
	wrote := make(chan error, 1)
	s := httptest.NewServer(pacedWrites(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b := make([]byte, 32<<10)
		for range 1000 {
			if _, err := w.Write(b); err != nil {
				wrote <- err
				return
			}
			_ = http.NewResponseController(w).Flush()
		}
		wrote <- nil
	}), 10*time.Millisecond))
	defer s.Close()
	dial(t, s, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
	select {
	case err := <-wrote:
		if err == nil {
			t.Error("all was written")
		}
	case <-time.After(20 * time.Second):
		t.Error("it is still being written")
	}
}
