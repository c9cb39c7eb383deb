package gateway_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"unicode/utf8"
)

// FuzzRequest: whatever a client posts, it gets one answer that is JSON and says why when it has no data,
// and none that is the router's own fault.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ plain }"}`,
		`{"query":"query A($x: Int) { s(i: $x) } query B { n }","operationName":"A","variables":{"x":1},"extensions":{}}`,
		`{"query":"{ b { ...F } } fragment F on B { n b { n } node { id ... on T7 { b { n } } } }"}`,
		`{"query":"subscription { n }"}`,
		`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"abc"}}}`,
		`{"query":"{ b { n ... @defer(label: \"x\") { b { n } } } }"}`,
		`[{"query":"{ plain }"}]`, `{`, `null`, `{"query":7}`, `{"query":"{ s(in: {a: 1, list: [{s: \"\\u0000\"}]}) }"}`,
	} {
		f.Add([]byte(seed), "application/json", "application/json")
	}
	f.Add([]byte(`{"query":"{ plain }"}`), "application/json; charset=utf-16", "text/event-stream")
	f.Add([]byte(`{ plain }`), "application/graphql", "multipart/mixed")
	router := hostileGateway(f, 0).Handler()
	f.Fuzz(func(t *testing.T, body []byte, contentType, accept string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, req)
		told(t, w)
	})
}

// FuzzVariables: whatever is sent for variables is taken as their types say, or refused.
func FuzzVariables(f *testing.F) {
	for _, seed := range []string{`{}`, `{"i":1,"f":1.5,"d":"x","l":[1,null],"in":{"a":1,"list":[{"s":"x"}]},"v":{"a":[[]]}}`,
		`{"i":1e400}`, `{"l":3}`, `{"l":[[3]]}`, `{"in":{"in":{"in":null}}}`, `{"d":1.0}`, `{"x":"\ud800"}`, `{"i":"1"}`, `[]`, `{"i":1,"i":2}`} {
		f.Add([]byte(seed))
	}
	router := hostileGateway(f, 0).Handler()
	query, err := json.Marshal(`query($x: String, $i: Int, $f: Float, $d: ID, $l: [Int], $in: In, $v: Any) { s(x: $x, i: $i, f: $f, d: $d, l: $l, in: $in) any(v: $v) }`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, variables []byte) {
		body := append(append(append(append([]byte(`{"query":`), query...), `,"variables":`...), variables...), '}')
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		router.ServeHTTP(w, req)
		told(t, w)
	})
}

// FuzzParameters: whatever stands behind the question mark of a GET, it gets one answer that is JSON.
func FuzzParameters(f *testing.F) {
	for _, seed := range []string{
		"query=%7B+plain+%7D", "query={plain}&variables={}&extensions=null", "query=query($i:Int){s(i:$i)}&variables=%7B%22i%22:1%7D",
		"query=mutation{x}", "query=subscription{n}", "query={plain}&variables=[1]", "query=%ff", "query=%zz", "a;b", "id=x&documentId=y",
		"extensions=%7B%22persistedQuery%22:%7B%22sha256Hash%22:%22abc%22%7D%7D", "token=x", "query={a&query={plain}&operationName=A",
	} {
		f.Add(seed, "application/json")
	}
	f.Add("query={plain}", "text/event-stream, */*;q=0.1")
	router := hostileGateway(f, 0).Handler()
	f.Fuzz(func(t *testing.T, query, accept string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/graphql", nil)
		req.URL.RawQuery = query
		req.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, req)
		told(t, w)
	})
}

// told fails unless an answer is data, or errors with messages, or a stream.
func told(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	switch w.Header().Get("Content-Type") {
	case "application/json; charset=utf-8", "application/graphql-response+json; charset=utf-8":
	default:
		return
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !utf8.Valid(w.Body.Bytes()) {
		t.Fatalf("status %d, no JSON: %v: %q", w.Code, err, w.Body)
	}
	if answer.Data == nil && len(answer.Errors) == 0 {
		t.Fatalf("neither data nor errors: %s", w.Body)
	}
	for _, e := range answer.Errors {
		if e.Message == "" || e.Extensions.Code == "" || e.Extensions.Code == "INTERNAL" {
			t.Fatalf("an error that helps nobody: %s", w.Body)
		}
	}
}
