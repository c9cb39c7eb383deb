package main

// The same for a router by itself, over subgraphs of others, and for what operators put into addresses.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"storefront/router/compose"
)

// TestSecretsOfAForeignSupergraph: subgraphs that repeat what they were sent, in errors and in what is no answer,
// or are away.
func TestSecretsOfAForeignSupergraph(t *testing.T) {
	t.Parallel()
	secrets, said := planted(), &logbook{}
	traces, sent := collector(t)
	repeat := map[string]string{
		"telling": `{"data":null,"errors":[{"message":%[1]s,"path":["telling"],"extensions":{"code":%[1]s,"field":[%[1]s],"exception":{"stacktrace":[%[1]s]}}}]}`,
		"wrong":   `{"data":{"wrong":{"a":%[1]s}}}`, "broken": `{"data":{"broken":%[1]s`, "page": `<html>%[1]s</html>`, "status": `%[1]s`,
	}
	var subgraphs []compose.Subgraph
	for _, name := range []string{"telling", "wrong", "broken", "page", "status", "away"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if name == "status" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			text, _ := json.Marshal(fmt.Sprint(string(body), r.Header))
			fmt.Fprintf(w, repeat[name], text)
		}))
		t.Cleanup(s.Close)
		if name == "away" {
			s.Close()
		}
		subgraphs = append(subgraphs, compose.Subgraph{Name: name, URL: s.URL, SDL: `type Query { ` + name + `(of: String): String }`})
	}
	made, mistakes := compose.Compose(subgraphs)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	file := filepath.Join(t.TempDir(), "supergraph.graphqls")
	if err := os.WriteFile(file, []byte(made.SupergraphSDL), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(config, []byte("every_subgraph: {headers: [{propagate: authorization}, {insert: x-password, value: "+secrets["password"]+"}]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := "127.0.0.1:" + strconv.Itoa(freeBase(t))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the router's log:\n%.5000s", said.all())
		}
	})
	_, stop := child(t, said, traces, "router", "--listen", at, "--supergraph", file, "--config", config)
	reachable(t, "http://"+at)
	p := &person{url: "http://" + at, header: http.Header{}, http: browser}
	p = p.with("X-Forwarded-For", secrets["client address"], "User-Agent", secrets["mail address"])
	all, _ := json.Marshal(secrets)
	for _, s := range subgraphs {
		for _, request := range []vars{
			{"query": `query($of: String) { ` + s.Name + `(of: $of) }`, "variables": vars{"of": string(all)}},
			{"query": `{ ` + s.Name + `(of: ` + strconv.Quote(string(all)) + `) }`},
		} {
			for _, accept := range []string{"application/json", "text/event-stream"} {
				a, said := p.raw(t, request, accept)
				leaks(t, "what a client is told of "+s.Name, said, secrets)
				if !strings.Contains(said, `"errors"`) || a != http.StatusOK {
					t.Errorf("%s answers %d %s", s.Name, a, said)
				}
			}
		}
	}
	stop()
	leaks(t, "the router's log", said.all(), secrets)
	leaks(t, "the router's traces", sent.all(), secrets)
}

// TestSecretsOfOperators: addresses with passwords that cannot be reached, or are no addresses.
func TestSecretsOfOperators(t *testing.T) {
	t.Parallel()
	const password = "planted-url-password"
	secrets := map[string]string{"password": password}
	with := func(scheme, rest string) string { return scheme + "://planted:" + password + "@" + rest }
	supergraph := serveEcho(t)
	for _, args := range [][]string{
		{"--mongodb-uri", with("mongodb", "127.0.0.1:1/?serverSelectionTimeoutMS=100")}, {"--mongodb-uri", with("mongodb", "127.0.0.1:notaport")}, {"--mongodb-uri", with("mongo", "127.0.0.1")},
		{"--redis-url", with("redis", "127.0.0.1:1")}, {"--redis-url", with("redis", "127.0.0.1:no port")}, {"--redis-url", with("http", "127.0.0.1")},
		{"--redis-url", "redis://:" + password + "@127.0.0.1:no port"},
		{"--oidc-issuer", with("ldap", "127.0.0.1")}, {"--oidc-issuer", with("http", "127.0.0.1:no port/")},
		{"--subgraph", "echo=" + with("http", "127.0.0.1:no port/")}, {"--subgraph", "nobody=" + with("http", "127.0.0.1:1/")},
		{"--page", "/3ds/=" + with("http", "127.0.0.1:no port/")}, {"--page", "3ds=" + with("http", "127.0.0.1/")},
		{"--kafka-brokers", "127.0.0.1:1", "--kafka-sasl", "PLAIN!", "--kafka-user", "planted", "--kafka-password", password},
		{"--secret", password},
	} {
		var said bytes.Buffer
		err := run(t.Context(), stdio{&said, &said, func(string) string { return "" }}, append([]string{"router", "--listen", "127.0.0.1:0", "--supergraph", supergraph, "--secret", strings.Repeat("s", 32), "--log-level", "debug"}, args...))
		if err == nil {
			t.Errorf("%v works", args)
			continue
		}
		leaks(t, strings.Join(args, " "), said.String()+fatal(err), secrets)
	}
}
