package house

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"storefront/router/compose"
	"storefront/schema"
)

func TestSupergraphIsUpToDate(t *testing.T) {
	t.Parallel()
	var subgraphs []compose.Subgraph
	for i, name := range services {
		file := "schema/" + name + ".graphqls"
		subgraphs = append(subgraphs, compose.Subgraph{Name: name, File: file, SDL: read(t, file), URL: fmt.Sprintf("http://127.0.0.1:%d/graphql", 4001+i)})
	}
	result, mistakes := compose.Compose(subgraphs)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	if result.SupergraphSDL != schema.Supergraph {
		t.Error("schema/supergraph.graphqls is not what its subgraphs compose to; run: go run ./cmd/storefront compose")
	}
}

// The code is generated in a copy of the module, so that the test changes nothing.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range files(t) {
		if ext := path.Ext(name); ext == ".go" || ext == ".graphqls" || name == "go.mod" || name == "go.sum" || name == "gqlgen.yml" || embedded(name) {
			file := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(read(t, name)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	generator := filepath.Join(dir, "codegen")
	goCommand(t, dir, "build", "-o", generator, "./internal/codegen")
	for _, name := range services {
		directive := "//go:generate go run storefront/internal/codegen " + name + "\n"
		if file := "subgraphs/" + name + "/generate.go"; !strings.Contains(read(t, file), directive) {
			t.Errorf("%s lacks %s", file, directive)
		}
		cmd := exec.CommandContext(t.Context(), generator, name)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=readonly")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("generate %s: %v\n%s", name, err, out)
		}
		folder := "subgraphs/" + name + "/graph/gen"
		entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(folder)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			fresh, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(folder), e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(folder), e.Name())); err != nil || string(kept) != string(fresh) {
				t.Errorf("%s/%s is not up to date; run: go generate ./...", folder, e.Name())
			}
		}
	}
}

// embedded reports whether Go code embeds the file, so that it does not compile without.
func embedded(name string) bool {
	return strings.HasPrefix(name, "web/") || strings.HasPrefix(name, "subgraphs/") || strings.HasPrefix(name, "internal/embedded/")
}

func goCommand(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=readonly")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
