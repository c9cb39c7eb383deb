package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// checkRuntimeTypes: subgraphs that resolve one field, where an operation can come to it, should mean
// the same objects; with no type in common they cannot. One subgraph that leaves the type open beside
// others that do not is only less precise.
func (r *reach) checkRuntimeTypes(f *mfield, results []held) {
	target := r.c.merged.types[f.typ.Name()]
	if len(results) < 2 || target == nil || target.kind != ast.Interface && target.kind != ast.Union || r.typed[f] {
		return
	}
	r.typed[f] = true
	common := map[string]bool{}
	for _, n := range r.possible(target.name) {
		common[n] = true
	}
	abstract, differ, some := 0, false, false
	var first []*typ
	for i, h := range results {
		if h.typ == nil || h.typ.interfaceObject {
			return
		}
		if h.typ.def.Kind != ast.Object {
			abstract++
		}
		here := h.sub.possible(h.typ)
		if i == 0 {
			first = here
		}
		differ, some = differ || !sameNames(first, here), some || len(here) > 0
		for n := range common {
			common[n] = common[n] && r.canBe(h.typ, n)
		}
	}
	shared := false
	for _, ok := range common {
		shared = shared || ok
	}
	switch {
	case abstract < 2 || !some:
	case !shared:
		r.c.report.errorf(codeShareableRuntimeTypes, f.locations(), "For the following shared field %q: its possible runtime types have nothing in common between the subgraphs that resolve it", f.coordinate())
	case differ:
		r.c.report.hintf(hintRuntimeTypesInShareable, f.locations(), "For the field %q: the possible runtime types differ between the subgraphs that resolve it; it should resolve the same way in all of them.", f.coordinate())
	}
}

func sameNames(a, b []*typ) bool {
	names := map[string]bool{}
	for _, t := range a {
		names[t.name()] = true
	}
	for _, t := range b {
		if !names[t.name()] {
			return false
		}
	}
	return len(a) == len(b)
}
