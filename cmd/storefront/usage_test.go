package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"storefront/internal/embedded/mongodb/mongotest"
)

// TestUsageOfFields asks who has used what, after the router that was asked has gone.
func TestUsageOfFields(t *testing.T) {
	t.Parallel()
	uri, prefix := mongotest.URI(t), "usage_"
	if mongotest.Real() {
		var drop func(context.Context) error
		uri, prefix, drop = mongotest.Prefix()
		t.Cleanup(func() { _ = drop(context.Background()) })
	}
	supergraph, _ := serveOne(t, `
		type Query { a(x: Int @deprecated): String  old: String @deprecated(reason: "use a")  older: String @deprecated  node: Node  thing: Thing }
		extend type Query { find(by: Filter, sort: Sort): String }
		input Filter { text: String  tag: String @deprecated  year: Int }
		enum Sort { NAME  AGE @deprecated  PRICE }
		interface Node { id: ID! }
		type Thing implements Node { id: ID! }`, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "node") {
			io.WriteString(w, `{"data":{"node":{"__typename":"Thing","id":"1"}}}`)
			return
		}
		io.WriteString(w, `{"data":{"a":"a","old":"o"}}`)
	})
	at := []string{"--mongodb-uri", uri, "--mongodb-prefix", prefix, "--supergraph", supergraph}
	t.Run("asked", func(t *testing.T) {
		p, _ := startRouter(t, append(at, "--secret", strings.Repeat("s", 32))...)
		web := p.with("graphql-client-name", "web", "graphql-client-version", "2.1")
		web.ask(t, `query Page { a(x: 1) old }`, nil)
		web.ask(t, `query Page { a(x: 1) old }`, nil)
		p.ask(t, `{ node { id } }`, nil)
		web.ask(t, `query Find($by: Filter) { find(by: $by, sort: NAME) }`, vars{"by": vars{"text": "a secret", "tag": "b"}})
	})
	ask := func(args ...string) string {
		t.Helper()
		out, err := storefront(t.Context(), append(append([]string{"usage"}, args...), at...)...)
		if err != nil {
			t.Fatalf("usage %v: %v", args, err)
		}
		return out
	}
	all := ask("--deprecated")
	for _, want := range []string{"Query.a(x:)", "Query.old", "  2 ", "  web ", "  2.1 ", "  Page ", "  use a", "Query.older  not since 30d", "Filter.tag", "Sort.AGE", "Find"} {
		if !strings.Contains(all, want) {
			t.Errorf("usage --deprecated has no %q:\n%s", want, all)
		}
	}
	if out := ask("Thing.id"); !strings.Contains(out, "Node.id") {
		t.Errorf("usage Thing.id does not tell of its interface:\n%s", out)
	}
	var old fieldUsage
	if err := json.Unmarshal([]byte(ask("Query.old", "--json", "--since", "1d")), &old); err != nil || len(old.Users) != 1 || old.Users[0].Count != 2 || old.Users[0].Client != "web" || !old.Deprecated || old.Reason != "use a" {
		t.Errorf("usage --json gives %+v, %v", old, err)
	}
	for field, want := range map[string]string{"Filter.text": "Find", "Filter.year": "not since 30d", "Sort.NAME": "Find", "Sort.PRICE": "not since 30d"} {
		if out := ask(field); !strings.Contains(out, want) {
			t.Errorf("usage %s has no %q:\n%s", field, want, out)
		}
	}
	check := func(change ...string) (string, error) {
		t.Helper()
		text, err := os.ReadFile(supergraph)
		if err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(t.TempDir(), "next.graphqls")
		if err := os.WriteFile(next, []byte(strings.NewReplacer(change...).Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
		return storefront(t.Context(), "compose", "check", supergraph, next, "--usage", "30d", "--mongodb-uri", uri, "--mongodb-prefix", prefix)
	}
	if out, err := check("  year: Int\n", "", "  PRICE @join__enumValue(graph: ONE)\n", ""); err != nil || strings.Count(out, "; not used since 30d") != 2 {
		t.Errorf("nobody has used what was removed: %v\n%s", err, out)
	}
	if out, err := check("  year: Int\n", "", "  text: String\n", ""); err == nil || !strings.Contains(err.Error(), "2 breaking") || !strings.Contains(err.Error(), "nobody has used 1 of") || !strings.Contains(out, "by Find of web") {
		t.Errorf("somebody has used what was removed: %v\n%s", err, out)
	}
	fails(t, []string{"no field Query.none"}, append([]string{"usage", "Query.none"}, at...)...)
	fails(t, []string{"title", "no field; write it like"}, append([]string{"usage", "title"}, at...)...)
	fails(t, []string{"--since", "30d"}, append([]string{"usage", "Query.a", "--since", "long"}, at...)...)
	fails(t, []string{"usage Type.field"}, append([]string{"usage"}, at...)...)
	_, log := startRouter(t, "--supergraph", supergraph)
	log.wait(t, "no --mongodb-uri: it is not kept who uses which fields, so 'storefront usage' knows nothing of this router")
}
