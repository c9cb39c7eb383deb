package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"storefront/router/gateway"
)

const (
	jsonType     = "application/json"
	responseType = "application/graphql-response+json"
)

// TestOverHTTP is the list of what GraphQL over HTTP asks for: method, URL, headers, body; status,
// media type, and what the answer's body holds.
func TestOverHTTP(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.MaxBody = 2000 })
	q := func(v string) string { return "query=" + url.QueryEscape(v) }
	is := func(accept string) []string { return []string{"Content-Type", jsonType, "Accept", accept} }
	big := `{"query":"{ hello }","x":"` + strings.Repeat("x", 3000) + `"}`
	for _, c := range []struct {
		name, method, query, body string
		header                    []string
		status                    int
		mediaType, holds          string
	}{
		{"post", "POST", "", `{"query":"{ hello }"}`, is(jsonType), 200, jsonType, `{"data":{"hello":"hello `},
		{"post, new type", "POST", "", `{"query":"{ __typename }"}`, is(responseType), 200, responseType, `"Query"`},
		{"no accept", "POST", "", `{"query":"{ __typename }"}`, []string{"Content-Type", jsonType}, 200, jsonType, `"Query"`},
		{"any accept", "POST", "", `{"query":"{ __typename }"}`, is("*/*"), 200, jsonType, `"Query"`},
		{"quality", "POST", "", `{"query":"{ __typename }"}`, is(responseType + ";q=0.5, " + jsonType), 200, jsonType, `"Query"`},
		{"quality the other way", "POST", "", `{"query":"{ __typename }"}`, is(jsonType + ";q=0.5, " + responseType), 200, responseType, `"Query"`},
		{"quality zero", "POST", "", `{"query":"{ __typename }"}`, is(jsonType + ";q=0, */*;q=0.1"), 200, responseType, `"Query"`},
		{"not acceptable", "POST", "", `{"query":"{ __typename }"}`, is("text/html"), 406, jsonType, "NOT_ACCEPTABLE"},
		{"charset of accept", "POST", "", `{"query":"{ __typename }"}`, is(jsonType + "; charset=utf-8"), 200, jsonType, `"Query"`},
		{"other charset of accept", "POST", "", `{"query":"{ __typename }"}`, is(jsonType + "; charset=utf-16"), 406, jsonType, "NOT_ACCEPTABLE"},
		{"charset", "POST", "", `{"query":"{ hello(name:\"Zoë 🏊\") }"}`, []string{"Content-Type", jsonType + "; charset=utf-8"}, 200, jsonType, "Zoë 🏊"},
		{"other charset", "POST", "", `{"query":"{ hello }"}`, []string{"Content-Type", jsonType + "; charset=latin1"}, 415, jsonType, "utf-8"},
		{"no content type", "POST", "", `{"query":"{ hello }"}`, nil, 415, jsonType, "Content-Type"},
		{"form", "POST", "", q("{ hello }"), []string{"Content-Type", "application/x-www-form-urlencoded"}, 403, jsonType, "CSRF"},
		{"multipart", "POST", "", "--x--", []string{"Content-Type", "multipart/form-data; boundary=x"}, 403, jsonType, "CSRF"},
		{"multipart after preflight", "POST", "", "--x--", []string{"Content-Type", "multipart/form-data; boundary=x", "GraphQL-Require-Preflight", "1"}, 415, jsonType, "Content-Type"},
		{"no body", "POST", "", "", is(jsonType), 400, jsonType, "no body"},
		{"broken JSON", "POST", "", `{"query`, is(jsonType), 400, jsonType, "JSON"},
		{"trailing data", "POST", "", `{"query":"{ hello }"} x`, is(jsonType), 400, jsonType, "JSON"},
		{"batch", "POST", "", `[{"query":"{ hello }"}]`, is(jsonType), 400, jsonType, "Batches"},
		{"no query", "POST", "", `{"qeury":"{ hello }"}`, is(jsonType), 400, jsonType, "no query"},
		{"query of a wrong type", "POST", "", `{"query":{}}`, is(jsonType), 400, jsonType, "query must be a string"},
		{"name of a wrong type", "POST", "", `{"query":"{ hello }","operationName":[]}`, is(jsonType), 400, jsonType, "operationName"},
		{"variables of a wrong type", "POST", "", `{"query":"{ hello }","variables":"a"}`, is(jsonType), 400, jsonType, "variables"},
		{"extensions of a wrong type", "POST", "", `{"query":"{ hello }","extensions":0}`, is(jsonType), 400, jsonType, "extensions"},
		{"nulls", "POST", "", `{"query":"{ __typename }","variables":null,"operationName":null,"extensions":null}`, is(jsonType), 200, jsonType, `"Query"`},
		{"too large", "POST", "", big, is(jsonType), 413, jsonType, "REQUEST_TOO_LARGE"},
		{"compressed", "POST", "", "x", append(is(jsonType), "Content-Encoding", "br"), 415, jsonType, "compressed by gzip only"},
		{"not compressed", "POST", "", "x", append(is(jsonType), "Content-Encoding", "gzip"), 400, jsonType, "not compressed"},
		{"syntax error", "POST", "", `{"query":"{"}`, is(jsonType), 200, jsonType, "GRAPHQL_PARSE_FAILED"},
		{"syntax error, new type", "POST", "", `{"query":"{"}`, is(responseType), 400, responseType, "GRAPHQL_PARSE_FAILED"},
		{"invalid", "POST", "", `{"query":"{ nothing }"}`, is(jsonType), 200, jsonType, "GRAPHQL_VALIDATION_FAILED"},
		{"invalid, new type", "POST", "", `{"query":"{ nothing }"}`, is(responseType), 400, responseType, "GRAPHQL_VALIDATION_FAILED"},
		{"wrong variable", "POST", "", `{"query":"query($i:ID!){order(id:$i){id}}","variables":{"i":null}}`, is(responseType), 400, responseType, "BAD_INPUT"},
		{"two operations", "POST", "", `{"query":"query A{a:hello} query B{b:hello}","operationName":"B"}`, is(responseType), 200, responseType, `{"b":`},
		{"partial result", "POST", "", `{"query":"{ hello denied }"}`, is(responseType), 200, responseType, `"FORBIDDEN"`},
		{"introspection", "POST", "", `{"query":"{ __type(name:\"Order\"){ name } }"}`, is(jsonType), 200, jsonType, `{"__type":{"name":"Order"}}`},
		{"get", "GET", q("query($n:String){hello(name:$n)}") + "&variables=" + url.QueryEscape(`{"n":"ada"}`), "", nil, 200, jsonType, "hello ada"},
		{"get with broken variables", "GET", q("{ hello }") + "&variables=%7B", "", nil, 400, jsonType, "variables"},
		{"get with variables nested too deep", "GET", q("{ hello }") + "&variables=" + `{"n":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`, "", nil, 400, jsonType, "variables"},
		{"get with null variables", "GET", q("{ __typename }") + "&variables=null&extensions=null", "", nil, 200, jsonType, `"Query"`},
		{"get of what is not UTF-8", "GET", q("query($n:String){hello(name:$n)}") + "&variables=%7B%22n%22:%22%ff%22%7D", "", nil, 400, jsonType, "not valid UTF-8"},
		{"get of what is not encoded", "GET", "query={hello}&x=50%", "", nil, 400, jsonType, "not well formed"},
		{"get without query", "GET", "", "", nil, 400, jsonType, "no query"},
		{"get too long", "GET", q("{ hello #" + strings.Repeat("x", 3000) + "\n}"), "", nil, 414, jsonType, "2000"},
		{"mutation by get", "GET", q(`mutation{setNote(id:"o1",note:"x"){id}}`), "", nil, 405, jsonType, "POST"},
		{"subscription by get", "GET", q(`subscription{orderStatus(orderId:"o1"){id}}`), "", nil, 406, jsonType, "text/event-stream"},
		{"get of another site", "GET", q("{ hello }"), "", []string{"Sec-Fetch-Site", "cross-site"}, 403, jsonType, "CSRF"},
		{"get of another origin", "GET", q("{ hello }"), "", []string{"Origin", "https://evil.example"}, 403, jsonType, "CSRF"},
		{"get of another site that asked", "GET", q("{ hello }"), "", []string{"Sec-Fetch-Site", "cross-site", "GraphQL-Require-Preflight", "1"}, 200, jsonType, "hello"},
		{"get of the same site", "GET", q("{ hello }"), "", []string{"Sec-Fetch-Site", "same-origin"}, 200, jsonType, "hello"},
		{"patch", "PATCH", "", `{"query":"{ hello }"}`, is(jsonType), 405, jsonType, "GET or POST"},
		{"not signed in", "POST", "", `{"query":"{ hello }"}`, append(is(jsonType), "Authorization", "Bearer expired"), 401, jsonType, "UNAUTHENTICATED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := h.send(c.method, c.query, c.body, c.header...)
			if got.status != c.status || got.header.Get("Content-Type") != c.mediaType+"; charset=utf-8" {
				t.Errorf("answered %d %s, want %d %s\n%s", got.status, got.header.Get("Content-Type"), c.status, c.mediaType, got.body)
			}
			if !strings.Contains(got.body, c.holds) {
				t.Errorf("answer lacks %q: %s", c.holds, got.body)
			}
			var response map[string]json.RawMessage
			if err := json.Unmarshal([]byte(got.body), &response); err != nil {
				t.Fatalf("answer is no JSON object: %s", got.body)
			}
			if _, hasData := response["data"]; hasData != (response["errors"] == nil || c.name == "partial result") {
				t.Errorf("data and errors do not fit: %s", got.body)
			}
			for _, name := range []string{"X-Request-Id", "X-Content-Type-Options", "Cache-Control", "Vary"} {
				if got.header.Get(name) == "" {
					t.Errorf("no header %s", name)
				}
			}
		})
	}
	if v, _ := h.orders.find("orders", "o1", "ada").(fields); v["note"] != "first" {
		t.Errorf("a mutation by GET changed the note to %v", v["note"])
	}
}

