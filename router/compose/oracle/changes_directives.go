package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// directiveChanges are those of directives, of what they say, and of links.
var directiveChanges = []func(*mutator) bool{
	addDirective, addDirective, addDirective, addDirective, addDirective, dropDirective, dropDirective, copyDirective, moveDirective,
	changeFieldSet, changeFieldSet, changeDirectiveArgument, changeLink, changeLink, addExternal, overrideField, shareField,
}

// suggestion is a directive that may stand in a place of some kind.
type suggestion struct {
	name string
	fits func(place) bool
	args func(*mutator, place) string
}

func plain(*mutator, place) string { return "" }

func suggestions() []suggestion {
	object, anywhere := isOf(ast.Object), func(place) bool { return true }
	output := isOf(ast.Object, ast.Interface)
	scopes := func(m *mutator, _ place) string {
		return pick(m, []string{`[["a"]]`, `[["a", "b"]]`, `[["a"], ["b"]]`, `[["b"]]`, `[]`, `[[]]`})
	}
	return []suggestion{
		{"key", output, func(m *mutator, p place) string {
			text := fmt.Sprintf("fields: %q", m.fieldSet(p.doc, p.def.Name, 2))
			if m.chance(25) {
				text += ", resolvable: " + pick(m, []string{"false", "true"})
			}
			return text
		}},
		{"shareable", isField, plain}, {"shareable", object, plain},
		{"external", isField, plain}, {"external", object, plain},
		{"requires", isField, func(m *mutator, p place) string { return fmt.Sprintf("fields: %q", m.fieldSet(p.doc, p.def.Name, 2)) }},
		{"provides", isField, func(m *mutator, p place) string {
			return fmt.Sprintf("fields: %q", m.fieldSet(p.doc, p.field.Type.Name(), 2))
		}},
		{"override", isField, func(m *mutator, _ place) string {
			text := fmt.Sprintf("from: %q", pick(m, []string{"a", "b", "c", "nobody"}))
			if m.chance(30) {
				text += fmt.Sprintf(", label: %q", pick(m, []string{"percent(5)", "beta", "percent(x)", "percent(101)", "a b"}))
			}
			return text
		}},
		{"inaccessible", anywhere, plain}, {"inaccessible", isField, plain}, {"inaccessible", isType, plain},
		{"tag", anywhere, func(m *mutator, _ place) string {
			return "name: " + pick(m, []string{`"t"`, `"u"`, `"a b"`, `""`, "null"})
		}},
		{"interfaceObject", output, plain}, {"extends", output, plain},
		{"authenticated", isField, plain}, {"authenticated", isType, plain},
		{"requiresScopes", anywhere, func(m *mutator, p place) string { return "scopes: " + scopes(m, p) }},
		{"policy", isField, func(m *mutator, p place) string { return "policies: " + scopes(m, p) }},
		{"context", isOf(ast.Object, ast.Interface, ast.Union), func(m *mutator, _ place) string {
			return fmt.Sprintf("name: %q", pick(m, []string{"ctx", "ctx", "other", "a_b", "1"}))
		}},
		{"fromContext", isArgument, func(m *mutator, p place) string {
			of, ok := m.place(func(q place) bool { return q.doc == p.doc && isOf(ast.Object, ast.Interface)(q) })
			if !ok || m.chance(5) {
				return `field: "$ctx"`
			}
			return fmt.Sprintf("field: %q", "$"+pick(m, []string{"ctx", "ctx", "other"})+" { "+m.fieldSet(p.doc, of.def.Name, 1)+" }")
		}},
		{"cost", anywhere, func(m *mutator, _ place) string { return "weight: " + pick(m, []string{"1", "5", "-2", "7"}) }},
		{"listSize", isField, func(m *mutator, _ place) string {
			return pick(m, []string{"assumedSize: 3", "assumedSize: -1", `slicingArguments: ["first"]`, `slicingArguments: ["x"], requireOneSlicingArgument: false`,
				`sizedFields: ["id"]`, `assumedSize: 2, sizedFields: ["nodes"]`, ""})
		}},
		{"deprecated", anywhere, func(m *mutator, _ place) string {
			return pick(m, []string{"", `reason: "old"`, `reason: "older"`})
		}},
		{"specifiedBy", isOf(ast.Scalar), func(m *mutator, _ place) string { return pick(m, []string{`url: "https://a"`, `url: "https://b"`}) }},
		{"oneOf", func(p place) bool { return isOf(ast.InputObject)(p) && len(p.def.Fields)%4 == 0 }, plain},
	}
}

