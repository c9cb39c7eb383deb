package execute

import (
	"encoding/json"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/plan"
)

// introspect answers __schema and __type from the public schema, as if a subgraph had.
func (r *run) introspect() {
	if r.plan.Output == nil || r.plan.Kind != ast.Query {
		return
	}
	i := &introspection{schema: r.e.sg.API(), vars: r.vars}
	for k := range r.plan.Output.Fields {
		f := &r.plan.Output.Fields[k]
		switch f.Name {
		case "__schema":
			r.root.set(f.Key, i.object(f.Sub, i.schemaField))
		case "__type":
			name, _ := i.args(f)["name"].(string)
			r.root.set(f.Key, i.named(name, f.Sub))
		}
	}
}

// introspection builds values for what is selected of the schema; selections bound its work.
type introspection struct {
	schema *ast.Schema
	vars   map[string]any
}

type resolver func(f *plan.OutputField) value

func (i *introspection) object(out *plan.Output, resolve resolver) value {
	o := &object{}
	for k := range out.Fields {
		f := &out.Fields[k]
		if f.Name != "__typename" && f.Cond.Holds(i.vars) {
			o.set(f.Key, resolve(f))
		}
	}
	return value{kind: objects, obj: o}
}

func (i *introspection) args(f *plan.OutputField) map[string]any {
	out := map[string]any{}
	for _, a := range f.Args {
		if v, err := a.Value.Value(i.vars); err == nil {
			out[a.Name] = v
		}
	}
	return out
}

func (i *introspection) deprecated(f *plan.OutputField, dirs ast.DirectiveList) (skip bool) {
	all, _ := i.args(f)["includeDeprecated"].(bool)
	return !all && dirs.ForName("deprecated") != nil
}

func str(s string) value {
	raw, err := json.Marshal(s)
	if err != nil {
		return value{kind: null, raw: []byte("null")}
	}
	return value{kind: text, raw: raw}
}

func optional(s string) value {
	if s == "" {
		return value{kind: null, raw: []byte("null")}
	}
	return str(s)
}

func yes(b bool) value {
	if b {
		return value{kind: boolean, raw: []byte("true")}
	}
	return value{kind: boolean, raw: []byte("false")}
}

func values(list_ []value) value { return value{kind: list, list: list_} }

var nothing = value{}

func (i *introspection) schemaField(f *plan.OutputField) value {
	root := func(def *ast.Definition) value {
		if def == nil {
			return nothing
		}
		return i.named(def.Name, f.Sub)
	}
	switch f.Name {
	case "description":
		return optional(i.schema.Description)
	case "types":
		names := make([]string, 0, len(i.schema.Types))
		for name := range i.schema.Types {
			names = append(names, name)
		}
		sort.Strings(names)
		out := make([]value, len(names))
		for k, name := range names {
			out[k] = i.named(name, f.Sub)
		}
		return values(out)
	case "queryType":
		return root(i.schema.Query)
	case "mutationType":
		return root(i.schema.Mutation)
	case "subscriptionType":
		return root(i.schema.Subscription)
	case "directives":
		names := make([]string, 0, len(i.schema.Directives))
		for name := range i.schema.Directives {
			names = append(names, name)
		}
		sort.Strings(names)
		out := make([]value, len(names))
		for k, name := range names {
			out[k] = i.directive(i.schema.Directives[name], f.Sub)
		}
		return values(out)
	}
	return nothing
}

func (i *introspection) named(name string, out *plan.Output) value {
	def := i.schema.Types[name]
	if def == nil {
		return nothing
	}
	return i.object(out, func(f *plan.OutputField) value { return i.typeField(def, f) })
}

func (i *introspection) ref(t *ast.Type, out *plan.Output) value {
	inner := *t
	switch {
	case t.NonNull:
		inner.NonNull = false
		return i.wrapper("NON_NULL", &inner, out)
	case t.Elem != nil:
		return i.wrapper("LIST", t.Elem, out)
	}
	return i.named(t.NamedType, out)
}

func (i *introspection) wrapper(kind string, of *ast.Type, out *plan.Output) value {
	return i.object(out, func(f *plan.OutputField) value {
		switch f.Name {
		case "kind":
			return str(kind)
		case "ofType":
			return i.ref(of, f.Sub)
		}
		return nothing
	})
}

