package testgraph

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
)

// executing is one operation; it follows the GraphQL specification's algorithm plainly (section 6),
// and resolves every field of a selection even when one of them already made its object null.
type executing struct {
	s      *Subgraph
	vars   map[string]any
	errors []failure
	above  []standing // the objects from the root down to the one being executed
}

// standing is an object with its type.
type standing struct {
	def *ast.Definition
	row Row
}

// failed is a value whose error was told; it completes as null.
type failed struct{}

// member and object are a JSON object in the order of its fields.
type member struct {
	key   string
	value any
}

type object []member

func (x *executing) fail(path []any, message, code string) {
	f := failure{Message: message, Path: append([]any(nil), path...)}
	if code != "" {
		f.Extensions = map[string]any{"code": code}
	}
	x.errors = append(x.errors, f)
}

// collected is what is selected under one response key.
type collected struct {
	key    string
	fields []*ast.Field
	ways   []string // the types they are written on, and the conditions of fragments around them
}

// selected is a selection set with the type it is written on.
type selected struct {
	set ast.SelectionSet
	on  string
}

func (x *executing) object(def *ast.Definition, row Row, sets []selected, path []any) (object, bool) {
	var list []collected
	for _, s := range sets {
		list = x.collect(def, s.set, []string{s.on}, list)
	}
	x.above = append(x.above, standing{def, row})
	defer func() { x.above = x.above[:len(x.above)-1] }()
	out, ok := make(object, 0, len(list)), true
	for _, c := range list {
		f := c.fields[0]
		if f.Name == "__typename" {
			out = append(out, member{c.key, def.Name})
			continue
		}
		field := def.Fields.ForName(f.Name)
		if field == nil { // a row of another type than the selection expects
			continue
		}
		at := append(path[:len(path):len(path)], c.key)
		subs := make([]selected, len(c.fields))
		for i := range c.fields {
			subs[i] = selected{c.fields[i].SelectionSet, c.fields[i].Definition.Type.Name()}
		}
		var value any
		if x.s.guard != nil && x.s.guard.Field(def.Name, c.ways, f.Name) {
			x.fail(at, refused, "")
			value = failed{}
		} else {
			value = x.resolve(def, field, row, f, at)
		}
		v, done := x.complete(field.Type, value, subs, at)
		if done {
			out = append(out, member{c.key, v})
		} else {
			ok = false
		}
	}
	return out, ok
}

// collect is CollectFields of section 6.3.2.
func (x *executing) collect(def *ast.Definition, set ast.SelectionSet, ways []string, list []collected) []collected {
	within := func(cond string) []string {
		if cond == "" {
			return ways
		}
		return append(ways[:len(ways):len(ways)], cond)
	}
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if !x.included(sel.Directives) {
				continue
			}
			found := false
			for i := range list {
				if list[i].key == sel.Alias {
					list[i].fields, found = append(list[i].fields, sel), true
					list[i].ways = append(list[i].ways[:len(list[i].ways):len(list[i].ways)], ways...)
				}
			}
			if !found {
				list = append(list, collected{sel.Alias, []*ast.Field{sel}, ways})
			}
		case *ast.InlineFragment:
			if x.included(sel.Directives) && x.s.applies(sel.TypeCondition, def) {
				list = x.collect(def, sel.SelectionSet, within(sel.TypeCondition), list)
			}
		case *ast.FragmentSpread:
			if x.included(sel.Directives) && x.s.applies(sel.Definition.TypeCondition, def) {
				list = x.collect(def, sel.Definition.SelectionSet, within(sel.Definition.TypeCondition), list)
			}
		}
	}
	return list
}

func (x *executing) included(dirs ast.DirectiveList) bool {
	for _, d := range dirs {
		if d.Name != "include" && d.Name != "skip" {
			continue
		}
		v, _ := d.Arguments.ForName("if").Value.Value(x.vars)
		if v != (d.Name == "include") {
			return false
		}
	}
	return true
}

func (s *Subgraph) applies(cond string, def *ast.Definition) bool {
	if cond == "" || cond == def.Name {
		return true
	}
	for _, d := range s.schema.PossibleTypes[cond] {
		if d.Name == def.Name {
			return true
		}
	}
	return false
}

func (x *executing) resolve(def *ast.Definition, field *ast.FieldDefinition, row Row, f *ast.Field, path []any) any {
	args := (&ast.Field{Name: f.Name, Arguments: f.Arguments, Definition: field}).ArgumentMap(x.vars)
	for _, a := range field.Arguments {
		if v, ok := args[a.Name]; ok {
			args[a.Name] = coerce(x.s.schema, a.Type, v)
		}
		if d := a.Directives.ForName("fromContext"); d != nil && x.s.data.Contexts {
			args[a.Name] = coerce(x.s.schema, a.Type, x.fromContext(d.Arguments.ForName("field").Value.Raw))
		}
	}
	if f.Name == "_entities" {
		return x.entities(args["representations"], path)
	}
	switch f.Name {
	case "__schema":
		return x.s.rows().schema
	case "__type":
		if named, ok := x.s.rows().types[fmt.Sprint(args["name"])]; ok {
			return named
		}
		return nil
	}
	v := row[f.Name]
	if root, isRoot := x.s.data.Roots[def.Name+"."+f.Name]; isRoot {
		v = root
	}
	return x.expand(v, row, args, path)
}

// complete is CompleteValue of section 6.4.3; false when null may not stand here, the error told.
func (x *executing) complete(t *ast.Type, v any, sets []selected, path []any) (any, bool) {
	if v == nil || v == (failed{}) {
		if v == nil && t.NonNull {
			x.fail(path, "null for a non-nullable field", "")
		}
		return nil, !t.NonNull
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return v, true // wrong on purpose
		}
		out, ok := make([]any, len(list)), true
		for i, item := range list {
			done, fine := x.complete(t.Elem, item, sets, append(path[:len(path):len(path)], i))
			out[i], ok = done, ok && fine
		}
		if !ok {
			return nil, !t.NonNull
		}
		return out, true
	}
	def := x.s.schema.Types[t.NamedType]
	if !def.IsCompositeType() {
		return v, true
	}
	row, ok := asRow(v)
	if !ok {
		return v, true // wrong on purpose
	}
	if name, ok := row["__typename"].(string); ok && x.s.schema.Types[name] != nil {
		def = x.s.schema.Types[name]
	}
	if x.s.guard != nil && x.s.guard.Object(def.Name) {
		x.fail(path, refused, "")
		return nil, !t.NonNull
	}
	out, ok := x.object(def, row, sets, path)
	if !ok {
		return nil, !t.NonNull
	}
	return out, true
}

func asRow(v any) (Row, bool) {
	switch v := v.(type) {
	case Row:
		return v, true
	case map[string]any:
		return Row(v), true
	}
	return nil, false
}
