package main

// A router by itself: any supergraph, and nothing else running.

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"storefront/internal/identity"
	"storefront/router/compose"
)

// echo is a subgraph that answers with the headers it was sent.
const echo = `
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@composeDirective"])
  @link(url: "https://storefront.dev/live/v1.0", import: ["@live"])
  @composeDirective(name: "@live")

directive @live(topic: String!, key: String!, field: String! = "id", types: [String!], provides: String, owner: String, version: String) on FIELD_DEFINITION

type Query { authorization: String  identity: String  trace: String }
type Subscription { changes(id: ID!): Thing @live(topic: "changes", key: "id") }
type Thing @key(fields: "id") { id: ID! }
`

// Metrics that those who run a router have to themselves are not at the address of its clients.
func TestMetricsOfTheirOwnAddress(t *testing.T) {
	t.Parallel()
	supergraph := serveEcho(t)
	for debug, status := range map[string]int{"": http.StatusOK, "127.0.0.1:0": http.StatusNotFound} {
		p, _ := startRouter(t, "--supergraph", supergraph, "--debug-listen", debug)
		res, err := p.http.Get(p.url + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("with --debug-listen %q clients get status %d for /metrics, want %d", debug, res.StatusCode, status)
		}
	}
}

func serveEcho(t *testing.T) (supergraph string) {
	t.Helper()
	return serveEchoOf(t, echo)
}

// serveEchoOf is serveEcho with another SDL of the subgraph.
func serveEchoOf(t *testing.T, sdl string) (supergraph string) {
	t.Helper()
	subgraph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(vars{"data": vars{"authorization": r.Header.Get("Authorization"),
			"identity": r.Header.Get(identity.Header), "trace": r.Header.Get("X-Trace")}})
	}))
	t.Cleanup(subgraph.Close)
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "echo", URL: subgraph.URL, SDL: sdl}})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	file := filepath.Join(t.TempDir(), "supergraph.graphqls")
	if err := os.WriteFile(file, []byte(made.SupergraphSDL), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// startRouter runs `storefront router` until the test ends, and returns its address and what it logs
// before it is ready.
func startRouter(t *testing.T, args ...string) (*person, *routerLog) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, stdio{io.Discard, out, func(string) string { return "" }}, append([]string{"router", "--listen", "127.0.0.1:0"}, args...))
		out.CloseWithError(io.EOF)
		done <- err
	}()
	log := &routerLog{lines: make(chan vars, 1000)}
	go func() {
		defer close(log.lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			var line vars
			if json.Unmarshal(s.Bytes(), &line) == nil {
				select {
				case log.lines <- line:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the router ends with %v", err)
		}
	})
	address, _ := log.wait(t, "router is ready")["address"].(string)
	return &person{url: strings.TrimSuffix(address, "/graphql"), header: http.Header{}, http: browser}, log
}

type routerLog struct{ lines chan vars }

// wait returns the next line with this message.
func (l *routerLog) wait(t *testing.T, message string) vars {
	t.Helper()
	for line := range l.lines {
		if line["msg"] == message {
			return line
		}
	}
	t.Fatalf("the router ended without saying %q", message)
	return nil
}

func TestRouterNeedsASupergraphOnly(t *testing.T) {
	t.Parallel()
	file := serveEcho(t)
	p, log := startRouter(t, "--supergraph", file)
	log.wait(t, "no --kafka-brokers: subscriptions to @live fields are refused")
	p = p.with("Authorization", "Bearer of-another-world", "X-Trace", "17", identity.Header, "forged")
	const ask = `{ authorization identity trace }`
	if got := p.ask(t, ask, nil); got.text("authorization") != "" || got.text("identity") != "" || got.text("trace") != "" {
		t.Errorf("headers of the client's went on: %s", got)
	}
	sum := sha256.Sum256([]byte(ask))
	persisted := vars{"persistedQuery": vars{"version": 1, "sha256Hash": hex.EncodeToString(sum[:])}}
	for i, request := range []vars{{"extensions": persisted}, {"extensions": persisted, "query": ask}, {"extensions": persisted}} {
		a, err := p.send(t.Context(), request)
		if err != nil || (len(a.errors) > 0) != (i == 0) {
			t.Errorf("automatic persisted query, request %d: %s %v %v", i, a.data, a.errors, err)
		}
	}
	l := p.listen(t, `subscription { changes(id: "1") { id } }`, nil)
	if got := <-l.results; len(got.errors) != 1 || !strings.Contains(got.errors[0].Message, "no source of events") {
		t.Errorf("a subscription without Kafka: %s %v", got.data, got.errors)
	}
}

