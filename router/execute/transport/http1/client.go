// Package http1 is a small HTTP/1.1 client for many short requests to one address: a request is one
// write of ready bytes, its answer is read in the goroutine that asks, and nothing is allocated but
// the answer's body.
//
// It has what calls between servers need (kept connections, TLS, chunked bodies, interim and early
// answers, cancellation) and leaves the rest to net/http: proxies, redirects, cookies, trailers. It
// never sends a request again that the other side may have acted on, unless told that it is safe.
// Enter at New and Client.Do. Section numbers in this package are RFC 9112's.
package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Config is what a client is made of. Zero values mean the defaults.
type Config struct {
	Addr           string      // host:port, required
	TLS            *tls.Config // nil for plain TCP; ServerName must be set
	ConnectTimeout time.Duration
	MaxIdle        int           // connections kept while unused; 256
	IdleTimeout    time.Duration // how long they are; 90 s
	MaxHeaderBytes int           // of one answer's header lines; 64 KiB
}

// Client keeps connections to one address. It is safe for concurrent use.
type Client struct {
	cfg    Config
	dialer net.Dialer

	mu      sync.Mutex
	idle    []*conn // the last used at the end
	sweeper *time.Timer
	closed  bool
}

// Request is one request in its wire form: request line, header lines, empty line, body.
type Request struct {
	Wire []byte
	// Again says that the request may reach the server twice without harm. It is then sent on a new
	// connection when a kept one turns out to have been closed.
	Again bool
	// MaxBody is how many bytes the answer's body may have.
	MaxBody int64
}

// Response is an answer read whole.
type Response struct {
	Status     int
	Encoding   string // Content-Encoding
	RetryAfter string // Retry-After
	Control    string // Cache-Control, several joined by commas
	Body       []byte // the caller's to keep
}

// DialError is the failure to make a connection: the request was not sent.
type DialError struct{ Err error }

func (e *DialError) Error() string { return e.Err.Error() }
func (e *DialError) Unwrap() error { return e.Err }

// ErrTooLarge is the error for an answer whose body has more than MaxBody bytes.
var ErrTooLarge = errors.New("the answer is too large")

// errClosed is what Do answers after Close.
var errClosed = errors.New("the client is closed")

// New returns a client that has not connected yet.
func New(cfg Config) *Client {
	if cfg.MaxIdle <= 0 {
		cfg.MaxIdle = 256
	}
	if cfg.IdleTimeout <= 0 {
		cfg.IdleTimeout = 90 * time.Second
	}
	if cfg.MaxHeaderBytes <= 0 {
		cfg.MaxHeaderBytes = 64 << 10
	}
	return &Client{cfg: cfg, dialer: net.Dialer{KeepAlive: 30 * time.Second}}
}

// Do sends one request and reads its answer, whatever its status. It ends when ctx does, with ctx's
// error. A DialError means that nothing was sent.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	kept, err := c.take(!r.Again)
	if err != nil {
		return Response{}, err
	}
	if kept != nil {
		resp, err := c.exchange(ctx, kept, r)
		if err == nil || !r.Again || ctx.Err() != nil || !errors.Is(err, errStale) {
			return resp, err
		}
	}
	fresh, err := c.dial(ctx)
	if err != nil {
		return Response{}, err
	}
	return c.exchange(ctx, fresh, r)
}

func (c *Client) exchange(ctx context.Context, cn *conn, r Request) (Response, error) {
	resp, keep, err := cn.roundTrip(ctx, r, c.cfg.MaxHeaderBytes)
	if err == nil && keep {
		c.put(cn)
		return resp, nil
	}
	cn.Close()
	switch {
	case err == nil:
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = context.DeadlineExceeded // ctx's own timer is about to say so
	}
	return resp, err
}

func (c *Client) dial(ctx context.Context) (*conn, error) {
	if c.cfg.ConnectTimeout > 0 {
		short, cancel := context.WithTimeoutCause(ctx, c.cfg.ConnectTimeout, fmt.Errorf("no connection to %s within %s", c.cfg.Addr, c.cfg.ConnectTimeout))
		defer cancel()
		cn, err := c.connect(short)
		if err != nil && ctx.Err() == nil && short.Err() != nil {
			return nil, &DialError{context.Cause(short)}
		}
		return cn, err
	}
	return c.connect(ctx)
}

func (c *Client) connect(ctx context.Context) (*conn, error) {
	raw, err := c.dialer.DialContext(ctx, "tcp", c.cfg.Addr)
	if err != nil {
		return nil, failedDial(ctx, err)
	}
	if c.cfg.TLS == nil {
		return newConn(raw, raw), nil
	}
	secure := tls.Client(raw, c.cfg.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, failedDial(ctx, err)
	}
	return newConn(secure, raw), nil
}

func failedDial(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return &DialError{err}
}

// Broken reports whether an error of Do is one of the connection rather than of what the server said.
func Broken(err error) bool {
	_, dial := errors.AsType[*DialError](err)
	_, network := errors.AsType[net.Error](err)
	return dial || network || errors.Is(err, errStale) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errClosed)
}