func directiveText(name, args string) *ast.Directive {
	text := "scalar S @" + name
	if args != "" {
		text += "(" + args + ")"
	}
	doc, err := parser.ParseSchema(&ast.Source{Input: text})
	if err != nil {
		return nil
	}
	return doc.Definitions[0].Directives[0]
}

func addDirective(m *mutator) bool {
	s := pick(m, suggestions())
	fits := s.fits
	if m.chance(4) {
		fits = func(place) bool { return true }
	}
	p, ok := m.place(fits)
	if !ok || p.field == nil && s.name == "provides" {
		return false
	}
	return m.apply(p, s.name, s.args(m, p))
}

func (m *mutator) apply(p place, name, args string) bool {
	d := directiveText(m.local(p.doc, name), args)
	if d == nil {
		return false
	}
	*p.directives = append(*p.directives, d)
	return true
}

// federation is the @link of the federation specification.
func federation(doc *ast.SchemaDocument) *ast.Directive {
	for _, s := range slices.Concat(doc.Schema, doc.SchemaExtension) {
		for _, d := range s.Directives {
			if u := d.Arguments.ForName("url"); u != nil && strings.Contains(u.Value.Raw, "/federation/") {
				return d
			}
		}
	}
	return nil
}

// local is what a document calls a directive, which it imports now if it did not.
func (m *mutator) local(doc *ast.SchemaDocument, name string) string {
	link := federation(doc)
	if link == nil || slices.Contains([]string{"deprecated", "specifiedBy", "oneOf"}, name) {
		return name
	}
	list := link.Arguments.ForName("import")
	if list != nil && list.Value.Kind == ast.ListValue {
		for _, c := range list.Value.Children {
			if c.Value.Raw == "@"+name {
				return name
			}
			if n, as := c.Value.Children.ForName("name"), c.Value.Children.ForName("as"); n != nil && as != nil && n.Raw == "@"+name {
				return strings.TrimPrefix(as.Raw, "@")
			}
		}
	}
	if m.chance(80) {
		link.Arguments.ForName("url").Value.Raw = "https://specs.apollo.dev/federation/" + pick(m, []string{"v2.9", "v2.9", "v2.12"})
	}
	switch r := m.IntN(20); {
	case r == 0:
		return name
	case r < 5 || list == nil:
		if as := link.Arguments.ForName("as"); as != nil {
			return as.Value.Raw + "__" + name
		}
		return "federation__" + name
	}
	list.Value.Children = append(list.Value.Children, &ast.ChildValue{Value: &ast.Value{Kind: ast.StringValue, Raw: "@" + name}})
	return name
}

// fieldSet selects fields of a type, now and then wrongly.
func (m *mutator) fieldSet(doc *ast.SchemaDocument, of string, depth int) string {
	d := named(doc, of)
	if d == nil || len(d.Fields) == 0 || m.chance(3) {
		return pick(m, []string{"id", "id name", "__typename", "", "id {", "id }", "... on " + of + " { id }", "id @include(if: true)", "key: id", "...f", "{ id }", "f(a: 1)", "id id"})
	}
	var parts []string
	for range 1 + m.IntN(2) {
		f := pick(m, d.Fields)
		text := f.Name
		for _, a := range f.Arguments {
			if a.Type.NonNull && m.chance(80) {
				text += fmt.Sprintf("(%s: %s)", a.Name, m.value(doc, a.Type).String())
				break
			}
		}
		if in := named(doc, f.Type.Name()); in != nil && len(in.Fields) > 0 && m.chance(90) || m.chance(2) {
			if depth == 0 {
				continue
			}
			text += " { " + m.fieldSet(doc, f.Type.Name(), depth-1) + " }"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		parts = []string{"id"}
	}
	text := strings.Join(parts, " ")
	if m.chance(6) {
		text = pick(m, []string{"... on " + of + " { " + text + " }", text + " __typename", text + " missing", text + " " + text, "... { " + text + " }"})
	}
	return text
}

func dropDirective(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return len(*p.directives) > 0 })
	if ok {
		drop(p.directives, pick(m, *p.directives))
	}
	return ok
}

