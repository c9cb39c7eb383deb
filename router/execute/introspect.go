package execute

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/plan"
)

// introspect answers __schema or __type from the public schema, as if a subgraph had. They may stand on any
// object of the query root's type (GraphQL specification 4.1), and say the same on each. An answer that cannot
// fit into the response any more, or that nobody waits for, ends the response.
func (w *cutting) introspect(f *outputField) value {
	if v, ok := w.schema[f]; ok {
		return v
	}
	v := value{kind: null}
	i := &introspection{schema: w.e.sg.API(), vars: w.vars, ctx: w.ctx, size: len(w.b), limit: w.limit, shown: map[*plan.Output]*shown{}}
	i.look = len(w.b)/lookEvery*lookEvery + lookEvery
	there := i.root(f.OutputField)
	if w.over, w.ended = i.over, i.ended; i.over {
		return v
	}
	if there {
		obj, err := w.schemaObject(f, i.b)
		if w.over = err != nil; w.over { // the tree has no room for it
			return v
		}
		v = value{kind: object, at: obj}
	}
	if w.schema == nil {
		w.schema = map[*outputField]value{}
	}
	w.schema[f] = v
	return v
}

func (r *run) schemaObject(f *outputField, data []byte) (uint32, error) {
	if err := r.reader.open(data); err != nil {
		return 0, err
	}
	return r.reader.object(f.schema, 0, 0)
}

// introspection writes JSON for what is selected of the schema, until there is too much of it.
type introspection struct {
	schema *ast.Schema
	vars   map[string]any
	b      []byte
	shown  map[*plan.Output]*shown

	ctx   context.Context
	size  int   // of the response, but for b
	limit int   // of all of it
	look  int   // the size at which to look at ctx next
	over  bool  // it is to be written no further
	ended error // of ctx
}

// lookEvery is how much is written until it is asked again whether anybody waits for it.
const lookEvery = 1 << 20

// shown is what there is of a selection for these variables.
type shown struct {
	fields []shownField
	names  int // bytes of its __typename, at least, which the response's writer adds
}

type shownField struct {
	*plan.OutputField
	key []byte // with quotes and colon
}

// resolver writes a field's value; false for nothing.
type resolver func(f *plan.OutputField) bool

// full reports whether to write no further.
func (i *introspection) full() bool {
	size := i.size + len(i.b)
	if size >= i.look && i.ended == nil {
		i.look = size + lookEvery
		i.ended = i.ctx.Err()
	}
	i.over = i.over || size > i.limit || i.ended != nil
	return i.over
}

func (i *introspection) object(out *plan.Output, resolve resolver) bool {
	sel := i.selection(out)
	i.size += sel.names
	i.b = append(i.b, '{')
	for k := range sel.fields {
		f := &sel.fields[k]
		if i.full() {
			break
		}
		i.b = append(comma(i.b), f.key...)
		if !resolve(f.OutputField) {
			i.b = append(i.b, "null"...)
		}
	}
	i.b = append(i.b, '}')
	return true
}

func (i *introspection) selection(out *plan.Output) *shown {
	sel := i.shown[out]
	if sel != nil {
		return sel
	}
	sel = &shown{}
	i.shown[out] = sel
	for k := range out.Fields {
		switch f := &out.Fields[k]; {
		case !f.Cond.Holds(i.vars):
		case f.Name == "__typename":
			sel.names += len(f.Key) + len(`"":""`)
		default:
			sel.fields = append(sel.fields, shownField{f, []byte(quoted(f.Key) + ":")})
		}
	}
	return sel
}

// root writes what is selected of the schema, or of a type; false when there is no such type.
func (i *introspection) root(f *plan.OutputField) bool {
	if f.Name == "__schema" {
		return i.object(f.Sub, i.schemaField)
	}
	name, _ := i.args(f)["name"].(string)
	return i.named(name, f.Sub)
}

