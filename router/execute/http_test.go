package execute_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

func TestHTTP(t *testing.T) {
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
	transport := execute.NewHTTP(urls, execute.HTTPOptions{MaxResponseBytes: 1000, Timeout: 10 * time.Second})
	do := func(ctx context.Context, name string) (string, error) {
		data, err := transport.Do(ctx, &execute.SubgraphRequest{
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

// meeting is a transport whose requests answer only once all subgraphs of a round have been asked.
type meeting struct {
	wait sync.WaitGroup
}

func (m *meeting) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	m.wait.Done()
	m.wait.Wait()
	return []byte(`{"data":{"me":{"id":"1"},"latestReviews":[],"topProducts":[]}}`), nil
}

// stuck is a transport that answers nothing until the request is over.
type stuck struct{ asked chan struct{} }

func (s *stuck) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	s.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestConcurrencyAndCancellation(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "shop.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	sg, err := supergraph.Parse(string(archive.Files[0].Data))
	if err != nil {
		t.Fatal(err)
	}
	op, errs := operation.Prepare(sg, `{ me { id } latestReviews { id } topProducts { upc } }`, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatal(errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		t.Fatal(err)
	}
	together := &meeting{}
	together.wait.Add(3)
	if r := execute.New(sg, together, execute.Options{}).Execute(t.Context(), p, nil, nil); len(r.Errors) > 0 {
		t.Errorf("errors %v", r.Errors)
	}

	ctx, cancel := context.WithCancel(t.Context())
	never := &stuck{asked: make(chan struct{}, 3)}
	done := make(chan *execute.Response)
	go func() { done <- execute.New(sg, never, execute.Options{}).Execute(ctx, p, nil, nil) }()
	for range 3 {
		<-never.asked
	}
	cancel()
	r := <-done
	if string(r.Data) != "null" || len(r.Errors) == 0 {
		t.Errorf("after cancelling: data %s, errors %v", r.Data, r.Errors)
	}
}
