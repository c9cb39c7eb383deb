package compose_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"storefront/router/compose"
)

var update = flag.Bool("update", false, "rewrite the expected part of testdata/*.txtar")

const expectedGood, expectedBad, expectedHints = "supergraph.graphqls", "errors.txt", "hints.txt"

// subgraphsOf reads a case: every .graphqls file but the expected one is a subgraph.
func subgraphsOf(a *txtar.Archive) []compose.Subgraph {
	var out []compose.Subgraph
	for _, f := range a.Files {
		name, ok := strings.CutSuffix(f.Name, ".graphqls")
		if !ok || f.Name == expectedGood {
			continue
		}
		out = append(out, compose.Subgraph{Name: name, URL: "http://" + name, SDL: string(f.Data), File: f.Name})
	}
	return out
}

// outcome is what a case shows: one expected file, and hints when there are any.
func outcome(subs []compose.Subgraph) []txtar.File {
	res, errs := compose.Compose(subs)
	if errs != nil {
		return []txtar.File{{Name: expectedBad, Data: []byte(errs.Error() + "\n")}}
	}
	files := []txtar.File{{Name: expectedGood, Data: []byte(brief(res.SupergraphSDL))}}
	if len(res.Hints) > 0 {
		var lines []string
		for _, h := range res.Hints {
			lines = append(lines, h.String())
		}
		files = append(files, txtar.File{Name: expectedHints, Data: []byte(strings.Join(lines, "\n") + "\n")})
	}
	return files
}

// brief leaves out the definitions of the join and link specifications, which are the same in every
// supergraph; TestSupergraphIsWhole holds them.
func brief(sdl string) string {
	var kept []string
	for _, block := range strings.Split(strings.TrimSpace(sdl), "\n\n") {
		first, _, _ := strings.Cut(block, "\n")
		if strings.HasPrefix(first, "directive @join__") || strings.HasPrefix(first, "directive @link(") ||
			strings.HasPrefix(first, "scalar join__") || strings.HasPrefix(first, "input join__") || strings.HasPrefix(first, "enum join__") ||
			strings.HasPrefix(first, "scalar link__") || strings.HasPrefix(first, "enum link__") || strings.HasPrefix(first, `  """`) {
			continue
		}
		kept = append(kept, block)
	}
	return strings.Join(kept, "\n\n") + "\n"
}

func TestCompose(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := outcome(subgraphsOf(a))
			if *update {
				rewrite(t, path, a, got)
				return
			}
			want := map[string]string{}
			for _, f := range a.Files {
				if f.Name == expectedGood || f.Name == expectedBad || f.Name == expectedHints {
					want[f.Name] = string(f.Data)
				}
			}
			if len(want) == 0 {
				t.Fatal("the case expects nothing; run with -update and look at what it wrote")
			}
			for _, f := range got {
				if want[f.Name] != string(f.Data) {
					t.Errorf("%s:\n--- got\n%s\n--- want\n%s", f.Name, f.Data, want[f.Name])
				}
				delete(want, f.Name)
			}
			for name := range want {
				t.Errorf("expected %s, got none", name)
			}
		})
	}
}

func rewrite(t *testing.T, path string, a *txtar.Archive, got []txtar.File) {
	var kept, recorded []txtar.File
	for _, f := range a.Files {
		switch f.Name {
		case expectedGood, expectedBad, expectedHints:
		case "apollo.txt": // what Apollo's composition says of it; the oracle writes it
			recorded = append(recorded, f)
		default:
			kept = append(kept, f)
		}
	}
	a.Files = append(append(kept, got...), recorded...)
	if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The order in which subgraphs are given changes nothing: not a byte of the supergraph, no error,
// no hint.
func TestOrderOfSubgraphsIsOfNoMatter(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		subs := subgraphsOf(a)
		want := string(txtar.Format(&txtar.Archive{Files: outcome(subs)}))
		for range 5 {
			rnd.Shuffle(len(subs), func(i, j int) { subs[i], subs[j] = subs[j], subs[i] })
			if got := string(txtar.Format(&txtar.Archive{Files: outcome(subs)})); got != want {
				t.Fatalf("%s: another order gives another outcome:\n%s\n---\n%s", path, got, want)
			}
		}
	}
}

// The whole SDL of a small supergraph, definitions of the specifications included.
func TestSupergraphIsWhole(t *testing.T) {
	res, errs := compose.Compose([]compose.Subgraph{
		{Name: "a-1", URL: "http://a", SDL: `type Query { a: Int }`},
		{Name: "b", URL: "http://b", SDL: `type Query { b: Int }`},
	})
	if errs != nil {
		t.Fatal(errs)
	}
	const path = "testdata/whole.graphqls"
	if *update {
		if err := os.WriteFile(path, []byte(res.SupergraphSDL), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if res.SupergraphSDL != string(want) {
		t.Errorf("got:\n%s", res.SupergraphSDL)
	}
}

// No SDL makes composition panic, whatever it says, alone or beside another.
func FuzzCompose(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		subs := subgraphsOf(a)
		for i, s := range subs {
			f.Add(s.SDL, subs[(i+1)%len(subs)].SDL)
		}
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		res, errs := compose.Compose([]compose.Subgraph{{Name: "one", SDL: one}, {Name: "other", SDL: other}})
		if (res == nil) == (errs == nil) {
			t.Fatal("neither or both of result and errors")
		}
	})
}