func copyDirective(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return len(*p.directives) > 0 })
	if !ok {
		return false
	}
	to := p
	if m.chance(80) {
		to, _ = m.place(func(q place) bool {
			return isType(q) == isType(p) && (isField(q) == isField(p)) && (q.doc == p.doc || len(m.docs) > 1)
		})
	}
	*to.directives = append(*to.directives, pick(m, *p.directives))
	return true
}

func moveDirective(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return len(*p.directives) > 0 })
	if !ok {
		return false
	}
	d := pick(m, *p.directives)
	to, _ := m.place(func(q place) bool { return q.doc == p.doc })
	drop(p.directives, d)
	*to.directives = append(*to.directives, d)
	return true
}

func changeFieldSet(m *mutator) bool {
	p, ok := m.place(func(p place) bool {
		return slices.ContainsFunc(*p.directives, func(d *ast.Directive) bool { return d.Arguments.ForName("fields") != nil })
	})
	if !ok {
		return false
	}
	for _, d := range *p.directives {
		if a := d.Arguments.ForName("fields"); a != nil {
			of := p.def.Name
			if strings.HasSuffix(d.Name, "provides") && p.field != nil {
				of = p.field.Type.Name()
			}
			text := m.fieldSet(p.doc, of, 2)
			if m.chance(30) {
				text = a.Value.Raw + " " + text
			}
			a.Value = &ast.Value{Kind: ast.StringValue, Raw: text}
			return true
		}
	}
	return false
}

func changeDirectiveArgument(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return len(*p.directives) > 0 })
	if !ok {
		return false
	}
	d := pick(m, *p.directives)
	a, some := maybe(m, d.Arguments)
	switch {
	case !some || m.chance(10):
		d.Arguments = append(d.Arguments, &ast.Argument{Name: pick(m, []string{"extra", "resolvable", "label", "reason"}), Value: m.value(p.doc, typeText("String"))})
	case m.chance(20):
		drop(&d.Arguments, a)
	default:
		a.Value = valueOf(pick(m, []string{"1", `"id"`, "true", "false", "null", "ENUM", `["id"]`, `[["id"]]`, "[]", "{a: 1}", `"""id"""`, "-5", "1.5"}))
	}
	return true
}

// addExternal marks a field as resolved elsewhere and requires or provides it.
func addExternal(m *mutator) bool {
	p, ok := m.place(isField)
	if !ok {
		return false
	}
	doc := m.other(p.doc)
	d := named(doc, p.def.Name)
	if d == nil || d.Kind != p.def.Kind || d.Fields.ForName(p.field.Name) != nil || p.def.Kind == ast.InputObject {
		return false
	}
	f := copyField(p.field, d.Kind)
	f.Directives = nil
	d.Fields = append(d.Fields, f)
	m.apply(place{doc: doc, def: d, field: f, directives: &f.Directives}, "external", "")
	g := pick(m, d.Fields)
	if m.chance(70) && g != f {
		m.apply(place{doc: doc, def: d, field: g, directives: &g.Directives}, "requires", fmt.Sprintf("fields: %q", f.Name))
	}
	return true
}

func (m *mutator) nameOf(doc *ast.SchemaDocument) string {
	return string(rune('a' + slices.Index(m.docs, doc)))
}

func overrideField(m *mutator) bool {
	p, ok := m.place(isField)
	if !ok {
		return false
	}
	doc := m.other(p.doc)
	d := named(doc, p.def.Name)
	if d == nil {
		return false
	}
	f := d.Fields.ForName(p.field.Name)
	if f == nil {
		f = copyField(p.field, d.Kind)
		f.Directives = nil
		d.Fields = append(d.Fields, f)
	}
	text := fmt.Sprintf("from: %q", m.nameOf(p.doc))
	if m.chance(40) {
		text += `, label: "percent(5)"`
	}
	return m.apply(place{doc: doc, def: d, field: f, directives: &f.Directives}, "override", text)
}

// shareField shares a field with another subgraph that has the type.
func shareField(m *mutator) bool {
	p, ok := m.place(isField)
	if !ok {
		return false
	}
	for _, doc := range m.docs {
		d := named(doc, p.def.Name)
		if d == nil || d.Kind != p.def.Kind || m.chance(20) {
			continue
		}
		f := d.Fields.ForName(p.field.Name)
		if f == nil {
			f = copyField(p.field, d.Kind)
			d.Fields = append(d.Fields, f)
		}
		if has(f.Directives, "shareable") == nil {
			m.apply(place{doc: doc, def: d, field: f, directives: &f.Directives}, "shareable", "")
		}
	}
	return true
}
