package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"storefront/internal/embedded/redis/redistest"
	"storefront/internal/ratelimit"
	redisedge "storefront/internal/redis"
	"storefront/router/gateway"
)

// A partner meets what was agreed with it, over every transport, and is told so.
func TestPartnerMeetsItsQuota(t *testing.T) {
	t.Parallel()
	h := ownShop(t)
	run := func(args ...string) string {
		t.Helper()
		out, err := storefront(t.Context(), append(args, "--data-dir", h.dir)...)
		if err != nil {
			t.Fatalf("storefront %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	run("operations", "publish", "--client", "acme", manifest(t, "q-", "Zones", `query Zones { shippingZones { id name } }`, "Dear", `query Dear { a: shippingZones { id } b: shippingZones { id } }`))
	if out := run("partners", "set", "acme", "--requests", "6/d", "--cost", "1000/d"); !strings.Contains(out, "6/d") || !strings.Contains(out, "1000/d") {
		t.Errorf("set says %s", out)
	}
	run("partners", "set", "acme", "--operation", "q-Dear", "--cost", "1/d")
	acme := h.partner(t)
	send := func(body string, header ...string) (*http.Response, answer) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/graphql", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = acme.with(append(header, "Content-Type", "application/json")...).header
		res, err := acme.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var r result
		if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
			t.Fatal(err)
		}
		return res, answer{res.StatusCode, value{r.Data}, r.Errors}
	}
	field := func(res *http.Response, name, want string) {
		t.Helper()
		if got := res.Header.Get(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	zones := `{"id": "q-Zones"}`
	cost := 0 // of Zones
	for i := range 2 {
		res, a := send(zones)
		if a.status != 200 || len(a.errors) > 0 {
			t.Fatalf("request %d: %d %v", i, a.status, a.errors)
		}
		field(res, "RateLimit-Policy", `"partner";q=6;w=86400, "partner-cost";q=1000;w=86400;qu="cost"`)
		field(res, "RateLimit", fmt.Sprintf(`"partner";r=%d;t=`, 5-i))
		_, rest, _ := strings.Cut(res.Header.Get("RateLimit"), `"partner-cost";r=`)
		text, _, _ := strings.Cut(rest, ";")
		left, err := strconv.Atoi(text)
		if i == 0 {
			cost = 1000 - left
		}
		if err != nil || cost < 1 || left != 1000-(i+1)*cost {
			t.Errorf("RateLimit: %s after %d requests; the first cost %d", res.Header.Get("RateLimit"), i+1, cost)
		}
	}
	if _, a := send(`{"id": "q-none"}`); a.code() != "PERSISTED_OPERATION_NOT_FOUND" {
		t.Errorf("an id that is not there: %v", a.errors)
	}
	// Its cost is more than 1, and 1 is allowed: nothing is taken, and no time helps.
	res, a := send(`{"id": "q-Dear"}`)
	if a.status != 429 || a.code() != "RATE_LIMITED" || res.Header.Get("Retry-After") != "" || !strings.Contains(a.errors.Error(), "and this operation may use 1/d units of cost") {
		t.Errorf("an operation dearer than its limit: %d %v, Retry-After %q", a.status, a.errors, res.Header.Get("Retry-After"))
	}

	// The other three: one by SSE, one after the other on a socket.
	if l := acme.listenTo(t, vars{"id": "q-Zones"}); len(l.next(t).list("shippingZones")) == 0 {
		t.Error("no zones over SSE")
	}
	socket := func() answer {
		t.Helper()
		a, open := acme.dial(t, map[string]vars{"a": {"id": "q-Zones"}}).results["a"].answer(t)
		if !open {
			t.Error("the socket closes")
		}
		return a
	}
	for range 2 {
		if a := socket(); len(a.errors) > 0 || len(a.data.list("shippingZones")) == 0 {
			t.Errorf("on a socket: %s %v", a.data, a.errors)
		}
	}
	if a := socket(); a.code() != "RATE_LIMITED" {
		t.Errorf("one too many on a socket: %s %v", a.data, a.errors)
	}
	res, a = send(zones)
	after, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if a.status != 429 || a.code() != "RATE_LIMITED" || err != nil || after < 1 || after > 86400/6 || a.data.any != nil {
		t.Errorf("one too many: %d %v, Retry-After %q", a.status, a.errors, res.Header.Get("Retry-After"))
	}
	if told, _ := a.errors[0].Extensions["retryAfter"].(float64); int(told) != after {
		t.Errorf("the error says %v, the header %d", a.errors[0].Extensions, after)
	}
	field(res, "RateLimit", `"partner";r=0;t=`)
	if res, a := send(zones, "Accept", "text/event-stream"); a.status != 429 || a.code() != "RATE_LIMITED" || res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many over SSE: %d %v", a.status, a.errors)
	}

	// More is agreed upon, and every router knows within seconds.
	run("partners", "set", "acme", "--requests", "100/d")
	eventually(t, "the partner may ask again", func() (string, bool) {
		_, a := send(zones)
		return a.code(), a.status == 200
	})
	res, err = browser.Get(h.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	if got := string(metrics); err != nil || !strings.Contains(got, `storefront_rate_decisions_total{result="refused",source="redis"}`) || !strings.Contains(got, "storefront_rate_store_away 0") {
		t.Error("the metrics say nothing of what was decided")
	}
}

// Behind a proxy that is trusted each address has its own limit, and the machine's own has none.
func TestAddressesAndPersonsAreLimited(t *testing.T) {
	t.Parallel()
	set := defaultRates()
	set.Address, set.AddressCost, set.Identity = "3/d", "20/d", rateLimits{"2/d", "10/d"}
	rules, wrong := set.rules()
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	limiter := ratelimit.New(ratelimit.Config{})
	defer limiter.Close()
	r := rates{rules, limiter, nil}
	arrive := func(from string, times, allowed int) {
		t.Helper()
		n := 0
		for range times {
			if r.Arrive(t.Context(), netip.MustParseAddr(from)).Refused == "" {
				n++
			}
		}
		if n != allowed {
			t.Errorf("%d of %d requests from %s were allowed, want %d", n, times, from, allowed)
		}
	}
	arrive("127.0.0.1", 10, 10)
	arrive("::1", 10, 10)
	arrive("198.51.100.1", 5, 3)
	arrive("198.51.100.2", 5, 3)
	arrive("2001:db8::1", 2, 2)
	arrive("2001:db8::2:3", 5, 1) // of the same network
	ask := func(a gateway.Asked, want string) {
		t.Helper()
		a.Arrived = true
		if q := r.Ask(t.Context(), a); (q.Refused == "") != (want == "") || !strings.Contains(q.Refused, want) {
			t.Errorf("%+v: %q, want %q", a.By, q.Refused, want)
		}
	}
	far := netip.MustParseAddr("198.51.100.9")
	ask(gateway.Asked{By: &gateway.Identity{ID: "ada"}, From: far, Cost: 4}, "")
	ask(gateway.Asked{By: &gateway.Identity{ID: "ada"}, From: far, Cost: 7}, "units of cost for one person")
	ask(gateway.Asked{By: &gateway.Identity{ID: "ada"}, From: far, Cost: 1}, "")
	ask(gateway.Asked{By: &gateway.Identity{ID: "ada"}, From: far, Cost: 1}, "2/d requests for one person is met")
	ask(gateway.Asked{By: &gateway.Identity{ID: "ada"}, From: netip.MustParseAddr("127.0.0.1"), Cost: 1}, "")
	ask(gateway.Asked{By: &gateway.Identity{Also: []string{"gst_1"}}, From: far, Cost: 1}, "")
	ask(gateway.Asked{By: &gateway.Identity{}, From: far, Cost: 1000}, "one address may use 20/d units of cost in all")
	ask(gateway.Asked{By: &gateway.Identity{}, From: far, Cost: 10}, "")
	ask(gateway.Asked{By: &gateway.Identity{Also: []string{"gst_2"}}, From: far, Cost: 9}, "") // a new guest at the same address
	ask(gateway.Asked{By: &gateway.Identity{Also: []string{"gst_3"}}, From: far, Cost: 1}, "20/d units of cost for one address is met")
	ask(gateway.Asked{By: &gateway.Identity{ID: "eve"}, From: far, Cost: 1}, "") // who has signed in is somebody
	ask(gateway.Asked{By: &gateway.Identity{}, From: netip.MustParseAddr("198.51.100.8"), Cost: 10}, "")
	// On a socket each operation counts against the address as well.
	q := r.Ask(t.Context(), gateway.Asked{By: &gateway.Identity{ID: "ben"}, From: netip.MustParseAddr("198.51.100.1"), Cost: 1})
	if !strings.Contains(q.Refused, "for one address is met") {
		t.Errorf("on a socket: %q", q.Refused)
	}
}

// The limits of the address hold over HTTP and for the opening of a socket.
func TestRouterLimitsAddresses(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(config, []byte("rates:\n  address: 2/d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := startRouter(t, "--supergraph", serveEcho(t), "--config", config, "--trusted-proxy", "127.0.0.0/8")
	url := p.url
	from := func(address string, header ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/graphql?query={__typename}", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", address)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	for i := range 2 {
		if res := from("198.51.100.1"); res.StatusCode != 200 || res.Header.Get("RateLimit-Policy") != `"address";q=2;w=86400` {
			t.Errorf("request %d: %s %v", i, res.Status, res.Header)
		}
	}
	if res := from("198.51.100.1"); res.StatusCode != 429 || res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %s %v", res.Status, res.Header)
	}
	if res := from("198.51.100.1", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="); res.StatusCode != 429 {
		t.Errorf("a socket of one who sent too much: %s", res.Status)
	}
	if res := from("198.51.100.2"); res.StatusCode != 200 {
		t.Errorf("another address: %s", res.Status)
	}
}

// BenchmarkRates is what limits add to an operation of a partner: its address and its quotas in requests and
// cost, without the network but to Redis. With small quotas every decision is Redis's, with large ones most are
// leases.
func BenchmarkRates(b *testing.B) {
	address, release, err := redistest.Take(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	client, err := redisedge.Connect(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	for name, rate := range map[string]string{"redis": "63/s", "lease": "1000000000/m"} {
		b.Run(name, func(b *testing.B) {
			set := defaultRates()
			set.Address, set.Partner = rate, rateLimits{rate, rate}
			rules, _ := set.rules()
			limiter := ratelimit.New(ratelimit.Config{Redis: client})
			defer limiter.Close()
			r, from := rates{rules, limiter, nil}, netip.MustParseAddr("198.51.100.1")
			b.ReportAllocs()
			for b.Loop() {
				r.Arrive(b.Context(), from)
				r.Ask(b.Context(), gateway.Asked{By: &gateway.Identity{Partner: "acme"}, From: from, Cost: 1, Arrived: true})
			}
		})
	}
}
