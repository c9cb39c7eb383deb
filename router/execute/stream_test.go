package execute_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/internal/testgraph"
	"storefront/router/operation"
	"storefront/router/planner"
)

// gate is a transport that holds answers back until a test lets them go. It asks the subgraphs within
// the process, so that a test can wait until nothing moves any more.
type gate struct {
	subgraphs map[string]*testgraph.Subgraph
	mu        sync.Mutex
	held      []*heldRequest
	ended     []error // of requests that were given up
}

type heldRequest struct {
	*execute.SubgraphRequest
	free chan struct{}
}

func (g *gate) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	h := &heldRequest{r, make(chan struct{})}
	g.mu.Lock()
	g.held = append(g.held, h)
	g.mu.Unlock()
	select {
	case <-h.free:
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		g.ended = append(g.ended, ctx.Err())
		return nil, ctx.Err()
	}
	body, err := json.Marshal(map[string]any{"query": r.Query, "operationName": r.OperationName, "variables": json.RawMessage(r.Variables)})
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	g.subgraphs[r.Subgraph].ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	return w.Body.Bytes(), nil
}

// release lets an answer go: "SUBGRAPH/TEXT" is the first of a subgraph to a query that holds the text.
func (g *gate) release(t *testing.T, which string) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	subgraph, part, _ := strings.Cut(which, "/")
	for i, h := range g.held {
		if h.Subgraph == subgraph && strings.Contains(h.Query, part) {
			g.held = append(g.held[:i:i], g.held[i+1:]...)
			close(h.free)
			return
		}
	}
	t.Errorf("nobody waits for %s", which)
}

// openUp lets everything go from now on, in order.
func (g *gate) openUp() { g.letGo(func(int) int { return 0 }) }

// letGo lets answers go one by one, the one that which picks of so many, until nobody waits for any.
func (g *gate) letGo(which func(n int) int) {
	for {
		synctest.Wait()
		g.mu.Lock()
		if len(g.held) == 0 {
			g.mu.Unlock()
			return
		}
		slices.SortStableFunc(g.held, func(a, b *heldRequest) int { // they came in any order
			return cmp.Compare(a.Subgraph+a.Query+string(a.Variables), b.Subgraph+b.Query+string(b.Variables))
		})
		i := which(len(g.held))
		close(g.held[i].free)
		g.held = append(g.held[:i:i], g.held[i+1:]...)
		g.mu.Unlock()
	}
}

// deferring prepares an operation with its fragments deferred.
func (h *house) deferring(t testing.TB, e *execute.Executor, query string) (*execute.Prepared, map[string]any) {
	t.Helper()
	op, vars := h.prepare(t, query)
	op, errs := op.Deferred(vars)
	if errs != nil {
		t.Fatalf("defer %s: %v", query, errs)
	}
	p, err := planner.Plan(h.sg.With(testgraph.Labels(query)), op)
	if err != nil {
		t.Fatalf("plan %s: %v", query, err)
	}
	return e.Prepare(p), vars
}

func (h *house) prepare(t testing.TB, query string) (*operation.Operation, map[string]any) {
	t.Helper()
	op, errs := operation.Prepare(h.sg, query, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatalf("prepare %s: %v", query, errs)
	}
	op = testgraph.Restricted(op, query)
	raw := map[string]any{}
	if _, after, ok := strings.Cut(query, "# variables: "); ok {
		line, _, _ := strings.Cut(after, "\n")
		if err := json.Unmarshal([]byte(line), &raw); err != nil {
			t.Fatal(err)
		}
	}
	vars, errs := op.Variables(raw)
	if errs != nil {
		t.Fatal(errs)
	}
	return op, vars
}

// TestStreams holds the payloads of deferring operations to golden files: "OP.payloads" has one in each
// line. A line "# order: A/b | C/d E/f" in an operation says in which order answers come; at each bar one
// more payload must be there. What is not named answers in the end.
func TestStreams(t *testing.T) {
	files, err := filepath.Glob("testdata/defer/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			streamFile(t, file)
		})
	}
}

func streamFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	var out []txtar.File
	for _, f := range archive.Files {
		if filepath.Ext(f.Name) == ".payloads" {
			continue
		}
		out = append(out, f)
		if filepath.Ext(f.Name) != ".graphql" {
			continue
		}
		got := h.payloads(t, string(f.Data))
		name := strings.TrimSuffix(f.Name, ".graphql") + ".payloads"
		for _, want := range archive.Files {
			if want.Name == name && !*update && !bytes.Equal(want.Data, got) {
				t.Errorf("%s: payloads are\n%s\nwant\n%s", f.Name, got, want.Data)
			}
		}
		out = append(out, txtar.File{Name: name, Data: got})
	}
	next := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: out})
	if bytes.Equal(next, txtar.Format(archive)) {
		return
	}
	if !*update {
		if !t.Failed() {
			t.Errorf("%s lacks payloads; run with -update and read what it wrote", file)
		}
		return
	}
	if err := os.WriteFile(file, next, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *house) payloads(t *testing.T, query string) (out []byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{subgraphs: h.subgraphs}
		e := execute.New(h.sg, g, execute.Options{Errors: execute.AllErrors(), MaxDeferred: 6})
		p, vars := h.deferring(t, e, query)
		var got [][]byte
		go func() {
			for p := range e.Stream(t.Context(), p, vars, nil) {
				got = append(got, p.JSON())
			}
		}()
		bars := 0
		if _, after, ok := strings.Cut(query, "# order: "); ok {
			line, _, _ := strings.Cut(after, "\n")
			for step := range strings.FieldsSeq(line) {
				synctest.Wait()
				if step != "|" {
					g.release(t, step)
					continue
				}
				if bars++; len(got) != bars {
					t.Errorf("%s: %d payloads at bar %d", query, len(got), bars)
				}
			}
		}
		g.openUp()
		synctest.Wait()
		out = append(bytes.Join(got, []byte("\n")), '\n')
	})
	return out
}

// TestStreamLeft: whoever leaves a stream leaves no request behind.
func TestStreamLeft(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/defer/shop.txtar")
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	query := `{ product(upc: "1") { name ... @defer { rating } } }`
	for _, after := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			g := &gate{subgraphs: h.subgraphs}
			e := execute.New(h.sg, g, execute.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			p, vars := h.deferring(t, e, query)
			payloads, over, leave := 0, false, make(chan struct{})
			go func() {
				for range e.Stream(ctx, p, vars, nil) {
					payloads++
					<-leave
					break
				}
				over = true
			}()
			synctest.Wait()
			if after == 1 {
				g.release(t, "products/name")
			} else {
				cancel()
			}
			synctest.Wait()
			close(leave)
			synctest.Wait()
			cancel()
			if !over || payloads != after || len(g.ended) != 1 || g.ended[0] != context.Canceled {
				t.Errorf("left after %d payloads: over %v, %d payloads, requests that were given up: %v", after, over, payloads, g.ended)
			}
		})
	}
}

type transportFunc func(context.Context, *execute.SubgraphRequest) ([]byte, error)

func (f transportFunc) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	return f(ctx, r)
}

// TestStreamHeaders: requests for what is deferred carry the same headers.
func TestStreamHeaders(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/defer/shop.txtar")
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	var mu sync.Mutex
	seen := map[string]string{}
	e := execute.New(h.sg, transportFunc(func(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
		mu.Lock()
		seen[r.Subgraph] = r.Header.Get("X-For")
		mu.Unlock()
		return h.transport.Do(ctx, r)
	}), execute.Options{})
	p, vars := h.deferring(t, e, `{ product(upc: "1") { name ... @defer { rating } } }`)
	for range e.Stream(t.Context(), p, vars, func(subgraph string) http.Header { return http.Header{"X-For": {subgraph}} }) {
	}
	if seen["products"] != "products" || seen["reviews"] != "reviews" {
		t.Errorf("requests carried %v", seen)
	}
}
