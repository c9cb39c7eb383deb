package compose

import (
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// printValue writes a literal. nil is "none".
func printValue(v *ast.Value) string {
	if v == nil {
		return "none"
	}
	switch v.Kind {
	case ast.StringValue, ast.BlockValue:
		return quoteString(v.Raw)
	case ast.ListValue:
		parts := make([]string, len(v.Children))
		for i, c := range v.Children {
			parts[i] = printValue(c.Value)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case ast.ObjectValue:
		parts := make([]string, len(v.Children))
		for i, c := range v.Children {
			parts[i] = c.Name + ": " + printValue(c.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case ast.Variable:
		return "$" + v.Raw
	}
	return v.Raw
}

// quoteString writes a GraphQL string. ast.Value does it as graphql-js does.
func quoteString(s string) string {
	return (&ast.Value{Kind: ast.StringValue, Raw: s}).String()
}

// ordered is a literal with the fields of its objects by name: their order means nothing.
func ordered(v *ast.Value) *ast.Value {
	if v == nil || len(v.Children) == 0 {
		return v
	}
	own := *v
	own.Children = nil
	for _, c := range v.Children {
		own.Children = append(own.Children, &ast.ChildValue{Name: c.Name, Value: ordered(c.Value), Position: c.Position})
	}
	if v.Kind == ast.ObjectValue {
		sort.SliceStable(own.Children, func(i, j int) bool { return own.Children[i].Name < own.Children[j].Name })
	}
	return &own
}

func printDirective(d *ast.Directive) string {
	if len(d.Arguments) == 0 {
		return "@" + d.Name
	}
	parts := make([]string, len(d.Arguments))
	for i, a := range d.Arguments {
		parts[i] = a.Name + ": " + printValue(a.Value)
	}
	return "@" + d.Name + "(" + strings.Join(parts, ", ") + ")"
}
