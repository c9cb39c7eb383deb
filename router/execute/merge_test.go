package execute_test

import (
	"bytes"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/tools/txtar"

	"storefront/router/execute"
	"storefront/router/internal/testgraph"
)

// TestDeferredIsTheSame: whatever is deferred, and in whatever order subgraphs answer, a client that
// merges the payloads has in the end what it gets at once without @defer; where a fragment fails, it has
// nothing else.
func TestDeferredIsTheSame(t *testing.T) {
	var files []string // where every object has its row, and is told the same wherever it stands
	for _, name := range []string{"abstract", "interface_objects", "keys", "override_labels", "requires"} {
		files = append(files, filepath.Join("testdata", name+".txtar"))
	}
	more, err := filepath.Glob("testdata/defer/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	total := make(chan int, len(files)+len(more))
	t.Run("files", func(t *testing.T) {
		for _, file := range append(files, more...) {
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				total <- deferredFile(t, file)
			})
		}
	})
	close(total)
	deferred := 0
	for n := range total {
		deferred += n
	}
	if deferred < 200 && !t.Failed() {
		t.Errorf("only %d operations had something deferred", deferred)
	}
}

func deferredFile(t *testing.T, file string) (deferred int) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, archive)
	var queries []string
	for _, f := range archive.Files {
		if filepath.Ext(f.Name) == ".graphql" && !strings.HasPrefix(string(f.Data), "mutation") { // which answer with objects that are nowhere else
			queries = append(queries, string(f.Data))
		}
	}
	queries = append(queries, testgraph.Everything(h.sg.API(), h.sg.API().Query, ast.Query, 3)...)
	for _, query := range queries {
		whole := h.run(t, query)
		if whole.Data == nil || bytes.Contains(whole.Data, []byte("map[")) { // all that an entity was given
			continue
		}
		var want any
		if err := testgraph.Decode(bytes.ToLower(whole.Data), &want); err != nil {
			t.Fatal(err)
		}
		seed := fnv.New64a()
		seed.Write([]byte(query))
		random := rand.New(rand.NewPCG(seed.Sum64(), 1))
		for range 4 {
			text, err := testgraph.Deferring(query, random)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			if _, rights, ok := strings.Cut(query, "# rights: "); ok { // which formatting has dropped
				text += "\n# rights: " + rights
			}
			c, payloads := h.merged(t, text, random)
			switch {
			case !c.Over && !t.Failed():
				t.Errorf("%s\nthere is no last payload:\n%s", text, payloads)
			case !c.Failed && !reflect.DeepEqual(c.Data, want), c.Failed && !testgraph.Within(c.Data, want):
				t.Errorf("%s\ngives %s\nwant %s", text, payloads, whole.Data)
			case (c.Errors > 0) != (len(whole.Errors) > 0):
				t.Errorf("%s\ngives %d errors, want %d\n%s", text, c.Errors, len(whole.Errors), payloads)
			}
			if c.Pending > 0 {
				deferred++
			}
			if t.Failed() {
				return deferred
			}
		}
	}
	return deferred
}

// merged runs a deferring operation with answers in a random order.
func (h *house) merged(t *testing.T, query string, random *rand.Rand) (c *testgraph.Merging, payloads []byte) {
	t.Helper()
	c = &testgraph.Merging{}
	synctest.Test(t, func(t *testing.T) {
		g := &gate{subgraphs: h.subgraphs}
		e := execute.New(h.sg, g, execute.Options{Errors: execute.AllErrors()})
		p, vars := h.deferring(t, e, query)
		go func() {
			for p := range e.Stream(t.Context(), p, vars, nil) {
				payloads = append(append(payloads, p.JSON()...), '\n')
				// Some subgraphs answer in small letters with what they provide of others.
				if err := c.Take(bytes.ToLower(p.JSON())); err != nil {
					t.Errorf("%s\n%v:\n%s", query, err, payloads)
				}
			}
		}()
		g.letGo(random.IntN)
	})
	return c, payloads
}
