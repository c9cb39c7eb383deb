package query

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

func (g *generator) arguments(f *ast.FieldDefinition) string {
	var list []string
	for _, a := range f.Arguments {
		required := a.Type.NonNull && a.DefaultValue == nil
		if !required && g.chance(35) {
			continue
		}
		list = append(list, a.Name+": "+g.argument(a))
	}
	if len(list) == 0 {
		return ""
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func (g *generator) argument(a *ast.ArgumentDefinition) string {
	if !g.chance(35) {
		return g.literal(a.Type, 0)
	}
	name := fmt.Sprintf("v%d", len(g.declared))
	typ := a.Type.String()
	text := "$" + name + ": " + typ
	given := true
	switch {
	case a.Type.NonNull && g.chance(30):
		text = "$" + name + ": " + typ + " = " + g.fixed(a.Type)
		given = g.chance(50)
	case !a.Type.NonNull && g.chance(30):
		text += " = " + g.fixed(a.Type)
		given = g.chance(50)
	case !a.Type.NonNull && g.chance(25):
		given = false
	}
	g.declared = append(g.declared, text)
	if given {
		g.values[name] = g.value(a.Type, 0)
	}
	return "$" + name
}

// literal writes a value of an input type; within a list or an input object it may hold a variable.
func (g *generator) literal(t *ast.Type, depth int) string {
	if !t.NonNull && g.chance(10) {
		return "null"
	}
	if t.Elem != nil {
		var items []string
		for range g.IntN(3) {
			items = append(items, g.inner(t.Elem, depth+1))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	def := g.schema.Types[t.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[g.IntN(len(def.EnumValues))].Name
	case ast.InputObject:
		var fields []string
		for _, f := range def.Fields {
			if depth > 2 && f.Type.Name() == def.Name || g.chance(50) {
				continue
			}
			fields = append(fields, f.Name+": "+g.inner(f.Type, depth+1))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	if t.NamedType == "Blob" { // a scalar that is JSON may hold variables too
		return "{k: " + g.inner(&ast.Type{NamedType: "String"}, depth+1) + ", l: [" + g.inner(&ast.Type{NamedType: "Int"}, depth+1) + "]}"
	}
	data, err := json.Marshal(g.value(&ast.Type{NamedType: t.NamedType, NonNull: true}, depth))
	if err != nil {
		return "null"
	}
	return string(data)
}

// inner writes a value within a list or an input object: a variable now and then.
func (g *generator) inner(t *ast.Type, depth int) string {
	if g.constant || !g.chance(15) {
		return g.literal(t, depth)
	}
	name := fmt.Sprintf("v%d", len(g.declared))
	g.declared = append(g.declared, "$"+name+": "+t.String())
	if t.NonNull || g.chance(70) {
		g.values[name] = g.value(t, depth)
	}
	return "$" + name
}

// fixed writes a value without variables.
func (g *generator) fixed(t *ast.Type) string {
	was := g.constant
	g.constant = true
	defer func() { g.constant = was }()
	return g.literal(t, 1)
}

// value is a JSON value of an input type.
func (g *generator) value(t *ast.Type, depth int) any {
	if !t.NonNull && g.chance(10) {
		return nil
	}
	if t.Elem != nil {
		out := []any{}
		for range g.IntN(3) {
			out = append(out, g.value(t.Elem, depth+1))
		}
		return out
	}
	def := g.schema.Types[t.NamedType]
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[g.IntN(len(def.EnumValues))].Name
	case def.Kind == ast.InputObject:
		out := map[string]any{}
		for _, f := range def.Fields {
			if depth > 2 && f.Type.Name() == def.Name || g.chance(50) {
				continue
			}
			out[f.Name] = g.value(f.Type, depth+1)
		}
		return out
	}
	switch t.NamedType {
	case "Int":
		return float64(g.IntN(4))
	case "Float":
		return float64(g.IntN(4)) + 0.5
	case "Boolean":
		return g.chance(50)
	}
	return string(rune('a' + g.IntN(4)))
}