func TestErrorsShownAndMasked(t *testing.T) {
	h := newHouse(t, nil)
	got := h.post(`{"query":"{ hello boom denied }"}`, "X-Request-Id", "req-7")
	for _, secret := range []string{"10.0.0.7", "password"} {
		if strings.Contains(got.body, secret) {
			t.Errorf("an internal text is shown: %s", got.body)
		}
	}
	for _, want := range []string{"internal error, request req-7", `"INTERNAL"`, "Only staff may see this.", `"FORBIDDEN"`, `"path":["denied"]`, `"hello":"hello `} {
		if !strings.Contains(got.body, want) {
			t.Errorf("answer lacks %q: %s", want, got.body)
		}
	}
	if got := h.post(`{"query":"{ hello }"}`, "Authorization", "Bearer broken"); got.status != 500 || strings.Contains(got.body, "10.0.0.8") {
		t.Errorf("a fault in authentication: %d %s", got.status, got.body)
	}
	if got := h.post(`{"query":"{ hello }"}`, "X-Request-Id", "a\tb c<script>"); strings.ContainsAny(got.header.Get("X-Request-Id"), "<\t ") {
		t.Errorf("request id taken over as %q", got.header.Get("X-Request-Id"))
	}
}

// TestSubgraphHeaders: a client's own headers reach a subgraph only by way of the HeaderSource.
func TestSubgraphHeaders(t *testing.T) {
	h := newHouse(t, nil)
	got := h.post(`{"query":"{ whoami }"}`, "Authorization", "Bearer ada", "X-User", "staff", "Accept-Language", "de", "Cookie", "a=b", "X-Request-Id", "r1")
	if !strings.Contains(got.body, `"whoami":"ada"`) {
		t.Fatalf("the subgraph sees %s", got.body)
	}
	seen := h.orders.lastHeader()
	if seen.Get("Accept-Language") != "de" || seen.Get("X-Request-Id") != "r1" {
		t.Errorf("headers that should pass do not: %v", seen)
	}
	for _, name := range []string{"Authorization", "Cookie", "Connection"} {
		if seen.Get(name) != "" {
			t.Errorf("header %s passed: %q", name, seen.Get(name))
		}
	}
}

