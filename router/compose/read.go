package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// readFederation turns directives into what they say of types and fields, and marks which fields
// field sets use. Field sets that cannot be read are reported here, with the code of their directive.
func readFederation(r *report, s *subgraph) {
	for _, name := range s.order {
		t := s.types[name]
		t.extension = t.extension || s.find(t.def.Directives, dirExtends) != nil
		t.interfaceObject = s.find(t.def.Directives, dirInterfaceObject) != nil
		s.readKeys(r, t)
		for _, f := range t.fields {
			s.readField(r, f)
		}
	}
	s.markUses()
}

func (s *subgraph) readKeys(r *report, t *typ) {
	for _, decl := range t.decls {
		for _, d := range s.findAll(decl.Directives, dirKey) {
			k := &key{resolvable: true, extension: t.isExtension(decl)}
			if a := d.Arguments.ForName("resolvable"); a != nil && a.Value.Kind == ast.BooleanValue {
				k.resolvable = a.Value.Raw == "true"
			}
			if fs := s.readFieldSet(r, d, "type \""+t.name()+"\""); fs != nil {
				k.fieldSet = *fs
				t.keys = append(t.keys, k)
			}
		}
	}
}

func (s *subgraph) readField(r *report, f *field) {
	f.external = s.find(f.def.Directives, dirExternal)
	if f.external == nil && f.parent.def.Kind == ast.Object {
		f.external = s.find(f.decl.Directives, dirExternal)
	}
	f.shareable = s.find(f.def.Directives, dirShareable) != nil ||
		f.parent.def.Kind == ast.Object && s.find(f.decl.Directives, dirShareable) != nil
	what := "field \"" + f.coordinate() + "\""
	if d := s.find(f.def.Directives, dirRequires); d != nil {
		f.requires = s.readFieldSet(r, d, what)
	}
	if d := s.find(f.def.Directives, dirProvides); d != nil {
		f.provides = s.readFieldSet(r, d, what)
	}
	if d := s.find(f.def.Directives, dirOverride); d != nil {
		f.override = &override{from: stringArg(d, "from"), label: stringArg(d, "label"), dir: d}
	}
}

// readFieldSet parses the fields argument. Federation 1 also took lists of strings and bare names.
func (s *subgraph) readFieldSet(r *report, d *ast.Directive, what string) *fieldSet {
	arg := d.Arguments.ForName("fields")
	if arg == nil {
		return nil // reported as a missing argument
	}
	raw := arg.Value.Raw
	if !isString(arg.Value) {
		var ok bool
		if raw, ok = federation1FieldSet(arg.Value); !ok || s.fed2 {
			r.errorf(fieldSetCode(s.roles[d.Name], "INVALID_FIELDS_TYPE"), s.at(d.Position), "[%s] On %s, for @%s(fields: %s): invalid value for argument \"fields\": must be a string.", s.name, what, d.Name, printValue(arg.Value))
			return nil
		}
	}
	sels, problem := parseSelections(raw)
	if problem != "" {
		r.errorf(fieldSetCode(s.roles[d.Name], "INVALID_FIELDS"), s.at(d.Position), "[%s] On %s, for @%s(fields: %s): %s", s.name, what, d.Name, printValue(arg.Value), problem)
		return nil
	}
	return &fieldSet{raw: raw, sels: sels, dir: d}
}

func fieldSetCode(role, rest string) string { return strings.ToUpper(role) + "_" + rest }

func federation1FieldSet(v *ast.Value) (string, bool) {
	switch v.Kind {
	case ast.EnumValue:
		return v.Raw, true
	case ast.ListValue:
		var parts []string
		for _, c := range v.Children {
			if !isString(c.Value) && c.Value.Kind != ast.EnumValue {
				return "", false
			}
			parts = append(parts, c.Value.Raw)
		}
		return strings.Join(parts, " "), true
	}
	return "", false
}

// parseSelections parses a field set: a selection set whose outer braces may be left out.
func parseSelections(raw string) (ast.SelectionSet, string) {
	text := strings.TrimSpace(raw)
	if !strings.HasPrefix(text, "{") {
		text = "{" + text + "\n}"
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, 10000)
	if err != nil {
		return nil, "it is not a selection of fields: " + strings.TrimPrefix(err.Error(), "input:")
	}
	if len(doc.Operations) != 1 || len(doc.Fragments) != 0 || len(doc.Operations[0].SelectionSet) == 0 ||
		doc.Operations[0].Operation != ast.Query || doc.Operations[0].Name != "" {
		return nil, "it is not a selection of fields"
	}
	return doc.Operations[0].SelectionSet, ""
}

// markUses marks every field that a key, a requires or a provides names, and those that interfaces
// ask for. A key makes its fields shareable; an extension's key fields are not really external: it
// must be able to give its own key.
func (s *subgraph) markUses() {
	for _, name := range s.order {
		t := s.types[name]
		for _, k := range t.keys {
			s.walk(t, k.sels, func(f *field) {
				f.used, f.shareable = true, true
				if f.parent.extension {
					f.external = nil
				}
			})
		}
		for _, f := range t.fields {
			if f.requires != nil {
				s.walk(t, f.requires.sels, func(g *field) { g.used = true })
			}
			if f.provides != nil {
				s.walk(s.types[f.def.Type.Name()], f.provides.sels, func(g *field) { g.used, g.providedTo = true, true })
			}
		}
		for _, i := range t.def.Interfaces {
			if iface := s.types[i]; iface != nil {
				for _, f := range iface.fields {
					if own := t.byName[f.def.Name]; own != nil {
						own.used = true
					}
				}
			}
		}
	}
}

// walk visits every field a selection names on t, those of implementing types included when the
// selection is on an interface. What does not exist is passed over.
func (s *subgraph) walk(t *typ, sels ast.SelectionSet, visit func(*field)) {
	if t == nil {
		return
	}
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			on := t
			if sel.TypeCondition != "" {
				on = s.types[sel.TypeCondition]
			}
			s.walk(on, sel.SelectionSet, visit)
		case *ast.Field:
			f := t.byName[sel.Name]
			if f == nil {
				continue
			}
			visit(f)
			for _, impl := range s.implementers(t) {
				if g := impl.byName[sel.Name]; g != nil {
					visit(g)
				}
			}
			s.walk(s.types[f.def.Type.Name()], sel.SelectionSet, visit)
		}
	}
}

// implementers are the object types that implement an interface, in the order they are declared.
func (s *subgraph) implementers(t *typ) []*typ {
	if t.def.Kind != ast.Interface {
		return nil
	}
	var out []*typ
	for _, name := range s.order {
		if o := s.types[name]; o.def.Kind == ast.Object && has(o.def.Interfaces, t.name()) {
			out = append(out, o)
		}
	}
	return out
}

// possible are the object types a type can be at run time in this subgraph.
func (s *subgraph) possible(t *typ) []*typ {
	switch t.def.Kind {
	case ast.Object:
		return []*typ{t}
	case ast.Union:
		var out []*typ
		for _, m := range t.def.Types {
			if o := s.types[m]; o != nil {
				out = append(out, o)
			}
		}
		return out
	}
	return s.implementers(t)
}
