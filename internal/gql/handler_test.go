package gql

import (
	"context"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// However many large documents come, none of them is kept; small ones are.
func TestLargeDocumentsAreNotKept(t *testing.T) {
	cache, ctx := newQueryCache(), context.Background()
	for _, c := range []struct {
		name, query string
		kept        bool
	}{
		{"small", "{ name }", true},
		{"as large as may be", "{ name } #" + strings.Repeat("x", cachedDocument-10), true},
		{"too large", "{ name } #" + strings.Repeat("x", cachedDocument-9), false},
	} {
		cache.Add(ctx, c.query, &ast.QueryDocument{})
		if _, ok := cache.Get(ctx, c.query); ok != c.kept {
			t.Errorf("%s: kept is %v", c.name, ok)
		}
	}
}
