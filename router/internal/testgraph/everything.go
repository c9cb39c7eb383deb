package testgraph

import (
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Everything returns, for each root field of a public schema, an operation that selects all there is
// beneath it, depth levels deep; fields of implementers are selected in fragments. Fields that would
// conflict across types get aliases. Required arguments get made-up values.
func Everything(schema *ast.Schema, root *ast.Definition, kind ast.Operation, depth int) []string {
	var out []string
	for _, f := range root.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		var b strings.Builder
		b.WriteString(string(kind) + " {")
		writeField(&b, schema, f, f.Name, depth)
		b.WriteString(" }")
		out = append(out, b.String())
	}
	return out
}

func writeField(b *strings.Builder, schema *ast.Schema, f *ast.FieldDefinition, alias string, depth int) {
	def := schema.Types[f.Type.Name()]
	if def.IsCompositeType() && depth == 0 {
		return
	}
	b.WriteByte(' ')
	if alias != f.Name {
		b.WriteString(alias + ": ")
	}
	b.WriteString(f.Name)
	var args []string
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			args = append(args, a.Name+": "+literal(schema, a.Type))
		}
	}
	if len(args) > 0 {
		b.WriteString("(" + strings.Join(args, ", ") + ")")
	}
	if !def.IsCompositeType() {
		return
	}
	b.WriteString(" { __typename")
	for _, c := range def.Fields {
		if !strings.HasPrefix(c.Name, "__") {
			writeField(b, schema, c, c.Name, depth-1)
		}
	}
	if def.IsAbstractType() {
		var names []string
		for _, d := range schema.GetPossibleTypes(def) {
			if d.Kind == ast.Object {
				names = append(names, d.Name)
			}
		}
		sort.Strings(names)
		for _, name := range names {
			b.WriteString(" ... on " + name + " { __typename")
			for _, c := range schema.Types[name].Fields {
				writeField(b, schema, c, strings.ToLower(name)+"_"+c.Name, depth-1)
			}
			b.WriteString(" }")
		}
	}
	b.WriteString(" }")
}

func literal(schema *ast.Schema, t *ast.Type) string {
	if t.Elem != nil {
		return "[" + literal(schema, t.Elem) + "]"
	}
	def := schema.Types[t.NamedType]
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Kind == ast.InputObject:
		var parts []string
		for _, f := range def.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				parts = append(parts, f.Name+": "+literal(schema, f.Type))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	switch t.NamedType {
	case "Int":
		return "1"
	case "Float":
		return "1.5"
	case "Boolean":
		return "true"
	}
	return `"1"`
}
