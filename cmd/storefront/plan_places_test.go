package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"storefront/schema"
)

// TestPlacesOfMistakes: a mistake in a file is told with the file, the line and the column.
func TestPlacesOfMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	broken := write("broken.graphqls", schema.Supergraph+"\ntype {\n")
	at := strings.Count(schema.Supergraph, "\n") + 2
	query, typo := write("query.graphql", "{\n  products(first: 1) {\n"), write("typo.graphql", "{\n  products(first: 1) { nodes { titel } }\n}\n")
	unnamed := write("two.graphql", "query A { __typename }\nquery B { __typename }\n")
	plain := write("plain.graphqls", "type Query { a: String }\ntype {\n")
	manifest := write("manifest.json", `{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a","name":"A","type":"query","body":"query A { __typename }"}]}`)
	whole := write("whole.graphqls", schema.Supergraph)
	place := func(file string, line, column int) string {
		return strings.Join([]string{file, strconv.Itoa(line), strconv.Itoa(column)}, ":") + ": "
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{place(broken, at, 6) + "Expected Name, found {", []string{"plan", "--supergraph", broken, "--operation", typo}},
		{place(broken, at, 6) + "Expected Name, found {", []string{"router", "--supergraph", broken, "--listen", "127.0.0.1:0"}},
		{place(broken, at, 6) + "Expected Name, found {", []string{"compose", "check", whole, broken}},
		{place(broken, at, 6) + "Expected Name, found {", []string{"operations", "publish", manifest, "--client", "a", "--supergraph", broken}},
		{place(plain, 2, 6) + "Expected Name, found {", []string{"compose", "check", plain, whole}},
		{place(query, 3, 1) + "Expected Name, found <EOF>", []string{"plan", "--operation", query}},
		{place(typo, 2, 32) + `Cannot query field "titel" on type "Product"`, []string{"plan", "--operation", typo}},
		{unnamed + ": ", []string{"plan", "--operation", unnamed}},
	} {
		if got := said(t, c.args...); !strings.HasPrefix(got, c.want) {
			t.Errorf("storefront %s says\n%s\nwant\n%s", strings.Join(c.args, " "), got, c.want)
		}
	}
}
