package testgraph

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// Supergraph returns the "supergraph" section of a case, or composes its "NAME.sdl" sections.
func Supergraph(t testing.TB, archive *txtar.Archive) string {
	t.Helper()
	var subgraphs []compose.Subgraph
	for _, f := range archive.Files {
		if f.Name == "supergraph" {
			return string(f.Data)
		}
		if filepath.Ext(f.Name) == ".sdl" {
			name := strings.TrimSuffix(f.Name, ".sdl")
			subgraphs = append(subgraphs, compose.Subgraph{Name: name, URL: "http://" + name, SDL: string(f.Data), File: f.Name})
		}
	}
	result, errs := compose.Compose(subgraphs)
	if errs != nil {
		t.Fatalf("compose: %v", errs)
	}
	return result.SupergraphSDL
}

// Labels reads the labels that a case's operation has on, from its line "# labels: NAME NAME".
func Labels(operation string) []string {
	_, after, ok := strings.Cut(operation, "# labels: ")
	if !ok {
		return nil
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.Fields(line)
}

// Restricted is a case's operation as the caller may run it whose rights its line "# rights: signed-in
// scope:NAME policy:NAME" gives; all of it without such a line.
func Restricted(op *operation.Operation, text string) *operation.Operation {
	_, after, ok := strings.Cut(text, "# rights: ")
	if !ok || len(op.Access()) == 0 {
		return op
	}
	line, _, _ := strings.Cut(after, "\n")
	var rights supergraph.Rights
	for _, word := range strings.Fields(line) {
		kind, name, _ := strings.Cut(word, ":")
		switch kind {
		case "signed-in":
			rights.Authenticated = true
		case "scope":
			rights.Scopes = append(rights.Scopes, name)
		case "policy":
			rights.Policies = append(rights.Policies, name)
		}
	}
	return op.Restrict(op.Granted(rights), operation.Denial{})
}
