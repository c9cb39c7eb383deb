package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"
)

// The protocols of Subgraph.Protocol.
const (
	Auto  = "auto"  // HTTP/1.1 for http, and for https what both sides know (HTTP/2 or HTTP/1.1)
	HTTP1 = "http1" // HTTP/1.1 only
	H2C   = "h2c"   // HTTP/2 without TLS, which the server must know
)

// Config says how each subgraph is reached, by its name.
type Config struct {
	Subgraphs map[string]Subgraph
}

// Subgraph is how one subgraph is reached. Take Defaults and change it: a zero value switches a thing
// off where that makes sense, and is a mistake elsewhere.
type Subgraph struct {
	URLs     []string    `yaml:"urls"` // http or https; several are the same subgraph
	Protocol string      `yaml:"protocol"`
	TLS      *tls.Config `yaml:"-"` // authorities and certificates for https; nil for the system's

	ConnectTimeout   time.Duration `yaml:"connect_timeout"`    // of making a connection
	Timeout          time.Duration `yaml:"timeout"`            // of a request as a whole, with its retries
	MaxResponseBytes int64         `yaml:"max_response_bytes"` // of one answer, unpacked
	MaxIdle          int           `yaml:"max_idle"`           // connections to one address that are kept while unused
	IdleTimeout      time.Duration `yaml:"idle_timeout"`       // how long they are

	MaxConcurrent int           `yaml:"max_concurrent"` // requests at once; 0 for any number
	MaxQueue      int           `yaml:"max_queue"`      // requests that wait while there are so many
	QueueTimeout  time.Duration `yaml:"queue_timeout"`  // how long one waits

	Share       bool `yaml:"share"`        // equal queries with equal headers, at the same time, are one request
	AcceptGzip  bool `yaml:"accept_gzip"`  // let the subgraph compress its answers
	GzipRequest int  `yaml:"gzip_request"` // compress bodies of requests from so many bytes on; 0 for none

	Retry     Retry        `yaml:"retry"`
	Breaker   Breaker      `yaml:"breaker"`
	Addresses Addresses    `yaml:"addresses"`
	Headers   []HeaderRule `yaml:"headers"` // in order; see Headers

	Subscription Subscription `yaml:"subscription"`
}

// Retry is when a query is sent again: after a failed connection and after the statuses 429, 502, 503
// and 504. Mutations never are.
type Retry struct {
	Attempts int           `yaml:"attempts"`  // further ones; 0 for none
	MinPause time.Duration `yaml:"min_pause"` // a pause is random, up to this, doubled with each attempt
	MaxPause time.Duration `yaml:"max_pause"` // bound of pauses; a subgraph whose Retry-After asks for more is not asked again
	Budget   float64       `yaml:"budget"`    // retries, as a share of requests
}

// Breaker is when a subgraph is left alone for a while. Failed requests are those that found no
// connection or no answer in time, were answered with a status from 500 on, or with no GraphQL response.
type Breaker struct {
	Failures    float64       `yaml:"failures"`     // share of failed requests that opens the breaker; 0 for never
	MinRequests int           `yaml:"min_requests"` // in the window, below which it stays closed
	Window      time.Duration `yaml:"window"`       // over which requests are counted
	Pause       time.Duration `yaml:"pause"`        // until one request is let through as a trial
}

// Addresses is when one of several addresses is left out: after a failed connection at once, after
// statuses from 500 on, timeouts and answers that are no GraphQL response when they follow each other.
type Addresses struct {
	Failures int           `yaml:"failures"`  // in a row
	MinPause time.Duration `yaml:"min_pause"` // until one query is sent as a trial; doubled when that fails
	MaxPause time.Duration `yaml:"max_pause"`
}

// Defaults is how a subgraph is reached when nothing else is said.
func Defaults() Subgraph {
	return Subgraph{
		Protocol:         Auto,
		ConnectTimeout:   5 * time.Second,
		Timeout:          30 * time.Second,
		MaxResponseBytes: 64 << 20,
		MaxIdle:          256,
		IdleTimeout:      90 * time.Second,
		MaxQueue:         1000,
		QueueTimeout:     time.Second,
		Share:            true,
		AcceptGzip:       true,
		Retry:            Retry{Attempts: 2, MinPause: 50 * time.Millisecond, MaxPause: 2 * time.Second, Budget: 0.1},
		Breaker:          Breaker{Failures: 0.5, MinRequests: 20, Window: 10 * time.Second, Pause: 5 * time.Second},
		Subscription:     Subscription{Protocol: WebSocket, Heartbeat: 20 * time.Second, Max: 10_000},
		Addresses:        Addresses{Failures: 3, MinPause: time.Second, MaxPause: time.Minute},
	}
}

