package execute

import (
	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/plan"
)

// CodeUnauthorized is the code of errors about what the caller may not see, as of Apollo Router, where the
// plan has no Denial.
const CodeUnauthorized = "UNAUTHORIZED_FIELD_OR_TYPE"

// Unauthorized is their message.
const Unauthorized = "Unauthorized field or type"

// CodeWrongAnswer is the code of errors about a value that is not what the schema promises: of another
// type, or null where none may be. The subgraph that sent it is in extensions.service.
const CodeWrongAnswer = "SUBGRAPH_RESPONSE_INVALID"

// source is the subgraph that what stands at a path of the response was read from; "" where several read
// it, or none.
func (r *run) source(path ast.Path) (subgraph string) {
	var keys []string
	for _, step := range path {
		if name, ok := step.(ast.PathName); ok {
			keys = append(keys, string(name))
		}
	}
	for _, prog := range []*program{r.p.main, r.p.initial, r.p.event} {
		if prog == nil {
			continue
		}
		for _, f := range prog.fetches {
			if f.Subgraph == subgraph || !f.reads(keys) {
				continue
			}
			if subgraph != "" {
				return ""
			}
			subgraph = f.Subgraph
		}
	}
	return subgraph
}

// reads reports whether a fetch reads the field at the end of a path of keys.
func (f *fetch) reads(keys []string) bool {
	for _, place := range f.places {
		n := len(place.path)
		if len(keys) <= n {
			continue
		}
		here := true
		for i, step := range place.path {
			here = here && step.key == keys[i]
		}
		if here && selects(place.Selection, keys[n:]) {
			return true
		}
	}
	return false
}

func selects(sel *plan.Selection, keys []string) bool {
	if len(keys) == 0 {
		return true
	}
	if sel == nil {
		return false
	}
	for i := range sel.Fields { // several where a field stands in fragments on several types
		if f := &sel.Fields[i]; f.Key == keys[0] && selects(f.Sub, keys[1:]) {
			return true
		}
	}
	return false
}
