package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"

	"storefront/router/execute"
	"storefront/router/gateway"
)

const (
	partsAccept = "multipart/mixed; incrementalSpec=v0.2, application/graphql-response+json, application/json;q=0.9"
	deferQuery  = `{ order(id: \"o1\") { status ... @defer(label: \"score\") { score } } }`
)

// holding is a transport that holds back one subgraph's answers until a test lets them go.
type holding struct {
	execute.Transport
	subgraph string
	free     chan struct{}
	arrived  chan struct{} // a request has come
	ended    chan error    // and was given up
	once     sync.Once
}

func hold(subgraph string) (*holding, func(*gateway.Config)) {
	h := &holding{subgraph: subgraph, free: make(chan struct{}), arrived: make(chan struct{}, 10), ended: make(chan error, 10)}
	return h, func(c *gateway.Config) { h.Transport, c.Transport = c.Transport, h }
}

func (h *holding) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	if r.Subgraph == h.subgraph {
		h.arrived <- struct{}{}
		select {
		case <-h.free:
		case <-ctx.Done():
			h.ended <- ctx.Err()
			return nil, ctx.Err()
		}
	}
	return h.Transport.Do(ctx, r)
}

func (h *holding) release() { h.once.Do(func() { close(h.free) }) }

// open sends a request and leaves the answer's body to the caller.
func (h *house) open(ctx context.Context, t *testing.T, query string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, strings.NewReader(`{"query":"`+query+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("Authorization", "Bearer ada")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

const (
	firstPayload = `{"data":{"order":{"status":"PLACED"}},"pending":[{"id":"0","path":["order"],"label":"score"}],"hasNext":true}`
	lastPayload  = `{"incremental":[{"id":"0","data":{"score":2}}],"completed":[{"id":"0"}],"hasNext":false}`
)

func TestDeferMultipart(t *testing.T) {
	held, change := hold("reviews")
	h := newHouse(t, change)
	res := h.open(t.Context(), t, deferQuery, "Accept", partsAccept)
	name, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || name != "multipart/mixed" || params["boundary"] != "-" || params["incrementalspec"] != "v0.2" || res.StatusCode != 200 {
		t.Fatalf("answered %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	parts := multipart.NewReader(res.Body, params["boundary"])
	for i, want := range []string{firstPayload, lastPayload} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part) // until the next boundary, which comes with the part
		if err != nil {
			t.Fatal(err)
		}
		if string(body) != want || part.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("part %d is %s %s, want %s", i, part.Header.Get("Content-Type"), body, want)
		}
		held.release()
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("after the last part there is %v", err)
	}
}

// TestDeferNegotiation: parts go to those who ask for them; others have the same response whole.
func TestDeferNegotiation(t *testing.T) {
	h := newHouse(t, nil)
	whole := `{"data":{"order":{"status":"PLACED","score":2}}}`
	off := `{ order(id: \"o1\") { status ... @defer(if: false) { score } } }`
	for _, c := range []struct {
		name, accept, query, mediaType, holds string
		status                                int
	}{
		{"parts", "multipart/mixed", deferQuery, "multipart/mixed", firstPayload, 200},
		{"as Apollo Client asks", partsAccept, deferQuery, "multipart/mixed", lastPayload, 200},
		{"as urql asks", "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", deferQuery, "multipart/mixed", lastPayload, 200},
		{"as GraphiQL asks", "application/json, multipart/mixed", deferQuery, "multipart/mixed", lastPayload, 200},
		{"parts are liked less", "multipart/mixed;q=0.5, application/json", deferQuery, jsonType, whole, 200},
		{"parts are refused", "multipart/mixed;q=0, application/json", deferQuery, jsonType, whole, 200},
		{"an older format", "multipart/mixed;deferSpec=20220824, application/json", deferQuery, jsonType, whole, 200},
		{"another version", "multipart/mixed;incrementalSpec=v9, application/json", deferQuery, jsonType, whole, 200},
		{"an older format only", "multipart/mixed;deferSpec=20220824", deferQuery, jsonType, "NOT_ACCEPTABLE", 406},
		{"JSON", jsonType, deferQuery, jsonType, whole, 200},
		{"anything", "*/*", deferQuery, jsonType, whole, 200},
		{"nothing said", "", deferQuery, jsonType, whole, 200},
		{"nothing deferred", partsAccept, off, responseType, whole, 200},
		{"nothing deferred, parts only", "multipart/mixed", off, "multipart/mixed", whole[:len(whole)-1] + `,"hasNext":false}`, 200},
		{"nothing there to defer", partsAccept, `{ order(id: \"none\") { ... @defer { score } } }`, responseType, `{"data":{"order":null}}`, 200},
		{"nothing there to defer, parts only", "multipart/mixed", `{ order(id: \"none\") { ... @defer { score } } }`, "multipart/mixed", `{"data":{"order":null},"hasNext":false}`, 200},
		{"a mistake", partsAccept, `{ order(id: \"o1\") { ... @defer(label: 1) { score } } }`, responseType, "GRAPHQL_VALIDATION_FAILED", 400},
		{"a mistake, parts only", "multipart/mixed", `{ nothing }`, jsonType, "GRAPHQL_VALIDATION_FAILED", 400},
		{"a mutation", partsAccept, `mutation { setNote(id: \"o1\", note: \"n\") { note ... @defer { score } } }`, "multipart/mixed", `"data":{"score":2}`, 200},
		{"at the root of a mutation", partsAccept, `mutation { ... @defer { setNote(id: \"o1\", note: \"n\") { note } } }`, responseType, "root fields of a mutation", 400},
		{"a subscription", partsAccept, `subscription { orderStatus(orderId: \"o1\") { status } }`, responseType, "NOT_ACCEPTABLE", 406},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := h.open(t.Context(), t, c.query, "Accept", c.accept)
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
			if res.StatusCode != c.status || name != c.mediaType || !strings.Contains(string(body), c.holds) {
				t.Errorf("answered %d %s\n%s\nwant %d %s with %s", res.StatusCode, res.Header.Get("Content-Type"), body, c.status, c.mediaType, c.holds)
			}
			if c.holds == whole && string(body) != whole {
				t.Errorf("answered %s", body)
			}
		})
	}
}