// recursive is the house's supergraph with a field that leads to the query root again.
var recursive = strings.Replace(testSupergraph, "  whoami: String", "  self: Query @join__field(graph: ORDERS)\n  whoami: String", 1)

func TestIntrospectionOff(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.Supergraph, c.Introspection = parsed(t, recursive), false })
	for query, want := range map[string]string{
		`{ __schema { types { name } } }`:                                     "INTROSPECTION_DISABLED",
		`{ ...F } fragment F on Query { t: __type(name:\"Order\") { name } }`: "INTROSPECTION_DISABLED",
		`{ self { self { s: __schema { queryType { name } } } } }`:            "INTROSPECTION_DISABLED",
		`{ __typename }`: `"Query"`,
	} {
		if got := h.post(`{"query":"` + query + `"}`); !strings.Contains(got.body, want) {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}

func TestOriginsArePatternsOfOrigins(t *testing.T) {
	for pattern, valid := range map[string]bool{
		"*": true, "https://shop.example": true, "https://*.shop.example": true, "http://localhost:*": true, "capacitor://localhost": true,
		"shop.example": false, "https://shop.example/": false, "https://shop.example/app": false, "https://": false, "https://[shop": false, "": false,
	} {
		_, err := gateway.New(gateway.Config{Supergraph: parsed(t, testSupergraph), CORS: gateway.CORS{Origins: []string{pattern}}})
		if told := err != nil && strings.Contains(err.Error(), "is no origin"); told == valid {
			t.Errorf("the origin %q: %v", pattern, err)
		}
	}
}

func TestCORS(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) { c.CORS.Origins = []string{"https://*.shop.example"} })
	ask := func(origin string) reply {
		return h.send(http.MethodOptions, "", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,authorization")
	}
	ok := ask("https://www.shop.example")
	if ok.status != 204 || ok.header.Get("Access-Control-Allow-Origin") != "https://www.shop.example" || !strings.Contains(ok.header.Get("Access-Control-Allow-Headers"), "authorization") {
		t.Errorf("preflight of an allowed origin: %d %v", ok.status, ok.header)
	}
	if no := ask("https://evil.example"); no.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another origin: %v", no.header)
	}
	if got := h.post(`{"query":"{ hello }"}`, "Origin", "https://www.shop.example"); got.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("request of an allowed origin: %v", got.header)
	}
	if _, err := gateway.New(gateway.Config{}); err == nil {
		t.Error("a gateway without a supergraph was made")
	}
}

