package testgraph

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// schemaRows are the objects that introspection answers with (GraphQL specification 4), which refer to each
// other. What is @inaccessible is left out, and what federation adds to a subgraph.
type schemaRows struct {
	schema Row
	types  map[string]Row
}

func introspected(s *ast.Schema) *schemaRows {
	r := &schemaRows{types: map[string]Row{}}
	own := func(name string) bool { return !strings.HasPrefix(name, "_") || strings.HasPrefix(name, "__") }
	for name, def := range s.Types {
		if own(name) && public(def.Directives) {
			r.types[name] = Row{"__typename": "__Type", "kind": string(def.Kind), "name": name, "description": text(def.Description)}
		}
	}
	var all []any
	for name, row := range r.types {
		all = append(all, row)
		r.describe(s, s.Types[name], row)
	}
	r.schema = Row{"__typename": "__Schema", "description": text(s.Description), "types": all}
	for name, def := range map[string]*ast.Definition{"queryType": s.Query, "mutationType": s.Mutation, "subscriptionType": s.Subscription} {
		if def != nil {
			r.schema[name] = r.types[def.Name]
		}
	}
	directives := []any{}
	for name, d := range s.Directives {
		if strings.Contains(federation, "directive @"+name+"(") || strings.Contains(federation, "directive @"+name+" ") {
			continue
		}
		arguments := d.Arguments
		if name == "defer" { // its "if" is not null in GraphQL's draft of incremental delivery; the prelude follows an older one
			condition := *arguments.ForName("if")
			condition.Type = ast.NonNullNamedType("Boolean", nil)
			arguments = ast.ArgumentDefinitionList{&condition, arguments.ForName("label")}
		}
		locations := []any{}
		for _, l := range d.Locations {
			locations = append(locations, string(l))
		}
		directives = append(directives, Row{
			"__typename": "__Directive", "name": name, "description": text(d.Description), "locations": locations,
			"args": r.arguments(arguments), "isRepeatable": d.IsRepeatable,
		})
	}
	r.schema["directives"] = directives
	return r
}

func public(dirs ast.DirectiveList) bool { return dirs.ForName("inaccessible") == nil }

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// describe adds what only some kinds of types have.
func (r *schemaRows) describe(s *ast.Schema, def *ast.Definition, row Row) {
	if def.Kind == ast.Object || def.Kind == ast.Interface {
		fields, interfaces := []any{}, []any{}
		for _, f := range def.Fields {
			if !strings.HasPrefix(f.Name, "__") && public(f.Directives) {
				fields = append(fields, deprecable(f.Directives, Row{
					"__typename": "__Field", "name": f.Name, "description": text(f.Description), "args": r.arguments(f.Arguments), "type": r.ref(f.Type),
				}))
			}
		}
		for _, name := range def.Interfaces {
			interfaces = append(interfaces, r.types[name])
		}
		row["fields"], row["interfaces"] = fields, interfaces
	}
	if def.IsAbstractType() {
		possible := []any{}
		for _, d := range s.GetPossibleTypes(def) {
			if d.Kind == ast.Object {
				possible = append(possible, r.types[d.Name])
			}
		}
		row["possibleTypes"] = possible
	}
	if def.Kind == ast.Enum {
		values := []any{}
		for _, v := range def.EnumValues {
			values = append(values, deprecable(v.Directives, Row{"__typename": "__EnumValue", "name": v.Name, "description": text(v.Description)}))
		}
		row["enumValues"] = values
	}
	if def.Kind == ast.InputObject {
		inputs := []any{}
		for _, f := range def.Fields {
			inputs = append(inputs, r.input(f.Name, f.Description, f.Type, f.DefaultValue, f.Directives))
		}
		row["inputFields"], row["isOneOf"] = inputs, def.Directives.ForName("oneOf") != nil
	}
	if d := def.Directives.ForName("specifiedBy"); d != nil {
		row["specifiedByURL"] = d.Arguments.ForName("url").Value.Raw
	}
}

func deprecable(dirs ast.DirectiveList, row Row) Row {
	d := dirs.ForName("deprecated")
	row["isDeprecated"] = d != nil
	if d != nil {
		row["deprecationReason"] = "No longer supported"
		if reason := d.Arguments.ForName("reason"); reason != nil {
			row["deprecationReason"] = reason.Value.Raw
		}
	}
	return row
}

// arguments are those that a client gives: not those that take their value from a context.
func (r *schemaRows) arguments(args ast.ArgumentDefinitionList) []any {
	out := []any{}
	for _, a := range args {
		if a.Directives.ForName("fromContext") == nil {
			out = append(out, r.input(a.Name, a.Description, a.Type, a.DefaultValue, a.Directives))
		}
	}
	return out
}

func (r *schemaRows) input(name, description string, t *ast.Type, def *ast.Value, dirs ast.DirectiveList) Row {
	row := Row{"__typename": "__InputValue", "name": name, "description": text(description), "type": r.ref(t)}
	if def != nil {
		row["defaultValue"] = def.String()
	}
	return deprecable(dirs, row)
}

func (r *schemaRows) ref(t *ast.Type) Row {
	switch {
	case t.NonNull:
		nullable := *t
		nullable.NonNull = false
		return Row{"__typename": "__Type", "kind": "NON_NULL", "ofType": r.ref(&nullable)}
	case t.Elem != nil:
		return Row{"__typename": "__Type", "kind": "LIST", "ofType": r.ref(t.Elem)}
	}
	return r.types[t.NamedType]
}
