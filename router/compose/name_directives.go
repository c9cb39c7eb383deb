package compose

import (
	"strings"
)

// nameMerged settles what each merged federation directive is called in the supergraph: as in the
// subgraphs that apply it, which must agree, because the supergraph can show only one name.
func nameMerged(c *composer) {
	for _, l := range linked() {
		for _, canonical := range l.directives {
			c.nameDirective(canonical)
		}
	}
}

func (c *composer) nameDirective(canonical string) {
	first := map[string]*subgraph{}
	var order []string
	for _, s := range c.subs {
		for _, local := range sortedKeys(s.applied) {
			if s.roles[local] == canonical && first[local] == nil {
				first[local] = s
				order = append(order, local)
			}
		}
	}
	if len(order) > 0 {
		c.merged.names[canonical] = order[0]
	}
	if len(order) < 2 {
		return
	}
	var at []Location
	var parts []string
	for _, local := range order {
		s := first[local]
		at = append(at, s.at(nil)...)
		parts = append(parts, "\"@"+local+"\" in subgraph \""+s.name+"\"")
	}
	c.report.errorf(codeLinkImportNameMismatch, at, "The \"@%s\" directive is imported with mismatched name between subgraphs: it is imported as %s", canonical, strings.Join(parts, " but "))
}

// nameOf is what a directive of a specification is called in the supergraph.
func (m *schema) nameOf(canonical string) string {
	if name := m.names[canonical]; name != "" {
		return name
	}
	return canonical
}
