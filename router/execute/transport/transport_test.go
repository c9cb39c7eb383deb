package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"storefront/router/execute"
	"storefront/router/execute/transport"
)

func TestDo(t *testing.T) {
	var got struct {
		header http.Header
		body   map[string]any
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			got.header = r.Header
			_ = json.NewDecoder(r.Body).Decode(&got.body)
			_, _ = w.Write([]byte(`{"data":{}}`))
		case "/errors":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"errors":[{"message":"m"}]}`))
		case "/html":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte(`<html>`))
		case "/large":
			_, _ = w.Write([]byte(`{"data":"` + strings.Repeat("x", 2000) + `"}`))
		case "/elsewhere":
			http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect)
		case "/slow":
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
			<-r.Context().Done()
		}
	}))
	defer server.Close()
	urls := map[string]string{}
	for _, name := range []string{"ok", "errors", "html", "large", "elsewhere", "slow"} {
		urls[name] = server.URL + "/" + name
	}
	cfg := transport.To(urls).With(func(s *transport.Subgraph) {
		s.MaxResponseBytes, s.Timeout, s.Retry.Attempts = 1000, 10*time.Second, 0
	})
	tr, err := transport.New(cfg, transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	do := func(ctx context.Context, name string) (string, error) {
		data, err := tr.Do(ctx, &execute.SubgraphRequest{
			Subgraph: name, Query: "{ a }", OperationName: "Q", Variables: []byte(`{"a":1}`), Header: http.Header{"Authorization": {"x"}},
		})
		return string(data), err
	}
	if data, err := do(t.Context(), "ok"); err != nil || data != `{"data":{}}` {
		t.Errorf("ok: %s, %v", data, err)
	}
	if got.header.Get("Authorization") != "x" || !strings.Contains(got.header.Get("Accept"), "application/graphql-response+json") ||
		got.body["query"] != "{ a }" || got.body["operationName"] != "Q" || got.body["variables"].(map[string]any)["a"] != 1.0 {
		t.Errorf("the subgraph got %v %v", got.header, got.body)
	}
	if data, err := do(t.Context(), "errors"); err != nil || !strings.Contains(data, `"m"`) {
		t.Errorf("errors: %s, %v", data, err)
	}
	for _, name := range []string{"html", "large", "elsewhere", "unknown"} {
		if data, err := do(t.Context(), name); err == nil {
			t.Errorf("%s: no error, but %s", name, data)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := do(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
}