// Who has the address wrong is told the right one, on a page of an allowed origin too.
func TestOtherAddresses(t *testing.T) {
	h := newHouse(t, func(c *gateway.Config) {
		c.CORS.Origins = []string{"http://localhost:*"}
		c.Explorer = http.NotFoundHandler()
	})
	for path, status := range map[string]int{"/graphql": 200, "/graphql/": 200, "/": 404, "/graphql/x": 404, "/api": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(h.url, "/graphql")+path, strings.NewReader(`{"query":"{ __typename }"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", jsonType)
		req.Header.Set("Origin", "http://localhost:5173")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status || strings.Contains(string(body), `"NOT_FOUND"`) != (status == 404) || res.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s answered %d %s", path, res.StatusCode, body)
		}
	}
}

// TestLogHoldsNoSecrets: the access log names the operation, its client and its trace, never its variables or a token.
func TestLogHoldsNoSecrets(t *testing.T) {
	var log lockedBuffer
	h := newHouse(t, func(c *gateway.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	h.post(`{"query":"query Greet($n: String) { hello(name: $n) boom }","variables":{"n":"s3cret-name"}}`, "Authorization", "Bearer s3cret-token", "X-Request-Id", "req-9",
		"graphql-client-name", "web", "graphql-client-version", "s3cret@version")
	c := h.signedIn(t, "s3cret-user")
	c.subscribe("1", `query Again { hello(name: "s3cret-name") }`)
	c.expect("next", "hello")
	c.expect("complete", "")
	eventually(t, "both are logged", func() bool { return strings.Count(log.String(), `"msg":"request"`) == 2 })
	text := log.String()
	for _, want := range []string{`"operation":"Greet"`, `"operation":"Again"`, `"kind":"query"`, `"request_id":"req-9"`, `"transport":"ws"`,
		`"trace_id":"`, `"client":"web","client_version":"unreadable"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, secret := range []string{"s3cret", "10.0.0.7"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestObserved(t *testing.T) {
	h := newHouse(t, nil)
	h.post(`{"query":"query Greet { hello boom }"}`)
	h.observed.locked(func() {
		if len(h.observed.requests) != 1 {
			t.Fatalf("%d requests observed", len(h.observed.requests))
		}
		got := h.observed.requests[0]
		if got.Operation != "Greet" || got.Kind != "query" || got.Status != 200 || got.Errors != 1 || got.Transport != "http" || got.Duration <= 0 {
			t.Errorf("observed %+v", got)
		}
	})
}
