package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
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
	for _, want := range []string{"Query.a(x:)", "Query.old", "  2 ", "  web ", "  2.1 ", "  Page ", "  use a", "Query.older  not since 30d"} {
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
	fails(t, []string{"no field Query.none"}, append([]string{"usage", "Query.none"}, at...)...)
	fails(t, []string{"title", "no field; write it like"}, append([]string{"usage", "title"}, at...)...)
	fails(t, []string{"--since", "30d"}, append([]string{"usage", "Query.a", "--since", "long"}, at...)...)
	fails(t, []string{"usage Type.field"}, append([]string{"usage"}, at...)...)
	_, log := startRouter(t, "--supergraph", supergraph)
	log.wait(t, "no --mongodb-uri: it is not kept who uses which fields, so 'storefront usage' knows nothing of this router")
}
