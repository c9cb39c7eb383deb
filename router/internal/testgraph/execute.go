package testgraph

import (
	"fmt"
	"maps"

	"github.com/vektah/gqlparser/v2/ast"
)

// executing is one operation; it follows the GraphQL specification's algorithm plainly.
type executing struct {
	s      *Subgraph
	vars   map[string]any
	errors []failure
}

func (x *executing) fail(path []any, message, code string) {
	f := failure{Message: message, Path: append([]any(nil), path...)}
	if code != "" {
		f.Extensions = map[string]any{"code": code}
	}
	x.errors = append(x.errors, f)
}

func (x *executing) object(def *ast.Definition, row Row, set ast.SelectionSet, path []any) (map[string]any, bool) {
	out := map[string]any{}
	ok := x.fields(def, row, set, path, out)
	return out, ok
}

func (x *executing) fields(def *ast.Definition, row Row, set ast.SelectionSet, path []any, out map[string]any) bool {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			if !x.included(sel.Directives) {
				continue
			}
			if sel.Name == "__typename" {
				out[sel.Alias] = def.Name
				continue
			}
			at := append(path[:len(path):len(path)], sel.Alias)
			v, ok := x.complete(sel.Definition.Type, x.resolve(def, row, sel, at), sel.SelectionSet, at)
			if !ok {
				return false
			}
			if old, isMap := out[sel.Alias].(map[string]any); isMap {
				if m, isMap := v.(map[string]any); isMap {
					maps.Copy(old, m)
					continue
				}
			}
			out[sel.Alias] = v
		case *ast.InlineFragment:
			if x.included(sel.Directives) && x.applies(sel.TypeCondition, def) && !x.fields(def, row, sel.SelectionSet, path, out) {
				return false
			}
		}
	}
	return true
}

func (x *executing) included(dirs ast.DirectiveList) bool {
	for _, d := range dirs {
		v, _ := d.Arguments.ForName("if").Value.Value(x.vars)
		if v != (d.Name == "include") {
			return false
		}
	}
	return true
}

func (x *executing) applies(cond string, def *ast.Definition) bool {
	if cond == "" || cond == def.Name {
		return true
	}
	for _, d := range x.s.schema.PossibleTypes[cond] {
		if d.Name == def.Name {
			return true
		}
	}
	return false
}

func (x *executing) resolve(def *ast.Definition, row Row, f *ast.Field, path []any) any {
	args := f.ArgumentMap(x.vars)
	if f.Name == "_entities" {
		return x.entities(args["representations"])
	}
	v, ok := row[f.Name]
	if root, isRoot := x.s.data.Roots[def.Name+"."+f.Name]; isRoot {
		v, ok = root, true
	}
	if !ok {
		return nil
	}
	return x.expand(v, row, args, path)
}

// expand turns the $ forms of data into values.
func (x *executing) expand(v any, row Row, args map[string]any, path []any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = x.expand(item, row, args, append(path[:len(path):len(path)], i))
		}
		return out
	case map[string]any:
		if message, ok := v["$error"].(string); ok {
			code, _ := v["code"].(string)
			x.fail(path, message, code)
			return nil
		}
		if name, ok := v["$arg"].(string); ok {
			return args[name]
		}
		if fields, ok := v["$join"].([]any); ok {
			text := ""
			for i, f := range fields {
				if i > 0 {
					text += "|"
				}
				text += fmt.Sprint(row[f.(string)])
			}
			return text
		}
		if typ, ok := v["$ref"].(string); ok {
			want := Row{}
			for k, val := range v {
				if k != "$ref" {
					want[k] = x.expand(val, row, args, path)
				}
			}
			return x.find(typ, want)
		}
		out := make(map[string]any, len(v))
		for k, val := range v {
			if m, ok := val.(map[string]any); ok && m["$arg"] != nil {
				val = x.expand(m, row, args, path)
			}
			out[k] = val
		}
		return out
	}
	return v
}

func (x *executing) entities(reps any) any {
	list, _ := reps.([]any)
	out := make([]any, len(list))
	for i, rep := range list {
		r, _ := rep.(map[string]any)
		typ, _ := r["__typename"].(string)
		if row := x.find(typ, r); row != nil {
			out[i] = row
		}
	}
	return out
}

// find returns the row of a type, or of an interface's implementers, that agrees with all it shares
// with want, want's fields added; nil when there is none. A type without rows is what it is asked for.
func (x *executing) find(typ string, want Row) any {
	if def := x.s.schema.Types[typ]; def != nil && def.Kind == ast.Interface {
		for _, impl := range x.s.schema.PossibleTypes[typ] {
			if row := x.find(impl.Name, want); row != nil {
				return row
			}
		}
		return nil
	}
	rows, known := x.s.data.Entities[typ]
	if !known {
		rows = []Row{{}}
	}
	for _, row := range rows {
		match := true
		for k, v := range want {
			if have, ok := row[k]; ok && k != "__typename" && fmt.Sprint(have) != fmt.Sprint(v) {
				match = false
			}
		}
		if match {
			out := map[string]any{}
			maps.Copy(out, want)
			maps.Copy(out, row)
			out["__typename"] = typ
			return out
		}
	}
	return nil
}

func (x *executing) complete(t *ast.Type, v any, set ast.SelectionSet, path []any) (any, bool) {
	if v == nil {
		if t.NonNull && (len(x.errors) == 0) {
			x.fail(path, "null for a non-nullable field", "")
		}
		return nil, !t.NonNull
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return v, true
		}
		out := make([]any, len(list))
		for i, item := range list {
			done, ok := x.complete(t.Elem, item, set, append(path[:len(path):len(path)], i))
			if !ok {
				return nil, !t.NonNull
			}
			out[i] = done
		}
		return out, true
	}
	def := x.s.schema.Types[t.NamedType]
	if !def.IsCompositeType() {
		return v, true
	}
	row, ok := v.(map[string]any)
	if !ok {
		return v, true // wrong on purpose
	}
	if name, ok := row["__typename"].(string); ok && x.s.schema.Types[name] != nil {
		def = x.s.schema.Types[name]
	}
	out, ok := x.object(def, row, set, path)
	if !ok {
		return nil, !t.NonNull
	}
	return out, true
}