func (i *introspection) typeField(def *ast.Definition, f *plan.OutputField) value {
	fields := def.Kind == ast.Object || def.Kind == ast.Interface
	switch f.Name {
	case "kind":
		return str(string(def.Kind))
	case "name":
		return str(def.Name)
	case "description":
		return optional(def.Description)
	case "specifiedByURL":
		if d := def.Directives.ForName("specifiedBy"); d != nil && d.Arguments.ForName("url") != nil {
			return str(d.Arguments.ForName("url").Value.Raw)
		}
	case "isOneOf":
		if def.Kind == ast.InputObject {
			return yes(def.Directives.ForName("oneOf") != nil)
		}
	case "fields":
		if fields {
			out := []value{}
			for _, fd := range def.Fields {
				if !strings.HasPrefix(fd.Name, "__") && !i.deprecated(f, fd.Directives) {
					out = append(out, i.field(fd, f.Sub))
				}
			}
			return values(out)
		}
	case "inputFields":
		if def.Kind == ast.InputObject {
			out := []value{}
			for _, fd := range def.Fields {
				if !i.deprecated(f, fd.Directives) {
					out = append(out, i.input(fd.Name, fd.Description, fd.Type, fd.DefaultValue, fd.Directives, f.Sub))
				}
			}
			return values(out)
		}
	case "interfaces":
		if fields {
			out := []value{}
			for _, name := range def.Interfaces {
				out = append(out, i.named(name, f.Sub))
			}
			return values(out)
		}
	case "possibleTypes":
		if def.IsAbstractType() {
			names := []string{}
			for _, d := range i.schema.GetPossibleTypes(def) {
				if d.Kind == ast.Object {
					names = append(names, d.Name)
				}
			}
			sort.Strings(names)
			out := make([]value, len(names))
			for k, name := range names {
				out[k] = i.named(name, f.Sub)
			}
			return values(out)
		}
	case "enumValues":
		if def.Kind == ast.Enum {
			out := []value{}
			for _, v := range def.EnumValues {
				if !i.deprecated(f, v.Directives) {
					out = append(out, i.object(f.Sub, func(f *plan.OutputField) value {
						return described(f, v.Name, v.Description, v.Directives)
					}))
				}
			}
			return values(out)
		}
	}
	return nothing
}

// described answers what fields, arguments and enum values have in common.
func described(f *plan.OutputField, name, description string, dirs ast.DirectiveList) value {
	d := dirs.ForName("deprecated")
	switch f.Name {
	case "name":
		return str(name)
	case "description":
		return optional(description)
	case "isDeprecated":
		return yes(d != nil)
	case "deprecationReason":
		if d == nil {
			return nothing
		}
		if reason := d.Arguments.ForName("reason"); reason != nil {
			return str(reason.Value.Raw)
		}
		return str("No longer supported")
	}
	return nothing
}

func (i *introspection) field(fd *ast.FieldDefinition, out *plan.Output) value {
	return i.object(out, func(f *plan.OutputField) value {
		switch f.Name {
		case "args":
			return i.arguments(f, fd.Arguments)
		case "type":
			return i.ref(fd.Type, f.Sub)
		}
		return described(f, fd.Name, fd.Description, fd.Directives)
	})
}

func (i *introspection) arguments(f *plan.OutputField, args ast.ArgumentDefinitionList) value {
	out := []value{}
	for _, a := range args {
		if !i.deprecated(f, a.Directives) {
			out = append(out, i.input(a.Name, a.Description, a.Type, a.DefaultValue, a.Directives, f.Sub))
		}
	}
	return values(out)
}

func (i *introspection) input(name, description string, t *ast.Type, def *ast.Value, dirs ast.DirectiveList, out *plan.Output) value {
	return i.object(out, func(f *plan.OutputField) value {
		switch f.Name {
		case "type":
			return i.ref(t, f.Sub)
		case "defaultValue":
			if def == nil {
				return nothing
			}
			return str(def.String())
		}
		return described(f, name, description, dirs)
	})
}

func (i *introspection) directive(d *ast.DirectiveDefinition, out *plan.Output) value {
	return i.object(out, func(f *plan.OutputField) value {
		switch f.Name {
		case "locations":
			out := []value{}
			for _, l := range d.Locations {
				out = append(out, str(string(l)))
			}
			return values(out)
		case "args":
			return i.arguments(f, d.Arguments)
		case "isRepeatable":
			return yes(d.IsRepeatable)
		}
		return described(f, d.Name, d.Description, nil)
	})
}