// To is the configuration by which each subgraph is reached at one address, with Defaults.
func To(urls map[string]string) Config {
	cfg := Config{Subgraphs: make(map[string]Subgraph, len(urls))}
	for name, address := range urls {
		s := Defaults()
		s.URLs = []string{address}
		cfg.Subgraphs[name] = s
	}
	return cfg
}

// With is the configuration after change has been made to every subgraph of it.
func (c Config) With(change func(*Subgraph)) Config {
	out := Config{Subgraphs: make(map[string]Subgraph, len(c.Subgraphs))}
	for name, s := range c.Subgraphs {
		change(&s)
		out.Subgraphs[name] = s
	}
	return out
}

// Validate returns every mistake of the configuration, each with the subgraph and the setting.
func (c Config) Validate() error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(c.Subgraphs)) {
		for _, err := range c.Subgraphs[name].mistakes() {
			all = append(all, fmt.Errorf("subgraph %q: %w", name, err))
		}
	}
	return errors.Join(all...)
}

// mistakes are all mistakes of one subgraph's settings, in the order of its fields.
func (s Subgraph) mistakes() []error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	positive := func(name string, d time.Duration) {
		if d <= 0 {
			wrong("%s: %s is no duration above zero", name, d)
		}
	}
	atLeast := func(name string, n, least int) {
		if n < least {
			wrong("%s: %d is less than %d", name, n, least)
		}
	}
	share := func(name string, f float64) {
		if !(f >= 0 && f <= 1) {
			wrong("%s: %g is no share between 0 and 1", name, f)
		}
	}
	if s.Protocol != Auto && s.Protocol != HTTP1 && s.Protocol != H2C {
		wrong("protocol: %q is none of auto, http1 and h2c", s.Protocol)
	}
	if len(s.URLs) == 0 {
		wrong("urls: no address is known")
	}
	for i, address := range s.URLs {
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			wrong("urls: %q is no http or https address", address)
		case u.User != nil:
			wrong("urls: %q has a password in it; insert the header authorization instead", u.Redacted())
		case s.Protocol == H2C && u.Scheme != "http":
			wrong("urls: %q is no http address, as h2c needs", address)
		case slices.Contains(s.URLs[:i], address):
			wrong("urls: %q is there twice", address)
		}
	}
	positive("connect_timeout", s.ConnectTimeout)
	positive("timeout", s.Timeout)
	if s.MaxResponseBytes <= 0 {
		wrong("max_response_bytes: %d is less than 1", s.MaxResponseBytes)
	}
	atLeast("max_idle", s.MaxIdle, 1)
	positive("idle_timeout", s.IdleTimeout)
	atLeast("max_concurrent", s.MaxConcurrent, 0)
	if s.MaxConcurrent > 0 {
		atLeast("max_queue", s.MaxQueue, 0)
		positive("queue_timeout", s.QueueTimeout)
	}
	atLeast("gzip_request", s.GzipRequest, 0)
	atLeast("retry.attempts", s.Retry.Attempts, 0)
	if s.Retry.Attempts > 0 {
		positive("retry.min_pause", s.Retry.MinPause)
		if s.Retry.MaxPause < s.Retry.MinPause {
			wrong("retry.max_pause: %s is less than retry.min_pause", s.Retry.MaxPause)
		}
		share("retry.budget", s.Retry.Budget)
	}
	share("breaker.failures", s.Breaker.Failures)
	if s.Breaker.Failures > 0 {
		atLeast("breaker.min_requests", s.Breaker.MinRequests, 1)
		positive("breaker.window", s.Breaker.Window)
		positive("breaker.pause", s.Breaker.Pause)
	}
	atLeast("addresses.failures", s.Addresses.Failures, 1)
	positive("addresses.min_pause", s.Addresses.MinPause)
	if s.Addresses.MaxPause < s.Addresses.MinPause {
		wrong("addresses.max_pause: %s is less than addresses.min_pause", s.Addresses.MaxPause)
	}
	s.Subscription.mistakes(wrong)
	for i, rule := range s.Headers {
		if _, err := rule.compile(nil); err != nil {
			wrong("headers[%d]: %w", i, err)
		}
	}
	return all
}