func TestRouterForwardsHeadersItIsTold(t *testing.T) {
	t.Parallel()
	p, _ := startRouter(t, "--supergraph", serveEcho(t), "--forward-header", "authorization,x-trace")
	got := p.with("Authorization", "Bearer mine", "X-Trace", "17", identity.Header, "forged").ask(t, `{ authorization identity trace }`, nil)
	if got.text("authorization") != "Bearer mine" || got.text("trace") != "17" || got.text("identity") != "" {
		t.Errorf("got %s", got)
	}
}

func TestRouterSignsWhereItHasASecret(t *testing.T) {
	t.Parallel()
	everything := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(everything, []byte("every_subgraph: {headers: [{matching: .*}]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := startRouter(t, "--supergraph", serveEcho(t), "--secret", strings.Repeat("s", 32), "--config", everything)
	got := p.with(identity.Header, "forged").ask(t, `{ identity }`, nil)
	signer := identity.NewSigner(SecretFlags{strings.Repeat("s", 32)}.key("identity"), time.Now)
	if _, err := signer.Verify(got.text("identity"), "echo"); err != nil {
		t.Errorf("got %s: %v", got, err)
	}
	a, err := p.with("Authorization", "Bearer mine").send(t.Context(), vars{"query": `{ identity }`})
	if err != nil || len(a.errors) != 1 || a.errors[0].Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("a token that nobody can verify: %s %v %v", a.data, a.errors, err)
	}
}

func TestRouterOfTheShopNeedsItsParts(t *testing.T) {
	t.Parallel()
	fails(t, []string{"--supergraph", "--secret", "--oidc-issuer", "--kafka-brokers"}, "router", "--redis-url", "redis://127.0.0.1:1")
	fails(t, []string{"--secret", "32"}, "router", "--supergraph", serveEcho(t), "--secret", "short")
	fails(t, []string{"storefront-identity"}, "router", "--supergraph", serveEcho(t), "--forward-header", identity.Header)
}

func TestVersionNamesTheRevision(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.99", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2030-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"}}}
	if got, want := describeBuild(info), "storefront v1.2.3\nrevision abc and changes, 2030-01-02T03:04:05Z\ngo1.99"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if out, err := storefront(t.Context(), "--version"); err != nil || !strings.HasPrefix(out, "storefront") || !strings.Contains(out, "go1") {
		t.Errorf("%q %v", out, err)
	}
}

func TestRouterTakesANewSupergraphOver(t *testing.T) {
	t.Parallel()
	file := serveEcho(t)
	p, log := startRouter(t, "--supergraph", file, "--forward-header", "x-trace", "--introspection")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(change ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.NewReplacer(change...).Replace(string(old))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const ask = `{ __type(name: "Query") { fields { name } } trace }`
	p = p.with("X-Trace", "17")
	p.ask(t, ask, nil)
	write("  trace: String", "  trace: String\n  again: String")
	if line := log.wait(t, "the new supergraph is served"); line["prepared"] != 1.0 {
		t.Errorf("the popular operation is not prepared: %v", line)
	}
	if got := p.ask(t, ask, nil); !strings.Contains(got.String(), "again") || got.text("trace") != "17" {
		t.Errorf("got %s", got)
	}
	write("type Query", "tpye Query")
	if line := log.wait(t, "the new supergraph is refused; the one from before is served"); !strings.Contains(fmt.Sprint(line["error"]), "tpye") {
		t.Errorf("the log does not say what is wrong: %v", line)
	}
	if got := p.ask(t, ask, nil); !strings.Contains(got.String(), "again") {
		t.Errorf("the supergraph from before is gone: %s", got)
	}
	write()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	log.wait(t, "the new supergraph is served")
	if got := p.ask(t, ask, nil); strings.Contains(got.String(), "again") {
		t.Errorf("got %s", got)
	}
	res, err := p.http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	for _, line := range []string{`storefront_supergraph_reloads_total{result="taken"} 2`, `storefront_supergraph_reloads_total{result="refused"} 1`} {
		if err != nil || !strings.Contains(string(metrics), line) {
			t.Errorf("/metrics has no %s (%v)", line, err)
		}
	}
}
