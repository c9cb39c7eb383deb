package planner_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/internal/testgraph"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
)

var update = flag.Bool("update", false, "rewrite the plans in testdata")

// TestPlans holds every plan to its golden file: pairs of "OP.graphql" and "OP.plan" over a
// "supergraph". A file without one has the plans only, of the schemas and operations in the file of
// that name in ../execute/testdata, where they are run.
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
	cases, shared := archive, false
	if len(archive.Files) == 0 || filepath.Ext(archive.Files[0].Name) == ".plan" {
		shared = true
		if cases, err = txtar.ParseFile(filepath.Join("../execute", file)); err != nil {
			t.Fatal(err)
		}
	}
	sg, err := supergraph.Parse(testgraph.Supergraph(t, cases))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	var out []txtar.File
	for _, f := range cases.Files {
		if filepath.Ext(f.Name) == ".plan" {
			continue
		}
		if !shared {
			out = append(out, f)
		}
		if filepath.Ext(f.Name) != ".graphql" {
			continue
		}
		name := strings.TrimSuffix(f.Name, ".graphql")
		got := planText(t, sg, string(f.Data))
		for range 3 {
			if again := planText(t, sg, string(f.Data)); again != got {
				t.Errorf("%s: two plans of one operation differ:\n%s\n%s", name, got, again)
			}
		}
		if text, ok := want[name+".plan"]; ok && text != got && !*update {
			t.Errorf("%s: plan is\n%s\nwant\n%s", name, got, text)
		}
		out = append(out, txtar.File{Name: name + ".plan", Data: []byte(got)})
	}
	next := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: out})
	changed := !bytes.Equal(next, txtar.Format(archive))
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
	if op, errs = testgraph.Restricted(op, query).Deferred(nil); errs != nil {
		t.Fatalf("defer %s: %v", query, errs)
	}
	p, err := planner.Plan(sg.With(testgraph.Labels(query)), op)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	if strings.HasPrefix(query, "# why") {
		return p.Explain()
	}
	return p.String()
}
