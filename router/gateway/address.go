package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of proxies whose word on where a request came from is believed, and the header
// that they say it in: X-Forwarded-For, or Forwarded of RFC 7239. Only that one is read. A proxy passes on
// what it does not write, so the other would be whatever a client likes.
type Proxies struct {
	Trusted   []netip.Prefix
	Forwarded bool // they write Forwarded; else X-Forwarded-For
}

// Client is the address a request came from: the last one that no trusted proxy has, counted from us.
// It is not valid when even the connection's own cannot be read.
func (p Proxies) Client(r *http.Request) netip.Addr {
	at := addressOf(r.RemoteAddr)
	hops := p.hops(r.Header)
	for i := len(hops) - 1; i >= 0 && p.Trusts(at); i-- {
		before := addressOf(hops[i])
		if !before.IsValid() { // "unknown", an obfuscated name, or nonsense: it stays the proxy's
			break
		}
		at = before
	}
	return at
}

// Trusts reports whether an address is a proxy's.
func (p Proxies) Trusts(a netip.Addr) bool {
	for _, network := range p.Trusted {
		if a.IsValid() && network.Contains(a) {
			return true
		}
	}
	return false
}

// hops are the addresses that proxies have noted, the first one's first.
func (p Proxies) hops(h http.Header) []string {
	if len(p.Trusted) == 0 {
		return nil
	}
	if !p.Forwarded {
		return strings.Split(strings.Join(h.Values("X-Forwarded-For"), ","), ",")
	}
	var hops []string
	for element := range strings.SplitSeq(strings.Join(h.Values("Forwarded"), ","), ",") {
		hop := ""
		for pair := range strings.SplitSeq(element, ";") {
			if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, "for") {
				hop = strings.Trim(value, `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
}

// addressOf reads an address with or without a port, an IPv6 one in brackets or not.
func addressOf(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if with, err := netip.ParseAddrPort(text); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
