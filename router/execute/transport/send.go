package transport

// The two ways in which a request reaches an address: our own client for HTTP/1.1, and net/http's for
// HTTP/2 and for what both sides of a TLS connection agree on.

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"storefront/router/execute/transport/http1"
)

// sender sends messages to one address. An answer comes whole, whatever its status.
type sender interface {
	send(ctx context.Context, m *message, traced http.Header, again bool) (http1.Response, error)
	close()
}

var errTooLarge = http1.ErrTooLarge

// newSender returns the sender for one of a subgraph's addresses, which Validate has seen.
func newSender(s Subgraph, address string) (sender, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	if s.Protocol == H2C || s.Protocol == Auto && u.Scheme == "https" {
		return newStandard(s, u), nil
	}
	return newOwn(s, u), nil
}

// own sends by package http1.
type own struct {
	client *http1.Client
	head   []byte // request line and the header lines that never change
	limit  int64
}

// buffers hold requests while they are written.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

func newOwn(s Subgraph, u *url.URL) *own {
	cfg := http1.Config{Addr: u.Host, ConnectTimeout: s.ConnectTimeout, MaxIdle: s.MaxIdle, IdleTimeout: s.IdleTimeout}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
		cfg.TLS = &tls.Config{}
		if s.TLS != nil {
			cfg.TLS = s.TLS.Clone()
		}
		if cfg.TLS.ServerName == "" {
			cfg.TLS.ServerName = u.Hostname()
		}
		cfg.TLS.NextProtos = []string{"http/1.1"}
		cfg.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if u.Port() == "" {
		cfg.Addr = net.JoinHostPort(u.Hostname(), port)
	}
	head := []byte("POST " + u.RequestURI() + " HTTP/1.1\r\n")
	head = appendLine(head, "Host", u.Host)
	head = appendLine(head, "Content-Type", contentType)
	head = appendLine(head, "Accept", accept)
	if s.AcceptGzip {
		head = appendLine(head, "Accept-Encoding", "gzip")
	}
	return &own{client: http1.New(cfg), head: head, limit: s.MaxResponseBytes}
}

func (o *own) send(ctx context.Context, m *message, traced http.Header, again bool) (http1.Response, error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b := append((*buf)[:0], o.head...)
	b = m.appendHeader(b, traced)
	b = m.appendBody(b)
	*buf = b
	if cap(b) > 1<<20 { // one large request does not hold its memory for ever
		*buf = nil
	}
	return o.client.Do(ctx, http1.Request{Wire: b, Again: again, MaxBody: o.limit})
}

func (o *own) close() { o.client.Close() }

// standard sends by net/http.
type standard struct {
	url       *url.URL
	transport *http.Transport
	limit     int64
	gzip      bool
}

func newStandard(s Subgraph, u *url.URL) *standard {
	return &standard{url: u, transport: standardTransport(s), limit: s.MaxResponseBytes, gzip: s.AcceptGzip}
}

func standardTransport(s Subgraph) *http.Transport {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: s.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: s.ConnectTimeout,
		TLSClientConfig:     s.TLS.Clone(),
		MaxIdleConnsPerHost: s.MaxIdle,
		IdleConnTimeout:     s.IdleTimeout,
		DisableCompression:  true, // asked for and undone here, within the limit
		Protocols:           new(http.Protocols),
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second}, // finds connections that went silent
	}
	if s.Protocol == H2C {
		t.Protocols.SetUnencryptedHTTP2(true)
	} else {
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
	}
	return t
}

// send is one exchange: RoundTrip follows no redirect. Whether the request may be sent again is known to
// net/http by what it does with a POST.
func (s *standard) send(ctx context.Context, m *message, traced http.Header, _ bool) (http1.Response, error) {
	body := m.appendBody(make([]byte, 0, m.size()))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return http1.Response{}, fmt.Errorf("make request: %w", err)
	}
	for _, name := range m.names {
		req.Header[name] = m.header[name]
	}
	for name, values := range traced {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", accept)
	if s.gzip {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	if m.packed != nil {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return http1.Response{}, ended(ctx, err)
	}
	defer resp.Body.Close()
	out := http1.Response{Status: resp.StatusCode, Encoding: resp.Header.Get("Content-Encoding"), RetryAfter: resp.Header.Get("Retry-After"),
		Control: strings.Join(resp.Header.Values("Cache-Control"), ", ")}
	if resp.ContentLength > s.limit {
		return out, errTooLarge
	}
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(min(resp.ContentLength, 1<<20)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, s.limit+1)); err != nil {
		return out, ended(ctx, err)
	}
	if int64(b.Len()) > s.limit {
		return out, errTooLarge
	}
	out.Body = b.Bytes()
	return out, nil
}

func (s *standard) close() { s.transport.CloseIdleConnections() }

// brokenError is net/http's error for an exchange that came to no end.
type brokenError struct{ error }

func (e brokenError) Unwrap() error { return e.error }

// ended is ctx's error once ctx has ended, whatever that looked like below.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return brokenError{err}
}

// isBroken reports whether an error is the connection's rather than the answer's.
func isBroken(err error) bool {
	_, standard := errors.AsType[brokenError](err)
	return standard || http1.Broken(err)
}
