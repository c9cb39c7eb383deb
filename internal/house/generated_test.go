package house

import (
	"fmt"
	"os"
	"os/exec"
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

// Whether generating gives what is checked in is .ci/run's to say: it takes longer than a test should.
func TestEveryServiceGeneratesItsCode(t *testing.T) {
	t.Parallel()
	for _, name := range services {
		directive := "//go:generate go run storefront/internal/codegen " + name + "\n"
		if file := "subgraphs/" + name + "/generate.go"; !strings.Contains(read(t, file), directive) {
			t.Errorf("%s lacks %s", file, directive)
		}
	}
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
