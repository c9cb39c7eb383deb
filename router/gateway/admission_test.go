package gateway_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"storefront/router/gateway"
)

func TestAtOnceByClient(t *testing.T) {
	held, with := hold("orders")
	h := newHouse(t, func(c *gateway.Config) {
		with(c)
		c.MaxAtOnce = 2
	})
	body := func(name string) string { return `{"query":"{ hello(name: \"` + name + `\") }"}` }
	var all sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		all.Go(func() {
			if got := h.post(body(name), "Authorization", "Bearer ada"); got.status != 200 {
				t.Errorf("one of those allowed: %d %s", got.status, got.body)
			}
		})
		<-held.arrived
	}
	got := h.post(body("c"), "Authorization", "Bearer ada", "Accept", "application/graphql-response+json")
	if got.status != 429 || !strings.Contains(got.body, "TOO_MANY") || got.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s, Retry-After %q", got.status, got.body, got.header.Get("Retry-After"))
	}
	all.Go(func() {
		if got := h.post(body("d"), "Authorization", "Bearer bob"); got.status != 200 {
			t.Errorf("another client: %d %s", got.status, got.body)
		}
	})
	<-held.arrived
	held.release()
	all.Wait()
	if got := h.post(body("e"), "Authorization", "Bearer ada"); got.status != 200 {
		t.Errorf("when those before are answered: %d %s", got.status, got.body)
	}
}

// TestAtOnceByNetwork: who has one IPv6 address has a /64 of them, and is one client.
func TestAtOnceByNetwork(t *testing.T) {
	held, with := hold("orders")
	h := newHouse(t, func(c *gateway.Config) {
		with(c)
		c.MaxAtOnce, c.Proxies = 1, gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}
	})
	from := func(name, address string) reply {
		return h.post(`{"query":"{ hello(name: \"`+name+`\") }"}`, "X-Forwarded-For", address, "Accept", "application/graphql-response+json")
	}
	var all sync.WaitGroup
	for name, address := range map[string]string{"a": "2001:db8:1:2::1", "b": "2001:db8:1:3::1"} {
		all.Go(func() {
			if got := from(name, address); got.status != 200 {
				t.Errorf("the first of a network: %d %s", got.status, got.body)
			}
		})
		<-held.arrived
	}
	if got := from("c", "2001:db8:1:2::2"); got.status != 429 {
		t.Errorf("another address of the same network: %d %s", got.status, got.body)
	}
	held.release()
	all.Wait()
}

// TestAtOnceOverSockets: what a client has under way on its sockets and streams is its share as well.
func TestAtOnceOverSockets(t *testing.T) {
	held, with := hold("orders")
	defer held.release()
	h := newHouse(t, func(c *gateway.Config) {
		with(c)
		c.MaxAtOnce = 3
	})
	one, two := h.signedIn(t, "ada"), h.signedIn(t, "ada")
	one.subscribe("1", `{ hello(name: "a") }`)
	<-held.arrived
	two.subscribe("1", `{ hello(name: "b") }`)
	<-held.arrived
	token := h.send("PUT", "", "", "Authorization", "Bearer ada").body
	if got := h.post(`{"query":"{ hello(name: \"c\") }","extensions":{"operationId":"1"}}`, "Authorization", "Bearer ada", "X-GraphQL-Event-Stream-Token", token); got.status != 202 {
		t.Fatalf("on a stream: %d %s", got.status, got.body)
	}
	stream := h.open1(t, token)
	<-held.arrived
	two.subscribe("2", `{ hello(name: "d") }`)
	two.expect("error", "TOO_MANY")
	if got := h.post(`{"query":"{ hello(name: \"e\") }"}`, "Authorization", "Bearer ada", "Accept", "application/graphql-response+json"); got.status != 429 {
		t.Errorf("over HTTP: %d %s", got.status, got.body)
	}
	held.release()
	one.expect("next", "hello a")
	two.expect("next", "hello b")
	for lines := bufio.NewScanner(stream); lines.Scan(); {
		if strings.Contains(lines.Text(), "event: complete") {
			break
		}
	}
	eventually(t, "what is answered is not under way any more", func() bool { return h.gw.Load()[0].Running == 0 })
	two.expect("complete", "")
	two.subscribe("2", `{ hello(name: "f") }`)
	two.expect("next", "hello f")
}

