package webhooks

// Where calls may go. A partner names an address, and the router stands inside the shop's network: without
// this it would call whatever the partner likes there.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	neturl "net/url"
	"strconv"
	"syscall"
	"time"
)

// special are the networks that are not the public internet, after IANA's registries of special-purpose
// addresses (RFC 6890). Of IPv6 what is outside 2000::/3 is no public address in any case.
var special = networks(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // protocols, documentation, and IPv4 in disguise
)

var public6 = netip.MustParsePrefix("2000::/3")

func networks(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

// public reports whether an address is on the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsValid() && (a.Is4() || public6.Contains(a)) && !contains(special, a)
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, n := range list {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// mayCall reports whether an address is called, with TLS or without.
func mayCall(a netip.Addr, allowed []netip.Prefix, tls bool) bool {
	return contains(allowed, a.Unmap()) || tls && public(a)
}

// errForbidden says that an address is none to call.
var errForbidden = errors.New("webhooks go to public addresses only")

const (
	callTimeout = 15 * time.Second // of a call, from connecting to the whole answer
	maxAnswer   = 64 << 10         // bytes of an answer that are read
)

// caller makes calls, to public addresses and those of allowed networks; without TLS to the latter only.
type caller struct{ plain, tls *http.Client }

func newCaller(allowed []netip.Prefix) *caller {
	client := func(tls bool) *http.Client {
		dialer := &net.Dialer{Timeout: callTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			// The address is the one that is connected to, whatever a name stood for a moment ago.
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("connect to %s: %w", address, err)
			}
			if mayCall(to.Addr(), allowed, tls) {
				return nil
			}
			return fmt.Errorf("connect to %s: %w", address, errForbidden)
		}}
		return &http.Client{
			Timeout:       callTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{ // without a proxy: it would connect for us, and unchecked
				DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: callTimeout,
				MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: maxAnswer,
			},
		}
	}
	return &caller{client(false), client(true)}
}

// call posts a message and returns the answer's status, and for how long the receiver wants to be left alone.
func (c *caller) call(ctx context.Context, url string, header http.Header, body []byte) (status int, rest time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, 0, fmt.Errorf("make call: %w", err)
	}
	req.Header = header
	client := c.plain
	if req.URL.Scheme == "https" {
		client = c.tls
	}
	res, err := client.Do(req)
	if e, ok := errors.AsType[*neturl.Error](err); ok {
		err = e.Err // without the address, whose path may be what a receiver knows the shop by
	}
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds > 0 {
		rest = min(time.Duration(min(seconds, 1<<20))*time.Second, maxPause)
	}
	return res.StatusCode, rest, nil
}
