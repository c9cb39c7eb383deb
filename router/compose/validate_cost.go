package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// validateCost checks @cost and @listSize. https://ibm.github.io/graphql-specs/cost-spec.html
func validateCost(r *report, s *subgraph) {
	for _, name := range s.order {
		t := s.types[name]
		for _, f := range t.fields {
			if d := s.find(f.def.Directives, dirCost); d != nil && t.def.Kind == ast.Interface {
				r.errorf(codeCostOnInterfaceField, s.at(d.Position), "[%s] @cost cannot be applied to interface %q", s.name, f.coordinate())
			}
			if d := s.find(f.def.Directives, dirListSize); d != nil {
				s.validateListSize(r, f, d)
			}
		}
	}
}

func (s *subgraph) validateListSize(r *report, f *field, d *ast.Directive) {
	at := s.at(d.Position)
	for _, a := range d.Arguments {
		if def := s.directives[d.Name].Arguments.ForName(a.Name); def != nil && !s.fits(a.Value, def.Type) {
			r.errorf(codeInvalidGraphQL, at, "[%s] Invalid value for \"@%s(%s:)\" of type %q: %s.", s.name, d.Name, a.Name, def.Type.String(), printValue(a.Value))
			return
		}
	}
	sized := d.Arguments.ForName("sizedFields")
	hasSized := sized != nil && sized.Value.Kind != ast.NullValue && (sized.Value.Kind != ast.ListValue || len(sized.Value.Children) > 0)
	if f.def.Type.Elem == nil && !hasSized {
		r.errorf(codeListSizeAppliedToNonList, at, "[%s] %q is not a list", s.name, f.coordinate())
	}
	if a := d.Arguments.ForName("assumedSize"); a != nil && strings.HasPrefix(a.Value.Raw, "-") {
		r.errorf(codeListSizeInvalidAssumedSize, at, "[%s] Assumed size of %q cannot be negative", s.name, f.coordinate())
	}
	if a := d.Arguments.ForName("slicingArguments"); a != nil {
		for _, name := range stringsOf(a.Value) {
			s.validateSlicing(r, f, name, at)
		}
	}
	if !hasSized {
		return
	}
	on := s.types[f.def.Type.Name()]
	if on == nil || on.def.Kind != ast.Object && on.def.Kind != ast.Interface {
		r.errorf(codeListSizeInvalidSized, at, "[%s] Sized fields cannot be used because %q is not a composite type", s.name, f.def.Type.String())
		return
	}
	for _, name := range stringsOf(sized.Value) {
		g := on.byName[name]
		switch {
		case g == nil:
			r.errorf(codeListSizeInvalidSized, at, "[%s] Sized field %q is not a field on type %q", s.name, name, on.name())
		case g.def.Type.Elem == nil:
			r.errorf(codeListSizeAppliedToNonList, at, "[%s] Sized field %q is not a list", s.name, g.coordinate())
		}
	}
}

func (s *subgraph) validateSlicing(r *report, f *field, path string, at []Location) {
	first, rest, _ := strings.Cut(path, ".")
	var t *ast.Type
	if a := f.def.Arguments.ForName(first); a != nil {
		t = a.Type
	}
	for t != nil && rest != "" {
		first, rest, _ = strings.Cut(rest, ".")
		in := s.types[t.Name()]
		t = nil
		if in != nil && in.def.Kind == ast.InputObject && in.byName[first] != nil {
			t = in.byName[first].def.Type
		}
	}
	switch {
	case t == nil:
		r.errorf(codeListSizeInvalidSlicing, at, "[%s] Slicing argument %q is not an argument of %q", s.name, path, f.coordinate())
	case t.Elem != nil || t.NamedType != "Int":
		r.errorf(codeListSizeInvalidSlicing, at, "[%s] Slicing argument \"%s(%s:)\" must be Int or Int!", s.name, f.coordinate(), path)
	}
}

// stringsOf are the strings of a list value, or the one string; nil for anything else.
func stringsOf(v *ast.Value) []string {
	if isString(v) {
		return []string{v.Raw}
	}
	var out []string
	for _, c := range v.Children {
		if isString(c.Value) {
			out = append(out, c.Value.Raw)
		}
	}
	return out
}
