package compose_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
	"storefront/router/supergraph"
)

// A case's comment begins with the contract; it expects the public schema, or errors.
func TestContract(t *testing.T) {
	paths, err := filepath.Glob("testdata/contract/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var contract compose.Contract
		for line := range strings.Lines(string(a.Comment)) {
			if tags, ok := strings.CutPrefix(line, "include: "); ok {
				contract.Include = strings.Fields(tags)
			}
			if tags, ok := strings.CutPrefix(line, "exclude: "); ok {
				contract.Exclude = strings.Fields(tags)
			}
		}
		last := &a.Files[len(a.Files)-1]
		subs := subgraphsOf(&txtar.Archive{Files: a.Files[:len(a.Files)-1]})
		got := txtar.File{Name: "errors.txt"}
		res, errs := compose.ComposeContract(subs, contract)
		if errs != nil {
			got.Data = []byte(errs.Error() + "\n")
		} else {
			sg, err := supergraph.Parse(res.SupergraphSDL)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			got = txtar.File{Name: "api.graphqls", Data: []byte(sg.APISDL())}
		}
		if *update {
			*last = got
			if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got.Name != last.Name || string(got.Data) != string(last.Data) {
			t.Errorf("%s:\n--- got %s\n%s--- want %s\n%s", path, got.Name, got.Data, last.Name, last.Data)
		}
	}
}
