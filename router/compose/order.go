package compose

import (
	"sort"
	"strings"
)

// sortedKeys are a map's keys in byte order: maps are never ranged over for anything seen outside.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// foldedLess is the order of types and directives in the output: without regard to case, then by bytes.
func foldedLess(a, b string) bool {
	fa, fb := strings.ToLower(a), strings.ToLower(b)
	if fa != fb {
		return fa < fb
	}
	return a < b
}

// quoted lists names as `"a", "b" and "c"`.
func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = `"` + n + `"`
	}
	switch len(q) {
	case 0:
		return ""
	case 1:
		return q[0]
	}
	return strings.Join(q[:len(q)-1], ", ") + " and " + q[len(q)-1]
}

// subgraphList is `subgraph "a"` or `subgraphs "a" and "b"`.
func subgraphList(names []string) string {
	if len(names) == 1 {
		return "subgraph " + quoted(names)
	}
	return "subgraphs " + quoted(names)
}
