package gateway

// What is checked and set on every HTTP request before anything of it is read: cross-site requests,
// CORS, security headers.

import (
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// CORS says which other origins' pages may call the gateway. The zero value allows none.
type CORS struct {
	Origins     []string // "https://shop.example", patterns as of path.Match such as "https://*.shop.example", or "*"
	Credentials bool     // let them send cookies; never with "*"
	MaxAge      time.Duration
}

// IsOrigin reports whether a pattern can match the origin of a page: a scheme and a host, and no path (RFC 6454, section 6.2).
func IsOrigin(pattern string) bool {
	if pattern == "*" {
		return true
	}
	scheme, host, ok := strings.Cut(pattern, "://")
	_, err := path.Match(pattern, "")
	return ok && err == nil && scheme != "" && host != "" && !strings.ContainsAny(host, "/?#@ ")
}

// preflightHeaders cannot be sent across origins without a CORS preflight, so their presence proves
// that the page was allowed to send the request.
var preflightHeaders = [...]string{"GraphQL-Require-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name"}

// crossSite reports whether the request may come from a page of another origin that never had to
// ask: a "simple" request of the Fetch standard (https://fetch.spec.whatwg.org/#simple-header),
// which a browser sends with the person's cookies and network position.
func (g *Gateway) crossSite(r *http.Request) bool {
	if r.Header.Get("Content-Type") == mediaJSON {
		return false
	}
	if name, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil {
		switch name {
		case "text/plain", "application/x-www-form-urlencoded", "multipart/form-data":
		default:
			return false
		}
	}
	for _, name := range preflightHeaders {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	if r.Method == http.MethodPost {
		// A form of another site can post these types; a POST of ours has application/json.
		return r.Header.Get("Content-Type") != ""
	}
	// A GET only reads. Browsers say where it comes from; what says nothing is no browser.
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		origin := r.Header.Get("Origin")
		return origin != "" && !g.sameOrigin(r, origin) && !g.originAllowed(origin)
	default:
		return !g.originAllowed(r.Header.Get("Origin"))
	}
}

func (g *Gateway) sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

func (g *Gateway) originAllowed(origin string) bool {
	if origin == "" {
		return false
	}
	for _, pattern := range g.cfg.CORS.Origins {
		if ok, _ := path.Match(strings.ToLower(pattern), strings.ToLower(origin)); ok || pattern == "*" {
			return true
		}
	}
	return false
}

// setCORS lets a page of an allowed origin read the answer, and answers its preflight request.
// It reports whether the request was a preflight.
func (g *Gateway) setCORS(w http.ResponseWriter, r *http.Request) (preflight bool) {
	h := w.Header()
	origin := r.Header.Get("Origin")
	if len(g.cfg.CORS.Origins) > 0 {
		h.Add("Vary", "Origin")
	}
	allowed := g.originAllowed(origin)
	if allowed {
		h.Set("Access-Control-Allow-Origin", origin)
		if g.cfg.CORS.Credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		h.Set("Access-Control-Expose-Headers", "X-Request-Id, X-Trace-Id, Retry-After, RateLimit, RateLimit-Policy")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Allow", "GET, POST, OPTIONS")
	if allowed && r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
		if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
			h.Set("Access-Control-Allow-Headers", names)
		}
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(g.cfg.CORS.MaxAge.Seconds())))
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

func setSecurityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept")
}

// hopByHop headers belong to one connection (RFC 9110, section 7.6.1) and are never passed on.
var hopByHop = [...]string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length", "Content-Encoding", "Host",
}

func stripHopByHop(h http.Header) http.Header {
	for _, value := range h.Values("Connection") {
		for name := range strings.SplitSeq(value, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		h.Del(name)
	}
	return h
}
