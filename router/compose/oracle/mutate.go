package main

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// mutator changes the documents of one set.
type mutator struct {
	*rand.Rand
	docs  []*ast.SchemaDocument
	bases []*set
}

// mutate is a changed copy of a set; nil when the set does not parse.
func mutate(r *rand.Rand, s *set, bases []*set) *set {
	m := &mutator{r, parseAll(s), bases}
	if m.docs == nil {
		return nil
	}
	for n := 1 + min(r.IntN(4), r.IntN(4)); n > 0; {
		list := changes
		if m.chance(50) {
			list = directiveChanges
		}
		if pick(m, list)(m) || m.chance(20) {
			n--
		}
	}
	return write(s, m.docs)
}

func parseAll(s *set) []*ast.SchemaDocument {
	var docs []*ast.SchemaDocument
	for _, g := range s.subgraphs {
		doc, err := parser.ParseSchema(&ast.Source{Input: g.SDL})
		if err != nil {
			return nil
		}
		docs = append(docs, doc)
	}
	return docs
}

// write is a set with other documents under the same names.
func write(s *set, docs []*ast.SchemaDocument) *set {
	out := &set{name: s.name}
	for i, doc := range docs {
		doc.SchemaExtension = slices.DeleteFunc(doc.SchemaExtension, func(d *ast.SchemaDefinition) bool { return len(d.Directives)+len(d.OperationTypes) == 0 })
		var b bytes.Buffer
		formatter.NewFormatter(&b, formatter.WithIndent("  ")).FormatSchemaDocument(doc)
		out.add(s.subgraphs[i].Name, b.String())
	}
	return out
}

func (m *mutator) chance(percent int) bool { return m.IntN(100) < percent }

func pick[T any](m *mutator, list []T) T { return list[m.IntN(len(list))] }

func maybe[T any](m *mutator, list []T) (T, bool) {
	if len(list) == 0 {
		var none T
		return none, false
	}
	return pick(m, list), true
}

// place is where a directive can stand, in a document.
type place struct {
	doc        *ast.SchemaDocument
	def        *ast.Definition
	field      *ast.FieldDefinition
	arg        *ast.ArgumentDefinition
	directives *ast.DirectiveList
	desc       *string
}

// places are all of the documents' definitions, fields, arguments and enum values.
func (m *mutator) places() []place {
	var out []place
	for _, doc := range m.docs {
		for _, d := range definitions(doc) {
			out = append(out, place{doc, d, nil, nil, &d.Directives, &d.Description})
			for _, f := range d.Fields {
				out = append(out, place{doc, d, f, nil, &f.Directives, &f.Description})
				for _, a := range f.Arguments {
					out = append(out, place{doc, d, f, a, &a.Directives, &a.Description})
				}
			}
			for _, v := range d.EnumValues {
				out = append(out, place{doc, d, nil, nil, &v.Directives, &v.Description})
			}
		}
	}
	return out
}

func definitions(doc *ast.SchemaDocument) []*ast.Definition {
	return slices.Concat(doc.Definitions, doc.Extensions)
}

func (m *mutator) place(fits func(place) bool) (place, bool) {
	return maybe(m, slices.DeleteFunc(m.places(), func(p place) bool { return !fits(p) }))
}

func isField(p place) bool    { return p.field != nil && p.arg == nil }
func isArgument(p place) bool { return p.arg != nil }
func isType(p place) bool     { return p.field == nil && p.directives == &p.def.Directives }

func isOf(kinds ...ast.DefinitionKind) func(place) bool {
	return func(p place) bool { return isType(p) && slices.Contains(kinds, p.def.Kind) }
}

func hasFields(p place) bool { return isOf(ast.Object, ast.Interface, ast.InputObject)(p) }

// typeName is a type that a document knows, most often.
func (m *mutator) typeName(doc *ast.SchemaDocument) string {
	names := []string{"Int", "String", "ID", "Boolean", "Float"}
	for _, d := range definitions(doc) {
		names = append(names, d.Name)
	}
	if m.chance(3) {
		names = []string{"Unheard"}
	}
	return pick(m, names)
}

// other is a document, most often another one.
func (m *mutator) other(doc *ast.SchemaDocument) *ast.SchemaDocument {
	for range 4 {
		if o := pick(m, m.docs); o != doc {
			return o
		}
	}
	return doc
}

