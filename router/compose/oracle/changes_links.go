package main

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func changeLink(m *mutator) bool {
	doc := pick(m, m.docs)
	link := federation(doc)
	if link == nil || m.chance(15) {
		d := directiveText("link", pick(m, []string{
			`url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"]`, `url: "https://specs.apollo.dev/federation/v2.9"`,
			`url: "https://specs.apollo.dev/tag/v0.3"`, `url: "https://specs.apollo.dev/inaccessible/v0.2"`, `url: "https://specs.apollo.dev/inaccessible/v0.2", import: ["@inaccessible"]`,
			`url: "https://specs.apollo.dev/cost/v0.1", import: ["@cost"]`, `url: "https://example.com/mine/v1.0", import: ["@mine"]`, `url: "https://example.com/mine/v1.1", as: "its"`,
			`url: "https://specs.apollo.dev/link/v1.0"`, `url: "https://specs.apollo.dev/authenticated/v0.1"`, `url: "mine"`, `url: "https://example.com"`,
		}))
		if link != nil && m.chance(10) {
			drop(&doc.SchemaExtension[0].Directives, link)
		}
		if len(doc.SchemaExtension) == 0 {
			doc.SchemaExtension = ast.SchemaDefinitionList{{}}
		}
		doc.SchemaExtension[0].Directives = append(doc.SchemaExtension[0].Directives, d)
		return true
	}
	list := link.Arguments.ForName("import")
	switch m.IntN(4) {
	case 0:
		link.Arguments.ForName("url").Value.Raw = fmt.Sprintf("https://specs.apollo.dev/federation/v2.%d", m.IntN(15))
	case 1:
		if link.Arguments.ForName("as") != nil {
			return false
		}
		link.Arguments = append(link.Arguments, &ast.Argument{Name: "as", Value: &ast.Value{Kind: ast.StringValue, Raw: pick(m, []string{"fed", "key", "federation", "a__b", ""})}})
	default:
		if list == nil || len(list.Value.Children) == 0 {
			return false
		}
		c := pick(m, list.Value.Children)
		if m.chance(30) || c.Value.Kind != ast.StringValue {
			drop(&list.Value.Children, c)
			return true
		}
		old := c.Value.Raw
		c.Value = valueOf(fmt.Sprintf(`{name: %q, as: %q}`, old, pick(m, []string{old + "2", old, "@my", "my", "@fed__x"})))
		if m.chance(80) {
			m.renameApplied(doc, old[1:], c.Value.Children.ForName("as").Raw)
		}
	}
	return true
}

func (m *mutator) renameApplied(doc *ast.SchemaDocument, old, name string) {
	for _, p := range m.places() {
		for _, d := range *p.directives {
			if p.doc == doc && d.Name == old && name[0] == '@' {
				d.Name = name[1:]
			}
		}
	}
}

// addDirectiveDefinition defines a directive in some subgraphs, composed or executable, and applies it.
func addDirectiveDefinition(m *mutator) bool {
	text := pick(m, []string{
		"directive @mine(n: Int) on FIELD_DEFINITION | OBJECT", "directive @mine(n: Int!, s: [String!] = []) repeatable on FIELD_DEFINITION | OBJECT | ARGUMENT_DEFINITION",
		"directive @run on FIELD", "directive @run(a: Int) on FIELD | QUERY", "directive @run(a: Int! = 1, b: String) repeatable on FIELD | OBJECT",
		"directive @key(fields: String!) on OBJECT", "directive @tag(name: String!) repeatable on OBJECT", "directive @deprecated on FIELD_DEFINITION", "directive @__odd on FIELD",
	})
	for _, doc := range m.docs {
		if m.chance(30) {
			continue
		}
		made, _ := parser.ParseSchema(&ast.Source{Input: text})
		if doc.Directives.ForName(made.Directives[0].Name) != nil && m.chance(90) {
			continue
		}
		doc.Directives = append(doc.Directives, made.Directives...)
		if made.Directives[0].Name != "mine" {
			continue
		}
		if m.chance(70) {
			if len(doc.SchemaExtension) == 0 {
				doc.SchemaExtension = ast.SchemaDefinitionList{{}}
			}
			list := &doc.SchemaExtension[0].Directives
			*list = append(*list, directiveText("link", `url: "https://example.com/mine/v1.0", import: ["@mine"]`), directiveText(m.local(doc, "composeDirective"), `name: "@mine"`))
		}
		if p, ok := m.place(func(p place) bool {
			return p.doc == doc && (isField(p) || isOf(ast.Object)(p)) && !slices.Contains(doc.Extensions, p.def)
		}); ok {
			*p.directives = append(*p.directives, directiveText("mine", pick(m, []string{"n: 1", "n: 2", "n: null", "n: 1, s: \"a\""})))
		}
	}
	return true
}
