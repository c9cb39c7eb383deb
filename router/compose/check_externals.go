package compose

import (
	"github.com/vektah/gqlparser/v2/ast"
)

// checkExternals: what a subgraph declares @external must fit the field as it is: it may promise more in
// its type where those who resolve the field promise differently, and must know its arguments.
func checkExternals(c *composer) {
	for _, name := range c.merged.order {
		for _, m := range c.merged.types[name].fields {
			for _, f := range m.sources {
				if f.external != nil {
					c.checkExternal(m, f)
				}
			}
		}
	}
}

func (c *composer) checkExternal(m *mfield, f *field) {
	s := f.parent.sub
	c.checkMergedOnExternal(m, f)
	if f.def.Type.String() != m.typ.String() && (m.sameType || !c.merged.isSubtypeRef(f.def.Type, m.typ)) {
		c.report.errorf(codeExternalTypeMismatch, f.at(), "Type of field %q is incompatible across subgraphs (where marked @external): it has type %q in the supergraph but type %q in subgraph %q", m.coordinate(), m.typ.String(), f.def.Type.String(), s.name)
	}
	for _, a := range m.args {
		own := f.def.Arguments.ForName(a.name)
		if own == nil {
			c.report.errorf(codeExternalArgumentMissing, f.at(), "Field %q is missing argument %q in some subgraphs where it is marked @external: argument %q is declared in the supergraph but not in subgraph %q", m.coordinate(), a.coordinate(), a.coordinate(), s.name)
			continue
		}
		if !c.merged.isSubtypeRef(a.typ, own.Type) {
			c.report.errorf(codeExternalArgumentTypeMismatch, s.at(own.Position), "Type of argument %q is incompatible across subgraphs (where %q is marked @external): it has type %q in the supergraph but type %q in subgraph %q", a.coordinate(), m.coordinate(), a.typ.String(), own.Type.String(), s.name)
		}
		if printValue(ordered(own.DefaultValue)) != printValue(ordered(a.deflt)) {
			c.report.errorf(codeExternalArgumentDefault, s.at(own.Position), "Argument %q has incompatible defaults across subgraphs (where %q is marked @external): it has default value %s in the supergraph but %s in subgraph %q", a.coordinate(), m.coordinate(), printValue(a.deflt), printValue(own.DefaultValue), s.name)
		}
	}
}

// checkMergedOnExternal: what is merged stands where the field is resolved. A tag in Federation 1 that
// stands there too does no harm.
func (c *composer) checkMergedOnExternal(m *mfield, f *field) {
	s := f.parent.sub
	for _, d := range f.def.Directives {
		role := s.roles[d.Name]
		switch {
		case !c.isMerged(role, s, d.Name):
		case role == dirTag && !s.fed2 && m.taggedElsewhere(d):
		default:
			c.report.errorf(codeMergedDirectiveOnExternal, s.at(d.Position), "[%s] Cannot apply merged directive @%s to external field %q", s.name, d.Name, f.coordinate())
		}
	}
}

func (c *composer) isMerged(role string, s *subgraph, name string) bool {
	switch role {
	case dirTag, dirInaccessible, dirDeprecated, dirAuthenticated, dirRequiresScopes, dirPolicy, dirCost, dirListSize:
		return true
	}
	for _, cd := range c.merged.composed {
		if cd.name == name && s.composes(cd) {
			return true
		}
	}
	return false
}

func (m *mfield) taggedElsewhere(tag *ast.Directive) bool {
	for _, f := range m.active() {
		for _, d := range f.parent.sub.findAll(f.def.Directives, dirTag) {
			if argsText(d) == argsText(tag) {
				return true
			}
		}
	}
	return false
}
