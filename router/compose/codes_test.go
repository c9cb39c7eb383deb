package compose_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
)

// codesWithoutCase are published codes that composition cannot give, each with why.
func codesWithoutCase() map[string]string {
	return map[string]string{
		"DOWNSTREAM_SERVICE_ERROR":               "of the execution of operations",
		"INVALID_FEDERATION_SUPERGRAPH":          "of reading a supergraph",
		"UNSUPPORTED_FEATURE":                    "nothing gives it any more, in Apollo's composition neither",
		"MAX_VALIDATION_SUBGRAPH_PATHS_EXCEEDED": "of a limit on the paths of Apollo's walk; ours is bounded by types and sets of subgraphs",
	}
}

// Every code that Apollo publishes and every code of codes.go is in the errors of some case, but those
// that cannot be.
func TestEveryCodeHasACase(t *testing.T) {
	shown := codesShown(t)
	without := codesWithoutCase()
	published, err := os.ReadFile("testdata/published_codes.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range append(strings.Fields(string(published)), codesDeclared(t)...) {
		switch {
		case without[code] != "" && shown[code]:
			t.Errorf("%s has a case, and is listed as having none", code)
		case without[code] == "" && !shown[code]:
			t.Errorf("%s has no case in testdata", code)
		}
	}
}

// codesShown are the codes in the expected errors of all cases.
func codesShown(t *testing.T) map[string]bool {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	contracts, err := filepath.Glob("testdata/contract/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	paths = append(paths, contracts...)
	shown := map[string]bool{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, errs, _ := strings.Cut(string(data), "-- "+expectedBad+" --\n")
		for _, line := range strings.Split(errs, "\n") {
			if code, _, ok := strings.Cut(line, ": "); ok && code == strings.ToUpper(code) {
				shown[code] = true
			}
		}
	}
	return shown
}

// codesDeclared are the values of the constants of codes.go that name errors.
func codesDeclared(t *testing.T) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "code") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		codes[value] = true
		return true
	})
	if len(codes) < 50 {
		t.Fatalf("found %d codes in codes.go", len(codes))
	}
	return slices.Sorted(maps.Keys(codes))
}

// Every error says how to mend it.
func TestEveryErrorSaysHowToMendIt(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, errs := compose.Compose(subgraphsOf(a))
		for _, e := range errs {
			if e.Hint == "" {
				t.Errorf("%s: %s does not say how to mend it", path, e.Code)
			}
		}
	}
}
