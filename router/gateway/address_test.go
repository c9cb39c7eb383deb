package gateway_test

import (
	"net/http"
	"net/netip"
	"testing"

	"storefront/router/gateway"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	inner := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		what    string
		proxies gateway.Proxies
		from    string
		header  http.Header
		want    string
	}{
		{"nobody is trusted", gateway.Proxies{}, "203.0.113.9:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "203.0.113.9"},
		{"a stranger says something", gateway.Proxies{Trusted: inner}, "203.0.113.9:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "203.0.113.9"},
		{"a proxy says it", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1"},
		{"two proxies, and a client that lies", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", http.Header{"X-Forwarded-For": {"192.0.2.66, 198.51.100.1", " 10.9.9.9"}}, "198.51.100.1"},
		{"a client that says it is a proxy", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", http.Header{"X-Forwarded-For": {"192.0.2.66, 10.9.9.9, 198.51.100.1"}}, "198.51.100.1"},
		{"proxies only", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", http.Header{"X-Forwarded-For": {"10.9.9.9"}}, "10.9.9.9"},
		{"a proxy without the header", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", nil, "10.1.2.3"},
		{"nonsense", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", http.Header{"X-Forwarded-For": {"198.51.100.1, unknown"}}, "10.1.2.3"},
		{"with ports", gateway.Proxies{Trusted: inner}, "[fd00::1]:80", http.Header{"X-Forwarded-For": {"[2001:db8::7]:4711"}}, "2001:db8::7"},
		{"IPv4 in IPv6", gateway.Proxies{Trusted: inner}, "[::ffff:10.0.0.1]:80", http.Header{"X-Forwarded-For": {"::ffff:198.51.100.1"}}, "198.51.100.1"},
		{"the header that the proxy does not write", gateway.Proxies{Trusted: inner}, "10.1.2.3:1", http.Header{"Forwarded": {"for=192.0.2.66"}, "X-Forwarded-For": {"198.51.100.1"}}, "198.51.100.1"},
		{"Forwarded", gateway.Proxies{Trusted: inner, Forwarded: true}, "10.1.2.3:1", http.Header{"Forwarded": {`for=192.0.2.66, For="[2001:db8::7]:47";proto=https;by=10.1.1.1`, "for=10.4.4.4"}, "X-Forwarded-For": {"192.0.2.66"}}, "2001:db8::7"},
		{"Forwarded by a hidden one", gateway.Proxies{Trusted: inner, Forwarded: true}, "10.1.2.3:1", http.Header{"Forwarded": {"for=198.51.100.1, for=_hidden"}}, "10.1.2.3"},
	} {
		r := &http.Request{RemoteAddr: c.from, Header: c.header}
		if r.Header == nil {
			r.Header = http.Header{}
		}
		if got := c.proxies.Client(r); got.String() != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}