// TestSubscriptionsOfOneClient: so many are open at once, over whatever they come.
func TestSubscriptionsOfOneClient(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxSubscriptions = 2 })
	const watch = `subscription { orderStatus(orderId: "o1") { status } }`
	s := h.signedIn(t, "ada")
	s.subscribe("1", watch)
	s.expect("next", "PLACED")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if res := h.open(ctx, t, strings.ReplaceAll(watch, `"`, `\"`), "Accept", "text/event-stream"); res.StatusCode != 200 {
		t.Fatalf("the second: %s", res.Status)
	}
	s.subscribe("2", watch)
	s.expect("error", "TOO_MANY")
	got := h.post(`{"query":"`+strings.ReplaceAll(watch, `"`, `\"`)+`"}`, "Authorization", "Bearer ada", "Accept", "text/event-stream")
	if !strings.Contains(got.body, "TOO_MANY") {
		t.Errorf("one too many over SSE: %d %s", got.status, got.body)
	}
	bob := h.signedIn(t, "bob")
	bob.subscribe("1", strings.ReplaceAll(watch, "o1", "o2"))
	bob.expect("next", "PLACED")
	cancel() // the one over SSE
	eventually(t, "there is a place again", func() bool {
		s.subscribe("3", watch)
		f, err := s.read()
		return err == nil && f.Type == "next"
	})
	for i, want := range []int{201, 201, 429} { // streams for some are of the share too
		if got := h.send("PUT", "", "", "Authorization", "Bearer cy"); got.status != want {
			t.Errorf("stream %d: %d %s", i+1, got.status, got.body)
		}
	}
}

// open1 opens a reserved stream.
func (h *house) open1(t *testing.T, token string) io.Reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ada")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("X-GraphQL-Event-Stream-Token", token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res.Body
}

// TestPartnersDoNotIntrospect: also where introspection is on, and the operation was published.
func TestPartnersDoNotIntrospect(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) {
		c.Supergraph = parsed(t, recursive)
		c.Operations = storedTexts{"schema": "{ __schema { queryType { name } } }", "within": "{ self { __schema { queryType { name } } } }", "who": "{ whoami }"}
	})
	for id, want := range map[string]string{"schema": "INTROSPECTION_DISABLED", "within": "INTROSPECTION_DISABLED", "who": `{"data":{"whoami":"acme"}}`} {
		if got := h.post(`{"id":"`+id+`"}`, "Authorization", "Bearer acme"); !strings.Contains(got.body, want) {
			t.Errorf("%s: %s", id, got.body)
		}
	}
	if got := h.post(`{"query":"{ __schema { queryType { name } } }"}`, "Authorization", "Bearer ada"); !strings.Contains(got.body, `"name":"Query"`) {
		t.Errorf("everyone else: %s", got.body)
	}
}

// storedTexts are stored operations by id.
type storedTexts map[string]string

func (p storedTexts) Get(_ context.Context, _, id string) (query, name string, err error) {
	return p[id], "", nil
}
func (storedTexts) PutAutomatic(context.Context, string, string) error { return nil }
func (storedTexts) GetAutomatic(context.Context, string) (string, error) {
	return "", gateway.ErrOperationNotFound
}

func TestCompressedRequests(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxBody = 4000 })
	pack := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.String()
	}
	noise := make([]byte, 2000)
	for i := range noise {
		noise[i] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[(i*i*31+i*7)%62]
	}
	query := pack(`{"query":"{ whoami }"}`)
	for what, c := range map[string]struct {
		body, want string
		status     int
	}{
		"as it should be":       {query, `{"data":{"whoami":"ada"}}`, 200},
		"too large unpacked":    {pack(`{"query":"{ whoami }"}` + strings.Repeat(" ", 4000)), "larger than 4000 bytes once it is unpacked", 413},
		"too large as it comes": {query + strings.Repeat(string(noise), 2), "compressed request body is larger than 1000 bytes", 413},
		"cut off":               {query[:len(query)-6], "damaged", 400},
	} {
		got := h.post(c.body, "Content-Encoding", "gzip", "Authorization", "Bearer ada")
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
}