func typeText(text string) *ast.Type {
	doc, _ := parser.ParseSchema(&ast.Source{Input: "type T { f: " + text + " }"})
	return doc.Definitions[0].Fields[0].Type
}

func valueOf(text string) *ast.Value {
	doc, _ := parser.ParseSchema(&ast.Source{Input: "type T { f(a: Int = " + text + "): Int }"})
	return doc.Definitions[0].Fields[0].Arguments[0].DefaultValue
}

// value is a literal, most often of the type.
func (m *mutator) value(doc *ast.SchemaDocument, t *ast.Type) *ast.Value {
	if m.chance(15) {
		return valueOf(pick(m, []string{"1", "-1", "1.5", `"s"`, "true", "null", "RED", "[1]", "[]", "{}", "{a: 1}", "[[1]]", `""`}))
	}
	if t.Elem != nil {
		if m.chance(70) {
			return &ast.Value{Kind: ast.ListValue, Children: ast.ChildValueList{{Value: m.value(doc, t.Elem)}}}
		}
		return m.value(doc, t.Elem)
	}
	for _, d := range definitions(doc) {
		if d.Name != t.NamedType {
			continue
		}
		if d.Kind == ast.Enum && len(d.EnumValues) > 0 {
			return valueOf(pick(m, d.EnumValues).Name)
		}
		if d.Kind == ast.InputObject {
			v := &ast.Value{Kind: ast.ObjectValue}
			for _, f := range d.Fields {
				if f.Type.Name() != d.Name && (f.Type.NonNull || m.chance(50)) {
					v.Children = append(v.Children, &ast.ChildValue{Name: f.Name, Value: m.value(doc, f.Type)})
				}
			}
			return v
		}
	}
	switch t.NamedType {
	case "Int":
		return valueOf(pick(m, []string{"1", "2", "-3"}))
	case "Float":
		return valueOf(pick(m, []string{"1.5", "2", "1e3"}))
	case "Boolean":
		return valueOf(pick(m, []string{"true", "false"}))
	}
	return valueOf(pick(m, []string{`"a"`, `"b"`, `"""a"""`, "7"}))
}

// retype changes what is around a type's name, or the name.
func (m *mutator) retype(doc *ast.SchemaDocument, t *ast.Type) *ast.Type {
	if t.Elem != nil && m.chance(50) {
		c := *t
		c.Elem = m.retype(doc, t.Elem)
		return &c
	}
	c := *t
	switch m.IntN(5) {
	case 0, 1:
		c.NonNull = !c.NonNull
	case 2:
		return &ast.Type{Elem: t, NonNull: m.chance(50)}
	case 3:
		if t.Elem != nil {
			return t.Elem
		}
		c.NonNull = !c.NonNull
	default:
		return &ast.Type{NamedType: m.typeName(doc), NonNull: m.chance(50)}
	}
	return &c
}

func copyOf(d *ast.Definition) *ast.Definition {
	var b bytes.Buffer
	formatter.NewFormatter(&b).FormatSchemaDocument(&ast.SchemaDocument{Definitions: ast.DefinitionList{d}})
	doc, err := parser.ParseSchema(&ast.Source{Input: b.String()})
	if err != nil || len(doc.Definitions) != 1 {
		return &ast.Definition{Kind: ast.Scalar, Name: d.Name}
	}
	return doc.Definitions[0]
}

func copyField(f *ast.FieldDefinition, kind ast.DefinitionKind) *ast.FieldDefinition {
	if c := copyOf(&ast.Definition{Kind: kind, Name: "T", Fields: ast.FieldList{f}}); len(c.Fields) == 1 {
		return c.Fields[0]
	}
	return &ast.FieldDefinition{Name: f.Name, Type: f.Type}
}

func drop[L ~[]E, E comparable](list *L, e E) {
	if i := slices.Index(*list, e); i >= 0 {
		*list = slices.Delete(slices.Clone(*list), i, i+1)
	}
}

// named is the document's definition of a type, nil when it has none.
func named(doc *ast.SchemaDocument, name string) *ast.Definition {
	for _, d := range definitions(doc) {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func has(list ast.DirectiveList, suffix string) *ast.Directive {
	for _, d := range list {
		if strings.HasSuffix(d.Name, suffix) {
			return d
		}
	}
	return nil
}
