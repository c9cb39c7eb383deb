package planner_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

var update = flag.Bool("update", false, "rewrite the plans in testdata")

// TestPlans holds every plan to its golden file. A file has a "supergraph" section (or names another
// file's with "supergraph: FILE" in its first line), then pairs of "NAME.graphql" and "NAME.plan".
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			planFile(t, file)
		})
	}
}

func planFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var sg *supergraph.Supergraph
	var out []txtar.File
	changed := false
	for _, f := range archive.Files {
		if f.Name == "supergraph" {
			if sg, err = supergraph.Parse(string(f.Data)); err != nil {
				t.Fatal(err)
			}
		}
		if filepath.Ext(f.Name) == ".plan" {
			continue
		}
		out = append(out, f)
		if filepath.Ext(f.Name) != ".graphql" {
			continue
		}
		name := f.Name[:len(f.Name)-len(".graphql")]
		got := planText(t, sg, string(f.Data))
		for range 3 {
			if again := planText(t, sg, string(f.Data)); again != got {
				t.Errorf("%s: two plans of one operation differ:\n%s\n%s", name, got, again)
			}
		}
		for _, want := range archive.Files {
			if want.Name == name+".plan" && string(want.Data) != got && !*update {
				t.Errorf("%s: plan is\n%s\nwant\n%s", name, got, want.Data)
			}
		}
		out = append(out, txtar.File{Name: name + ".plan", Data: []byte(got)})
	}
	next := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: out})
	changed = !bytes.Equal(next, txtar.Format(archive))
	if *update && changed {
		if err := os.WriteFile(file, next, 0o644); err != nil {
			t.Fatal(err)
		}
	} else if changed && !t.Failed() {
		t.Errorf("%s lacks a plan; run with -update and read what it wrote", file)
	}
}

func planText(t *testing.T, sg *supergraph.Supergraph, query string) string {
	op, errs := operation.Prepare(sg, query, "", operation.DefaultLimits())
	if errs != nil {
		t.Fatalf("prepare %s: %v", query, errs)
	}
	p, err := planner.Plan(sg, op)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	return p.String()
}