// list writes n items.
func (i *introspection) list(n int, item func(k int)) bool {
	i.b = append(i.b, '[')
	for k := range n {
		if i.full() {
			break
		}
		if k > 0 {
			i.b = append(i.b, ',')
		}
		before := len(i.b)
		if item(k); len(i.b) == before {
			i.write(nil)
		}
	}
	i.b = append(i.b, ']')
	return true
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

// hides reports whether a field leaves out what is deprecated with one of dirs.
func (i *introspection) hides(f *plan.OutputField) func(dirs ast.DirectiveList) bool {
	all, _ := i.args(f)["includeDeprecated"].(bool)
	return func(dirs ast.DirectiveList) bool { return !all && dirs.ForName("deprecated") != nil }
}

func (i *introspection) write(v any) bool {
	data, err := json.Marshal(v)
	if err != nil {
		return false
	}
	i.b = append(i.b, data...)
	return true
}

func (i *introspection) optional(s string) bool {
	if s == "" {
		return i.write(nil)
	}
	return i.write(s)
}

func (i *introspection) schemaField(f *plan.OutputField) bool {
	root := func(def *ast.Definition) bool { return def != nil && i.named(def.Name, f.Sub) }
	switch f.Name {
	case "description":
		return i.optional(i.schema.Description)
	case "types":
		names := make([]string, 0, len(i.schema.Types))
		for name := range i.schema.Types {
			names = append(names, name)
		}
		return i.types(names, f.Sub)
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
		return i.list(len(names), func(k int) { i.directive(i.schema.Directives[names[k]], f.Sub) })
	}
	return false
}

// types writes the types with these names, sorted.
func (i *introspection) types(names []string, out *plan.Output) bool {
	sort.Strings(names)
	return i.list(len(names), func(k int) { i.named(names[k], out) })
}

func (i *introspection) named(name string, out *plan.Output) bool {
	def := i.schema.Types[name]
	return def != nil && i.object(out, func(f *plan.OutputField) bool { return i.typeField(def, f) })
}

func (i *introspection) ref(t *ast.Type, out *plan.Output) bool {
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

func (i *introspection) wrapper(kind string, of *ast.Type, out *plan.Output) bool {
	return i.object(out, func(f *plan.OutputField) bool {
		switch f.Name {
		case "kind":
			return i.write(kind)
		case "ofType":
			return i.ref(of, f.Sub)
		}
		return false
	})
}

func (i *introspection) typeField(def *ast.Definition, f *plan.OutputField) bool {
	hasFields := def.Kind == ast.Object || def.Kind == ast.Interface
	switch f.Name {
	case "kind":
		return i.write(def.Kind)
	case "name":
		return i.write(def.Name)
	case "description":
		return i.optional(def.Description)
	case "specifiedByURL":
		if d := def.Directives.ForName("specifiedBy"); d != nil && d.Arguments.ForName("url") != nil {
			return i.write(d.Arguments.ForName("url").Value.Raw)
		}
	case "isOneOf":
		if def.Kind == ast.InputObject {
			return i.write(def.Directives.ForName("oneOf") != nil)
		}
	case "fields":
		if hasFields {
			hidden := i.hides(f)
			list := slices.DeleteFunc(slices.Clone(def.Fields), func(fd *ast.FieldDefinition) bool {
				return strings.HasPrefix(fd.Name, "__") || hidden(fd.Directives)
			})
			return i.list(len(list), func(k int) { i.field(list[k], f.Sub) })
		}
	case "inputFields":
		if def.Kind == ast.InputObject {
			hidden := i.hides(f)
			list := slices.DeleteFunc(slices.Clone(def.Fields), func(fd *ast.FieldDefinition) bool { return hidden(fd.Directives) })
			return i.list(len(list), func(k int) {
				fd := list[k]
				i.input(fd.Name, fd.Description, fd.Type, fd.DefaultValue, fd.Directives, f.Sub)
			})
		}
	case "interfaces":
		if hasFields {
			return i.list(len(def.Interfaces), func(k int) { i.named(def.Interfaces[k], f.Sub) })
		}
	case "possibleTypes":
		if def.IsAbstractType() {
			names := []string{}
			for _, d := range i.schema.GetPossibleTypes(def) {
				if d.Kind == ast.Object {
					names = append(names, d.Name)
				}
			}
			return i.types(names, f.Sub)
		}
	case "enumValues":
		if def.Kind == ast.Enum {
			hidden := i.hides(f)
			list := slices.DeleteFunc(slices.Clone(def.EnumValues), func(v *ast.EnumValueDefinition) bool { return hidden(v.Directives) })
			return i.list(len(list), func(k int) {
				v := list[k]
				i.object(f.Sub, func(f *plan.OutputField) bool { return i.described(f, v.Name, v.Description, v.Directives) })
			})
		}
	}
	return false
}

// described answers what fields, arguments and enum values have in common.
func (i *introspection) described(f *plan.OutputField, name, description string, dirs ast.DirectiveList) bool {
	d := dirs.ForName("deprecated")
	switch f.Name {
	case "name":
		return i.write(name)
	case "description":
		return i.optional(description)
	case "isDeprecated":
		return i.write(d != nil)
	case "deprecationReason":
		if d == nil {
			return false
		}
		if reason := d.Arguments.ForName("reason"); reason != nil {
			return i.write(reason.Value.Raw)
		}
		return i.write("No longer supported")
	}
	return false
}

func (i *introspection) field(fd *ast.FieldDefinition, out *plan.Output) {
	i.object(out, func(f *plan.OutputField) bool {
		switch f.Name {
		case "args":
			return i.arguments(f, fd.Arguments)
		case "type":
			return i.ref(fd.Type, f.Sub)
		}
		return i.described(f, fd.Name, fd.Description, fd.Directives)
	})
}

func (i *introspection) arguments(f *plan.OutputField, args ast.ArgumentDefinitionList) bool {
	hidden := i.hides(f)
	list := slices.DeleteFunc(slices.Clone(args), func(a *ast.ArgumentDefinition) bool { return hidden(a.Directives) })
	return i.list(len(list), func(k int) {
		a := list[k]
		i.input(a.Name, a.Description, a.Type, a.DefaultValue, a.Directives, f.Sub)
	})
}

func (i *introspection) input(name, description string, t *ast.Type, def *ast.Value, dirs ast.DirectiveList, out *plan.Output) {
	i.object(out, func(f *plan.OutputField) bool {
		switch f.Name {
		case "type":
			return i.ref(t, f.Sub)
		case "defaultValue":
			return def != nil && i.write(def.String())
		}
		return i.described(f, name, description, dirs)
	})
}

func (i *introspection) directive(d *ast.DirectiveDefinition, out *plan.Output) {
	i.object(out, func(f *plan.OutputField) bool {
		switch f.Name {
		case "locations":
			return i.write(d.Locations)
		case "args":
			return i.arguments(f, d.Arguments)
		case "isRepeatable":
			return i.write(d.IsRepeatable)
		}
		return i.described(f, d.Name, d.Description, nil)
	})
}
