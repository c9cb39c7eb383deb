package execute_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/tools/txtar"

	"storefront/router/internal/testgraph"
)

// TestEverythingIsValid selects all that each case's schema offers, and asserts that every subgraph
// finds every operation it gets valid by its own schema.
func TestEverythingIsValid(t *testing.T) {
	for _, name := range []string{"shop", "keys", "requires", "abstract", "faults", "interface_objects", "ways", "federation1", "provides", "selections", "override_labels", "contexts"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			h := openHouse(t, archive)
			ops := testgraph.Everything(h.sg.API(), h.sg.API().Query, ast.Query, 4)
			if m := h.sg.API().Mutation; m != nil {
				ops = append(ops, testgraph.Everything(h.sg.API(), m, ast.Mutation, 3)...)
			}
			for _, op := range ops {
				for _, err := range h.run(t, op).Errors {
					if strings.HasPrefix(err.Message, "validate:") || strings.HasPrefix(err.Message, "parse:") {
						t.Errorf("%s\n%s", op, err.Message)
					}
				}
			}
		})
	}
}
