package http1_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"storefront/router/execute/transport/http1"
)

// wire is a request of ours.
func wire(body string) []byte {
	return []byte("POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// script is a server whose connections do what a test says; it counts them.
type script struct {
	net.Listener
	conns atomic.Int32
	wait  sync.WaitGroup
}

// serve starts a server that calls each for every connection, with the connection's number from 1.
func serve(t *testing.T, each func(n int32, c net.Conn, br *bufio.Reader)) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{Listener: l}
	s.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := s.conns.Add(1)
			s.wait.Go(func() {
				defer c.Close()
				each(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { l.Close(); s.wait.Wait() })
	return s
}

// request reads one request; false when the connection has ended.
func request(br *bufio.Reader) (string, bool) {
	r, err := http.ReadRequest(br)
	if err != nil {
		return "", false
	}
	body, err := io.ReadAll(r.Body)
	return string(body), err == nil
}

func client(t *testing.T, addr string, change func(*http1.Config)) *http1.Client {
	cfg := http1.Config{Addr: addr}
	if change != nil {
		change(&cfg)
	}
	c := http1.New(cfg)
	t.Cleanup(c.Close)
	return c
}

// TestAnswers: every form of an answer, and whether the connection is used again after it.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	for _, c := range []struct {
		name, answer string
		hangUp       bool // the server closes after its answer
		status       int
		body         string
		again        bool // the connection is kept
		err          string
	}{
		{name: "length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", again: true},
		{name: "no reason", answer: "HTTP/1.1 200\r\ncontent-length:2\r\n\r\nok", status: 200, body: "ok", again: true},
		{name: "bare line ends", answer: "HTTP/1.1 200 OK\ncontent-length: 2\n\nok", status: 200, body: "ok", again: true},
		{name: "longer than the buffer", answer: "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + long, status: 200, body: long, again: true},
		{name: "empty", answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200, again: true},
		{name: "no content", answer: "HTTP/1.1 204 No Content\r\n\r\n", status: 204, again: true},
		{name: "chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", status: 200, body: "ok0123456789", again: true},
		{name: "trailers", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nDigest: x\r\n\r\n", status: 200, body: "ok", again: true},
		{name: "interim answers", answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", again: true},
		{name: "same length twice", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", again: true},
		{name: "close", answer: "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
		{name: "up to the end", answer: "HTTP/1.1 200 OK\r\n\r\nok", hangUp: true, status: 200, body: "ok"},
		{name: "1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
		{name: "1.0 kept", answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", again: true},
		{name: "more than asked", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", status: 200, body: "ok"},
		{name: "chunks and length", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n", status: 200, body: "ok"},

		{name: "no HTTP", answer: "220 smtp ready\r\n", err: "no HTTP/1.1 status line"},
		{name: "HTTP/2", answer: "HTTP/2.0 200 OK\r\n\r\n", err: "no HTTP/1.1 status line"},
		{name: "bad status", answer: "HTTP/1.1 2x0 OK\r\n\r\n", err: "no HTTP/1.1 status line"},
		{name: "long status", answer: "HTTP/1.1 2000 OK\r\n\r\n", err: "no HTTP/1.1 status line"},
		{name: "switching", answer: "HTTP/1.1 101 Switching Protocols\r\n\r\n", err: "another protocol"},
		{name: "no colon", answer: "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n", err: "no header line"},
		{name: "space before the colon", answer: "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", err: "no header line"},
		{name: "folded", answer: "HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n", err: "no header line"},
		{name: "two lengths", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", err: "Content-Length"},
		{name: "signed length", answer: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", err: "Content-Length"},
		{name: "endless length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", err: "Content-Length"},
		{name: "cut", answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", hangUp: true, err: "unexpected EOF"},
		{name: "cut header", answer: "HTTP/1.1 200 OK\r\nContent-Le", hangUp: true, err: "unexpected EOF"},
		{name: "cut chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", hangUp: true, err: "unexpected EOF"},
		{name: "no last chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", hangUp: true, err: "unexpected EOF"},
		{name: "bad chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", err: "no chunk size"},
		{name: "no chunk size", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", err: "no chunk size"},
		{name: "long chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n", err: "longer than it says"},
		{name: "other coding", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", err: "not supported"},
		{name: "too large", answer: "HTTP/1.1 200 OK\r\nContent-Length: 50001\r\n\r\n", err: "too large"},
		{name: "too large in chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", err: "too large"},
		{name: "too large to the end", answer: "HTTP/1.1 200 OK\r\n\r\n" + long + long, hangUp: true, err: "too large"},
		{name: "long header line", answer: "HTTP/1.1 200 OK\r\nA: " + long + "\r\n\r\n", err: "header is too large"},
		{name: "long header", answer: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+long[:4000]+"\r\n", 20) + "\r\n", err: "header is too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(_ int32, conn net.Conn, br *bufio.Reader) {
				for {
					if body, ok := request(br); !ok || body != "ask" {
						return
					}
					if _, err := io.WriteString(conn, c.answer); err != nil || c.hangUp {
						return
					}
				}
			})
			cl := client(t, s.Addr().String(), nil)
			ask := func() (http1.Response, error) {
				return cl.Do(t.Context(), http1.Request{Wire: wire("ask"), MaxBody: 50_000})
			}
			resp, err := ask()
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("answer %d %.100q, error %v, want one with %q", resp.Status, resp.Body, err, c.err)
				}
				if cl.Idle() != 0 {
					t.Error("the connection is kept after an error")
				}
				return
			}
			if err != nil || resp.Status != c.status || string(resp.Body) != c.body {
				t.Fatalf("answer %d %.100q, error %v", resp.Status, resp.Body, err)
			}
			if _, err := ask(); err != nil {
				t.Fatal(err)
			}
			if got, want := s.conns.Load(), map[bool]int32{true: 1, false: 2}[c.again]; got != want {
				t.Errorf("%d connections for two requests, want %d", got, want)
			}
		})
	}
}

func TestHeaderLines(t *testing.T) {
	s := serve(t, func(_ int32, conn net.Conn, br *bufio.Reader) {
		request(br)
		io.WriteString(conn, "HTTP/1.1 503 Busy\r\nretry-after:  7 \r\nContent-Encoding: gzip\r\ncontent-length: 0\r\n\r\n")
	})
	resp, err := client(t, s.Addr().String(), nil).Do(t.Context(), http1.Request{Wire: wire("")})
	if err != nil || resp.Status != 503 || resp.RetryAfter != "7" || resp.Encoding != "gzip" {
		t.Errorf("%+v, %v", resp, err)
	}
}

// TestClosedWhileIdle: the server closes a kept connection. A request that may be repeated goes out
// again; one that may not is sent on a connection that was found alive.
func TestClosedWhileIdle(t *testing.T) {
	var asked atomic.Int32
	closed := make(chan struct{}, 10)
	s := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) {
		if _, ok := request(br); ok {
			asked.Add(1)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
		conn.Close()
		closed <- struct{}{}
	})
	cl := client(t, s.Addr().String(), nil)
	for i, again := range []bool{true, false, true, false} {
		resp, err := cl.Do(t.Context(), http1.Request{Wire: wire("x"), Again: again, MaxBody: 10})
		if err != nil || string(resp.Body) != "ok" {
			t.Fatalf("request %d: %q, %v", i, resp.Body, err)
		}
		<-closed
	}
	if asked.Load() != 4 {
		t.Errorf("the server was asked %d times, want 4", asked.Load())
	}
}

// TestNotRepeated: what the server has read and not answered is sent again only where that is safe.
func TestNotRepeated(t *testing.T) {
	var asked atomic.Int32
	s := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) {
		for i := 0; ; i++ {
			if _, ok := request(br); !ok {
				return
			}
			asked.Add(1)
			if i == 1 { // the second request of a connection is swallowed
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	for _, again := range []bool{true, false} {
		asked.Store(0)
		cl := client(t, s.Addr().String(), nil)
		if _, err := cl.Do(t.Context(), http1.Request{Wire: wire("x"), Again: again, MaxBody: 10}); err != nil {
			t.Fatal(err)
		}
		_, err := cl.Do(t.Context(), http1.Request{Wire: wire("x"), Again: again, MaxBody: 10})
		if (err == nil) != again {
			t.Errorf("again %v: %v", again, err)
		}
		if want := map[bool]int32{true: 3, false: 2}[again]; asked.Load() != want {
			t.Errorf("again %v: asked %d times, want %d", again, asked.Load(), want)
		}
	}
}

// TestEarlyAnswer: the server answers before it has read a large request, and reads no more of it.
func TestEarlyAnswer(t *testing.T) {
	done := make(chan struct{})
	s := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) {
		_, _ = br.ReadString('\n')
		io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
		<-done
	})
	defer close(done)
	cl := client(t, s.Addr().String(), nil)
	resp, err := cl.Do(t.Context(), http1.Request{Wire: wire(strings.Repeat("x", 32<<20)), MaxBody: 10})
	if err != nil || resp.Status != 413 || string(resp.Body) != "no" {
		t.Errorf("%d %q %v", resp.Status, resp.Body, err)
	}
	if cl.Idle() != 0 {
		t.Error("a connection with half a request on it is kept")
	}
}

// TestLargeRequest arrives whole, and its connection is kept.
func TestLargeRequest(t *testing.T) {
	body := strings.Repeat("y", 1<<20)
	s := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) {
		for {
			got, ok := request(br)
			if !ok {
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"+strconv.Itoa(len(got)))
		}
	})
	cl := client(t, s.Addr().String(), nil)
	for range 3 {
		if resp, err := cl.Do(t.Context(), http1.Request{Wire: wire(body), MaxBody: 10}); err != nil || string(resp.Body) != "1048576" {
			t.Fatalf("%q %v", resp.Body, err)
		}
	}
	if s.conns.Load() != 1 {
		t.Errorf("%d connections", s.conns.Load())
	}
}

// TestCancel: a request ends when its context does, and its connection is closed so that the server
// notices.
func TestCancel(t *testing.T) {
	asked, gone := make(chan struct{}, 1), make(chan struct{}, 1)
	s := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) {
		request(br)
		asked <- struct{}{}
		br.ReadByte() // ends with the connection
		gone <- struct{}{}
	})
	cl := client(t, s.Addr().String(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := cl.Do(ctx, http1.Request{Wire: wire("x"), Again: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	<-gone
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := cl.Do(ctx, http1.Request{Wire: wire("x"), Again: true}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("out of time: %v", err)
	}
	<-gone
	if cl.Idle() != 0 {
		t.Error("an interrupted connection is kept")
	}
}

func TestDialErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if _, err := client(t, addr, nil).Do(t.Context(), http1.Request{Wire: wire("")}); !isDial(err) {
		t.Errorf("refused: %v", err)
	}
	silent := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) { br.Discard(1 << 20) }) // never shakes hands
	slow := client(t, silent.Addr().String(), func(c *http1.Config) {
		c.TLS, c.ConnectTimeout = &tls.Config{ServerName: "h"}, 10*time.Millisecond
	})
	if _, err := slow.Do(t.Context(), http1.Request{Wire: wire("")}); !isDial(err) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no handshake: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client(t, addr, nil).Do(ctx, http1.Request{Wire: wire("")}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func isDial(err error) bool {
	_, ok := errors.AsType[*http1.DialError](err)
	return ok
}

// TestPool: connections are kept up to a number and a time, and closed with the client.
func TestPool(t *testing.T) {
	meet, answer := make(chan struct{}), make(chan struct{})
	ended := make(chan struct{}, 20)
	s := serve(t, func(n int32, conn net.Conn, br *bufio.Reader) {
		defer func() { ended <- struct{}{} }()
		for {
			if _, ok := request(br); !ok {
				return
			}
			meet <- struct{}{}
			<-answer
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	burst := func(cl *http1.Client, n int) {
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				if _, err := cl.Do(t.Context(), http1.Request{Wire: wire("")}); err != nil {
					t.Error(err)
				}
			})
		}
		for range n {
			<-meet
		}
		for range n {
			answer <- struct{}{}
		}
		all.Wait()
	}
	cl := client(t, s.Addr().String(), func(c *http1.Config) { c.MaxIdle = 2 })
	if burst(cl, 5); cl.Idle() != 2 {
		t.Errorf("%d of 5 connections are kept, want 2", cl.Idle())
	}
	cl.Close()
	if _, err := cl.Do(t.Context(), http1.Request{Wire: wire("")}); err == nil {
		t.Error("a closed client sends")
	}
	for range 5 {
		<-ended
	}

	brief := client(t, s.Addr().String(), func(c *http1.Config) { c.IdleTimeout = time.Millisecond })
	burst(brief, 3)
	for brief.Idle() > 0 {
		if t.Context().Err() != nil {
			t.Fatal("connections are kept for ever")
		}
		<-time.After(time.Millisecond)
	}
}

// TestTLS: a server of net/http over TLS, by HTTP/1.1, over one connection.
func TestTLS(t *testing.T) {
	var addrs sync.Map
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		addrs.Store(r.RemoteAddr, true)
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	defer s.Close()
	base := s.Client().Transport.(*http.Transport).TLSClientConfig
	cl := client(t, s.Listener.Addr().String(), func(c *http1.Config) {
		c.TLS = &tls.Config{RootCAs: base.RootCAs, ServerName: "example.com", NextProtos: []string{"http/1.1"}}
	})
	for range 3 {
		resp, err := cl.Do(t.Context(), http1.Request{Wire: wire("over TLS"), MaxBody: 100})
		if err != nil || string(resp.Body) != "over TLS" {
			t.Fatalf("%q %v", resp.Body, err)
		}
	}
	n := 0
	addrs.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d connections for three requests", n)
	}
	strange := client(t, s.Listener.Addr().String(), func(c *http1.Config) { c.TLS = &tls.Config{ServerName: "example.com"} })
	if _, err := strange.Do(t.Context(), http1.Request{Wire: wire("")}); !isDial(err) {
		t.Errorf("an unknown authority: %v", err)
	}
}

// TestMany: many goroutines over kept connections get each its own answer.
func TestMany(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
		w.Write([]byte(strings.Repeat(".", len(body)*100)))
	}))
	defer s.Close()
	cl := client(t, s.Listener.Addr().String(), nil)
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 100 {
				want := strconv.Itoa(g*1000 + i)
				ctx, cancel := context.WithCancel(t.Context())
				resp, err := cl.Do(ctx, http1.Request{Wire: wire(want), Again: true, MaxBody: 1000})
				cancel()
				if got := strings.TrimRight(string(resp.Body), "."); err != nil || got != want {
					t.Errorf("answer to %s: %s, %v", want, got, err)
				}
			}
		})
	}
	all.Wait()
}