// TestDeferClientLeaves: requests for what is deferred end with the client.
func TestDeferClientLeaves(t *testing.T) {
	for _, accept := range []string{"multipart/mixed", "text/event-stream"} {
		t.Run(accept, func(t *testing.T) {
			held, change := hold("reviews")
			h := newHouse(t, change)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			res := h.open(ctx, t, deferQuery, "Accept", accept)
			line := bufio.NewReader(res.Body)
			for text := ""; !strings.Contains(text, `"hasNext":true`); {
				s, err := line.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				text += s
			}
			<-held.arrived
			cancel()
			if err := <-held.ended; err != context.Canceled {
				t.Errorf("the request ended with %v", err)
			}
		})
	}
	t.Run("websocket", func(t *testing.T) {
		held, change := hold("reviews")
		h := newHouse(t, change)
		c := h.signedIn(t, "ada")
		c.subscribe("1", strings.ReplaceAll(deferQuery, `\`, ""))
		c.expect("next", firstPayload)
		<-held.arrived
		c.say(`{"id":"1","type":"complete"}`)
		if err := <-held.ended; err != context.Canceled {
			t.Errorf("the request ended with %v", err)
		}
	})
}

func TestDeferServerSentEvents(t *testing.T) {
	held, change := hold("reviews")
	h := newHouse(t, change)
	res := h.open(t.Context(), t, deferQuery, "Accept", "text/event-stream")
	lines := bufio.NewScanner(res.Body)
	want := []string{"event: next", "data: " + firstPayload, "", "event: next", "data: " + lastPayload, "", "event: complete", "data:", ""}
	for i, w := range want {
		if !lines.Scan() || lines.Text() != w {
			t.Fatalf("line %d is %q, want %q", i, lines.Text(), w)
		}
		if i == 2 {
			held.release()
		}
	}
	if lines.Scan() {
		t.Errorf("after the end there is %q", lines.Text())
	}
	if got := h.post(fmt.Sprintf(`{"query":"%s"}`, `{ order(id: \"none\") { ... @defer { score } } }`), "Accept", "text/event-stream"); got.body != "event: next\ndata: {\"data\":{\"order\":null}}\n\nevent: complete\ndata:\n\n" {
		t.Errorf("a response with nothing to defer is %q", got.body)
	}
}

func TestDeferWebSocket(t *testing.T) {
	held, change := hold("reviews")
	h := newHouse(t, change)
	c := h.signedIn(t, "ada")
	c.subscribe("1", strings.ReplaceAll(deferQuery, `\`, ""))
	if f := c.expect("next", ""); string(f.Payload) != firstPayload {
		t.Errorf("the first message is %s", f.Payload)
	}
	c.subscribe("2", `{ hello }`) // meanwhile
	c.expect("next", `{"data":{"hello":"hello`)
	c.expect("complete", "")
	held.release()
	if f := c.expect("next", ""); string(f.Payload) != lastPayload || f.ID != "1" {
		t.Errorf("the last message is %s", f.Payload)
	}
	c.expect("complete", "")
}

// TestDeferVariables: what a variable defers is decided anew for each request of one operation.
func TestDeferVariables(t *testing.T) {
	h := newHouse(t, nil)
	query := `query ($d: Boolean!, $e: Boolean! = true) { order(id: "o1") { status ... @defer(if: $d) { score } ... @defer(if: $e, label: "n") { note } } }`
	for vars, want := range map[string]int{`{"d":true,"e":true}`: 2, `{"d":true,"e":false}`: 1, `{"d":false}`: 1, `{"d":false,"e":false}`: 0} {
		for range 2 {
			body, err := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(vars)})
			if err != nil {
				t.Fatal(err)
			}
			got := h.post(string(body), "Accept", partsAccept, "Authorization", "Bearer ada")
			if n := strings.Count(got.body, `"path":["order"]`); n != want || got.status != 200 {
				t.Errorf("%s: %d fragments pending, want %d: %s", vars, n, want, got.body)
			}
		}
	}
}

// TestDeferErrors: errors of deferred fields are masked as others are, and counted.
func TestDeferErrors(t *testing.T) {
	h := newHouse(t, nil)
	got := h.post(`{"query":"{ hello ... @defer { boom } ... @defer { denied } }"}`, "Accept", "multipart/mixed", "X-Request-Id", "req-9")
	for _, want := range []string{"internal error, request req-9", `"boom":null`, "Only staff may see this.", `"FORBIDDEN"`, `"path":["denied"]`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("answer lacks %q: %s", want, got.body)
		}
	}
	if strings.Contains(got.body, "password") {
		t.Errorf("an internal text is shown: %s", got.body)
	}
	h.observed.locked(func() {
		if last := h.observed.requests[len(h.observed.requests)-1]; last.Errors != 2 || last.Status != 200 {
			t.Errorf("the request was recorded as %+v", last)
		}
	})
}

// TestDeferLimits: neither many @defers nor many deferred items make much of little.
func TestDeferLimits(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxDeferred = 1 })
	got := h.post(`{"query":"{ a: hello `+strings.Repeat("... @defer { hello } ", 51)+`}"}`, "Accept", partsAccept)
	if !strings.Contains(got.body, "OPERATION_TOO_LARGE") {
		t.Errorf("51 fragments are deferred: %s", got.body)
	}
	got = h.post(`{"query":"{ a: order(id: \"o1\") { ... @defer { score } } b: order(id: \"o1\") { ... @defer { score } } }"}`, "Accept", partsAccept, "Authorization", "Bearer ada")
	if got.body != `{"data":{"a":{"score":2},"b":{"score":2}}}` {
		t.Errorf("more parts than are allowed give %s", got.body)
	}
}
