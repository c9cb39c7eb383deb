package testgraph

import "strings"

// fromContext reads what "$NAME SELECTION" leads to from the nearest object above, the one being executed
// left out, whose type sets the context, itself or by an interface of its.
func (x *executing) fromContext(text string) any {
	name, selection, _ := strings.Cut(strings.TrimPrefix(text, "$"), " ")
	if inner, ok := strings.CutPrefix(selection, "{"); ok {
		selection = strings.TrimSuffix(inner, "}")
	}
	for i := len(x.above) - 2; i >= 0; i-- {
		if at := x.above[i]; x.sets(at, name) {
			return leaf(x.take(at.row, x.s.selection(selection)))
		}
	}
	return nil
}

func (x *executing) sets(at standing, context string) bool {
	for _, name := range append([]string{at.def.Name}, at.def.Interfaces...) {
		for _, d := range x.s.schema.Types[name].Directives.ForNames("context") {
			if d.Arguments.ForName("name").Value.Raw == context {
				return true
			}
		}
	}
	return false
}

// leaf is what is at the end of a selection of one field on each level.
func leaf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			return leaf(inner)
		}
		return nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = leaf(v[i])
		}
		return out
	}
	return v
}
