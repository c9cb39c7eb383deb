package check_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/tools/txtar"

	"storefront/router/compose/check"
)

var update = flag.Bool("update", false, "rewrite changes.txt of testdata/*.txtar")

func TestCompare(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		before, after := load(t, a.Files[0]), load(t, a.Files[1])
		var got strings.Builder
		for _, c := range check.Compare(before, after) {
			got.WriteString(c.String() + "\n")
		}
		if *update {
			a.Files[2].Data = []byte(got.String())
			if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := string(a.Files[2].Data); got.String() != want {
			t.Errorf("%s:\n--- got\n%s--- want\n%s", path, got.String(), want)
		}
		for _, s := range []*ast.Schema{before, after} {
			if same := check.Compare(s, s); len(same) > 0 {
				t.Errorf("%s: a schema differs from itself: %v", path, same)
			}
		}
	}
}

func load(t *testing.T, f txtar.File) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Name: f.Name, Input: string(f.Data)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
