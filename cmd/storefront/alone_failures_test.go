package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"storefront/router/compose"
)

// serveOne makes a subgraph of an SDL and a handler, and the supergraph file of it alone.
func serveOne(t *testing.T, sdl string, h http.HandlerFunc) (supergraph string, subgraph *httptest.Server) {
	t.Helper()
	subgraph = httptest.NewServer(h)
	t.Cleanup(subgraph.Close)
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "one", URL: subgraph.URL, SDL: sdl}})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	supergraph = filepath.Join(t.TempDir(), "supergraph.graphqls")
	if err := os.WriteFile(supergraph, []byte(made.SupergraphSDL), 0o600); err != nil {
		t.Fatal(err)
	}
	return supergraph, subgraph
}

// TestRouterSaysWhySubgraphsFail: in the log, once, with the trace by which to find what asked for it.
func TestRouterSaysWhySubgraphsFail(t *testing.T) {
	t.Parallel()
	supergraph, subgraph := serveOne(t, "type Query { a: String }", http.NotFound)
	subgraph.Close()
	p, log := startRouter(t, "--supergraph", supergraph)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	p = p.with("Authorization", "Bearer hunter2", "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	for range 5 {
		if _, err := p.send(t.Context(), vars{"query": "{ a }"}); err != nil {
			t.Fatal(err)
		}
	}
	line := log.wait(t, "a request to a subgraph failed")
	reason, _ := line["reason"].(string)
	if line["subgraph"] != "one" || line["trace_id"] != trace || line["kind"] != "unreachable" || !strings.Contains(reason, "connection refused") {
		t.Errorf("the log says %v", line)
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/graphql", strings.NewReader(`{"query":"{ a }"}`))
	req.Header = p.header.Clone()
	req.Header.Del("Authorization")
	req.Header.Set("Content-Type", "application/json")
	res, err := p.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("X-Trace-Id"); got != trace {
		t.Errorf("the answer names the trace %q, not the client's", got)
	}
	for len(log.lines) > 0 {
		if again := <-log.lines; again["msg"] == line["msg"] {
			t.Errorf("the log says it again: %v", again)
		}
	}
}

// TestRouterLimitsAnswers: by what its configuration says.
func TestRouterLimitsAnswers(t *testing.T) {
	t.Parallel()
	supergraph, _ := serveOne(t, "type Query { a: String }", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"data":{"a":"` + strings.Repeat("x", 100) + `"}}`))
	})
	for setting, want := range map[string]string{
		"max_answer_bytes: 100":    "the answers of subgraphs to this operation are larger than 100 bytes",
		"max_response_bytes: 101":  "the response is larger than 101 bytes",
		"max_answer_bytes: 10_000": "",
	} {
		t.Run(setting, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "router.yaml")
			if err := os.WriteFile(file, []byte("operation:\n  "+setting+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			p, _ := startRouter(t, "--supergraph", supergraph, "--config", file)
			a, err := p.send(t.Context(), vars{"query": "{ a }"})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(a.errors) > 0 {
				got = a.errors[0].Message
			}
			if got != want {
				t.Errorf("the client is told %q, want %q", got, want)
			}
		})
	}
}

// TestRouterMasksErrorsOfOthers: of subgraphs that are not ours, what a client cannot mend; flags say otherwise.
func TestRouterMasksErrorsOfOthers(t *testing.T) {
	t.Parallel()
	supergraph, _ := serveOne(t, "type Query { a: String }", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(`{"data":{"a":null},"errors":[
			{"message":"no such a","path":["a"],"extensions":{"code":"BAD_USER_INPUT","argumentName":"x","hint":"y"}},
			{"message":"db-7.internal refused","path":["a"],"extensions":{"code":"UNAVAILABLE","hint":"y"}}]}`))
	})
	for _, c := range []struct {
		flags []string
		want  [2]string // code, message and hint of each error, "*" for a masked message
	}{
		{nil, [2]string{"BAD_USER_INPUT no such a x <nil>", "INTERNAL * <nil> <nil>"}},
		{[]string{"--error-code", "UNAVAILABLE", "--error-extension", "hint"}, [2]string{"INTERNAL * <nil> <nil>", "UNAVAILABLE db-7.internal refused <nil> y"}},
		{[]string{"--error-code", "*"}, [2]string{"BAD_USER_INPUT no such a x <nil>", "UNAVAILABLE db-7.internal refused <nil> <nil>"}},
	} {
		p, _ := startRouter(t, append([]string{"--supergraph", supergraph}, c.flags...)...)
		a, err := p.send(t.Context(), vars{"query": "{ a }"})
		if err != nil || len(a.errors) != 2 {
			t.Fatalf("%v: %v, %v", c.flags, a.errors, err)
		}
		for i, e := range a.errors {
			message := e.Message
			trace, _ := e.Extensions["traceId"].(string)
			if strings.HasPrefix(message, "internal error, request ") && len(trace) == 32 {
				message = "*"
			}
			got := fmt.Sprint(e.Extensions["code"], " ", message, " ", e.Extensions["argumentName"], " ", e.Extensions["hint"])
			if got != c.want[i] {
				t.Errorf("%v: error %d is %q, want %q", c.flags, i, got, c.want[i])
			}
		}
	}
	fails(t, []string{"--error-code", "one word"}, "router", "--supergraph", supergraph, "--error-code", "a b")
}

// TestRouterRefusesUnderOverload: by what its configuration says, and counted.
func TestRouterRefusesUnderOverload(t *testing.T) {
	t.Parallel()
	arrived, free := make(chan struct{}, 10), make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(free) }) }
	supergraph, _ := serveOne(t, "type Query { a(n: Int): String } type Mutation { buy: String }", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-free
		w.Write([]byte(`{"data":{"a":"a","buy":"b"}}`))
	})
	t.Cleanup(release) // before the subgraph is closed
	file := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(file, []byte("overload: {critical: [Mutation.buy], floor: 1, max_in_flight: 1}"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := startRouter(t, "--supergraph", supergraph, "--config", file)
	var running sync.WaitGroup
	send := func(query string) {
		running.Go(func() {
			if a, err := p.send(t.Context(), vars{"query": query}); err != nil || a.status != http.StatusOK {
				t.Errorf("%s: %d %v, %v", query, a.status, a.errors, err)
			}
		})
	}
	send(`{ a }`)
	<-arrived
	a, err := p.send(t.Context(), vars{"query": `{ a(n: 1) }`})
	if err != nil || a.status != http.StatusServiceUnavailable || a.code() != "OVERLOADED" {
		t.Errorf("one too many: %d %v, %v", a.status, a.errors, err)
	}
	send(`mutation { buy }`)
	eventually(t, "the critical one is let through", func() (string, bool) { return "", len(arrived) == 1 })
	res, err := p.http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	for _, line := range []string{`storefront_operations_shed_total{priority="normal",subgraph="router"} 1`, `storefront_operations_admitted_total{priority="critical"} 1`,
		`storefront_operations_running{subgraph="one"} 2`, `storefront_operations_limit{subgraph="router"} 1`} {
		if err != nil || !strings.Contains(string(metrics), line) {
			t.Errorf("/metrics has no %s (%v)", line, err)
		}
	}
	release()
	running.Wait()
}
