package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// hintValueTypes points at fields that only some of the subgraphs with a value type have: without a
// key, who is in one of the others cannot get them.
func hintValueTypes(c *composer) {
	for _, name := range c.merged.order {
		t := c.merged.types[name]
		if t.kind != ast.Object && t.kind != ast.Interface || t.kind == ast.Object && isRootName(name) || t.hasKey() {
			continue
		}
		for _, f := range t.fields {
			c.hintValueField(t, f)
		}
	}
}

func (t *mtype) hasKey() bool {
	for _, src := range t.sources {
		if len(src.keys) > 0 {
			return true
		}
	}
	return false
}

func (c *composer) hintValueField(t *mtype, f *mfield) {
	if t.kind == ast.Interface && c.fromInterfaceObject(f) {
		return
	}
	var in, notIn []string
	hinted := false
	for _, src := range t.sources {
		if src.byName[f.name] != nil {
			in = append(in, src.sub.name)
			continue
		}
		notIn = append(notIn, src.sub.name)
		hinted = hinted || !src.interfaceObject && !src.allExternal()
	}
	if !hinted {
		return
	}
	code, noun := hintInconsistentObjectField, "non-entity object"
	if t.kind == ast.Interface {
		code, noun = hintInconsistentInterfaceField, "interface"
	}
	c.report.hintf(code, t.locations(), "Field %q of %s type %q is defined in some but not all subgraphs that define %q: it is defined in %s but not in %s.", f.coordinate(), noun, t.name, t.name, subgraphList(in), subgraphList(notIn))
}

func (t *typ) allExternal() bool {
	for _, f := range t.fields {
		if f.external == nil {
			return false
		}
	}
	return true
}
