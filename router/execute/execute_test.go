package execute_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/execute/transport"
	"storefront/router/internal/testgraph"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

var update = flag.Bool("update", false, "rewrite the responses in testdata")

// TestCases runs every case over real HTTP subgraphs. A file holds for each subgraph "NAME.sdl" and
// "NAME.data", "supergraph" where it is not composed of these, and operations "OP.graphql" with the
// expected "OP.json"; a line "# variables: {...}" in an operation gives its variables.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			runFile(t, file)
		})
	}
}

type house struct {
	sg        *supergraph.Supergraph
	subgraphs map[string]*testgraph.Subgraph
	transport execute.Transport
	executor  *execute.Executor
}

func openHouse(t testing.TB, archive *txtar.Archive) *house {
	t.Helper()
	h := &house{subgraphs: map[string]*testgraph.Subgraph{}}
	sections := map[string]string{}
	for _, f := range archive.Files {
		sections[f.Name] = string(f.Data)
	}
	var err error
	if h.sg, err = supergraph.Parse(testgraph.Supergraph(t, archive)); err != nil {
		t.Fatal(err)
	}
	urls := map[string]string{}
	for _, sub := range h.sg.Subgraphs() {
		var data testgraph.Data
		if err := json.Unmarshal([]byte(sections[sub.Name+".data"]), &data); err != nil {
			t.Fatalf("%s.data: %v", sub.Name, err)
		}
		s, err := testgraph.Serve(sections[sub.Name+".sdl"], data)
		if err != nil {
			t.Fatalf("%s: %v", sub.Name, err)
		}
		t.Cleanup(s.Close)
		h.subgraphs[sub.Name], urls[sub.Name] = s, s.URL
	}
	reach, err := transport.New(transport.To(urls).With(func(s *transport.Subgraph) {
		s.Share, s.Retry.Attempts = false, 0 // the cases count requests
	}), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.transport = reach
	h.executor = execute.New(h.sg, reach, execute.Options{Errors: execute.AllErrors()})
	return h
}

func (h *house) run(t testing.TB, query string) *execute.Response {
	t.Helper()
	return h.runWith(t, query, testgraph.Labels(query))
}

// runWith runs an operation with labels of progressive overrides on.
func (h *house) runWith(t testing.TB, query string, labels []string) *execute.Response {
	t.Helper()
	op, vars := h.prepare(t, query)
	p, err := planner.Plan(h.sg.With(labels), op)
	if err != nil {
		t.Fatalf("plan %s: %v", query, err)
	}
	return h.executor.Execute(context.Background(), h.executor.Prepare(p), vars, func(string) http.Header { return nil })
}

func runFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	var out []txtar.File
	for _, f := range archive.Files {
		if filepath.Ext(f.Name) == ".json" {
			continue
		}
		out = append(out, f)
		if filepath.Ext(f.Name) != ".graphql" {
			continue
		}
		before := h.requests()
		got := pretty(t, h.run(t, string(f.Data)))
		after := h.requests()
		labels := h.sg.Labels()
		for set := range 1 << len(labels) * min(len(labels), 1) {
			var on []string
			for i, l := range labels {
				if set>>i&1 == 1 {
					on = append(on, l)
				}
			}
			if again := pretty(t, h.runWith(t, string(f.Data), on)); !bytes.Equal(again, got) {
				t.Errorf("%s: with the labels %q on the response is\n%s\nwant\n%s", f.Name, on, again, got)
			}
		}
		got = append(got, fmt.Sprintf("# requests: %d\n", after-before)...)
		name := strings.TrimSuffix(f.Name, ".graphql") + ".json"
		for _, want := range archive.Files {
			if want.Name == name && !*update && !bytes.Equal(want.Data, got) {
				t.Errorf("%s: response is\n%s\nwant\n%s", f.Name, got, want.Data)
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
			t.Errorf("%s lacks a response; run with -update and read what it wrote", file)
		}
		return
	}
	if err := os.WriteFile(file, next, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *house) requests() int {
	n := 0
	for _, s := range h.subgraphs {
		n += len(s.Requests())
	}
	return n
}

func pretty(t testing.TB, r *execute.Response) []byte {
	t.Helper()
	var raw, out bytes.Buffer
	r.WriteJSON(&raw)
	if err := json.Indent(&out, raw.Bytes(), "", " "); err != nil {
		t.Fatalf("response is no JSON: %v: %s", err, raw.String())
	}
	out.WriteByte('\n')
	return out.Bytes()
}
