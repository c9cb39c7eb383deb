package testgraph

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
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
