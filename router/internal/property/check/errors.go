package check

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxCompared is the number of errors up to which they are compared; a router may stop telling.
const maxCompared = 40

// problem is an error of the whole's response.
type problem struct {
	Message string
	Path    []any
}

// gone begins the message of a field that is lost because a subgraph fails for its whole object.
const gone = "no "

// compareErrors holds a router's errors to those of a server that resolves every field, whatever its
// siblings became. Of several errors that make the same place null one is enough (GraphQL specification
// 6.4.4), and more within it do no harm; an object that a subgraph fails for as a whole may be told at the object.
func compareErrors(data []byte, want []problem, got gqlerror.List) string {
	if len(want) > maxCompared {
		return ""
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return err.Error()
	}
	var have []string
	for _, e := range got {
		have = append(have, steps(e.Path))
	}
	exact, whole := map[string]bool{}, []string{}
	for _, p := range want {
		path := text(p.Path)
		exact[path] = true
		if strings.HasPrefix(p.Message, gone) {
			whole = append(whole, path)
		}
	}
	under := func(path, of string) bool { return strings.HasPrefix(path, of) }
	var places []string // what errors made null
	for _, p := range want {
		places = append(places, text(landing(tree, p.Path)))
	}
	seen := map[string]bool{}
	for i, path := range have {
		entity := slices.ContainsFunc(whole, func(w string) bool { return under(w, path) })
		lost := slices.ContainsFunc(places, func(place string) bool { return under(path, place) && path != place })
		if !exact[path] && !entity && !lost {
			return fmt.Sprintf("an error at %q, where there is none", path)
		}
		if told := fmt.Sprint(path, got[i].Extensions["service"]); !entity { // subgraphs that share a field may each fail
			if seen[told] {
				return fmt.Sprintf("two errors at %q", path)
			}
			seen[told] = true
		}
	}
	for i, p := range want {
		place, lost := places[i], strings.HasPrefix(p.Message, gone)
		if !slices.ContainsFunc(have, func(path string) bool { return under(path, place) || lost && under(place, path) }) {
			return fmt.Sprintf("no error tells why %q is null", place)
		}
	}
	return ""
}

// landing is the place that an error at a path made null.
func landing(tree any, path []any) []any {
	for i, step := range path {
		switch v := tree.(type) {
		case map[string]any:
			tree = v[fmt.Sprint(step)]
		case []any:
			n, _ := step.(float64)
			if int(n) >= len(v) {
				return path[:i]
			}
			tree = v[int(n)]
		default:
			return path[:i]
		}
	}
	return path
}

// text writes a path so that a path beneath it begins with it.
func text(path []any) string {
	var b strings.Builder
	for _, step := range path {
		fmt.Fprintf(&b, "%v/", step)
	}
	return b.String()
}

func steps(path ast.Path) string {
	var b strings.Builder
	for _, step := range path {
		fmt.Fprintf(&b, "%v/", step)
	}
	return b.String()
}
