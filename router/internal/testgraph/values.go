package testgraph

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

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
		return x.form(v, row, args, path)
	}
	return v
}

func (x *executing) form(v map[string]any, row Row, args map[string]any, path []any) any {
	if message, ok := v["$error"].(string); ok {
		code, _ := v["code"].(string)
		x.fail(path, message, code)
		return failed{}
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
	if seed, ok := v["$mix"].(string); ok {
		return x.mix(seed, v, row, args, path)
	}
	if known, ok := v["$given"]; ok {
		return overlay(x.expand(v["$own"], row, args, path), known)
	}
	if typ, ok := v["$ref"].(string); ok {
		want := Row{}
		for k, val := range v {
			if k != "$ref" {
				want[k] = x.expand(val, row, args, path)
			}
		}
		if found := x.find(typ, want); found != nil {
			return found
		}
		return nil
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

// mix makes a value that depends on arguments and on other fields of the object: a text, or one of
// "from".
func (x *executing) mix(seed string, v map[string]any, row Row, args map[string]any, path []any) any {
	text := seed
	if of, ok := v["of"].(string); ok {
		text += canonical(x.take(row, x.s.selection(of)))
	}
	if len(args) > 0 {
		text += canonical(args)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	sum := h.Sum64()
	if from, ok := v["from"].([]any); ok {
		return x.expand(from[sum%uint64(len(from))], row, args, path)
	}
	return seed + "#" + strconv.FormatUint(sum&0xffffffff, 16)
}

// take reads a selection of an object as a subgraph that requires it gets it.
func (x *executing) take(v any, set ast.SelectionSet) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = x.take(v[i], set)
		}
		return out
	case map[string]any:
		return x.take(Row(v), set)
	case Row:
		out := map[string]any{}
		x.takeInto(out, v, set)
		return out
	case failed:
		return nil
	}
	return v
}

func (x *executing) takeInto(out map[string]any, row Row, set ast.SelectionSet) {
	name, _ := row["__typename"].(string)
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			args := map[string]any{}
			for _, a := range sel.Arguments {
				args[a.Name], _ = a.Value.Value(nil)
			}
			if def := x.s.schema.Types[name]; def != nil {
				if field := def.Fields.ForName(sel.Name); field != nil {
					args = (&ast.Field{Arguments: sel.Arguments, Definition: field}).ArgumentMap(nil)
					for _, a := range field.Arguments {
						if v, ok := args[a.Name]; ok {
							args[a.Name] = coerce(x.s.schema, a.Type, v)
						}
					}
				}
			}
			v := x.expand(row[sel.Name], row, args, nil)
			if len(sel.SelectionSet) > 0 {
				v = x.take(v, sel.SelectionSet)
			}
			out[sel.Name] = v
		case *ast.InlineFragment:
			if def := x.s.schema.Types[name]; sel.TypeCondition == "" || def != nil && x.s.applies(sel.TypeCondition, def) {
				x.takeInto(out, row, sel.SelectionSet)
			}
		}
	}
}

// selection parses the text of a field set, once.
func (s *Subgraph) selection(text string) ast.SelectionSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.selections[text]; ok {
		return set
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: "{" + text + "}"})
	var set ast.SelectionSet
	if err == nil {
		set = doc.Operations[0].SelectionSet
	}
	s.selections[text] = set
	return set
}

// canonical is a value as JSON with sorted keys.
func canonical(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// overlay adds to a value what a representation said about it.
func overlay(own, known any) any {
	switch k := known.(type) {
	case map[string]any:
		row, ok := asRow(own)
		if !ok {
			return own
		}
		out := maps.Clone(row)
		for name, v := range k {
			if have, ok := out[name]; !ok {
				out[name] = v
			} else if isContainer(v) && isContainer(have) && !reflect.DeepEqual(have, v) { // a key that is JSON adds nothing
				out[name] = map[string]any{"$own": have, "$given": v}
			}
		}
		return out
	case []any:
		list, ok := own.([]any)
		if !ok || len(list) != len(k) {
			return own
		}
		out := make([]any, len(list))
		for i := range list {
			out[i] = overlay(list[i], k[i])
		}
		return out
	}
	return own
}

func isContainer(v any) bool {
	switch v.(type) {
	case map[string]any, Row, []any:
		return true
	}
	return false
}

// coerce gives a value the form its input type has, whether it was written or passed as a variable.
func coerce(schema *ast.Schema, t *ast.Type, v any) any {
	if v == nil {
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		out := make([]any, len(list))
		for i := range list {
			out[i] = coerce(schema, t.Elem, list[i])
		}
		return out
	}
	switch t.NamedType {
	case "ID", "String":
		if s, ok := v.(string); ok {
			return s
		}
		return fmt.Sprint(v)
	case "Float", "Int":
		var f float64
		if _, err := fmt.Sscan(fmt.Sprint(v), &f); err == nil {
			return f
		}
		return v
	}
	def := schema.Types[t.NamedType]
	fields, ok := v.(map[string]any)
	if !ok || def == nil || def.Kind != ast.InputObject {
		return v
	}
	out := map[string]any{}
	for _, f := range def.Fields {
		if given, ok := fields[f.Name]; ok {
			out[f.Name] = coerce(schema, f.Type, given)
		} else if f.DefaultValue != nil {
			value, _ := f.DefaultValue.Value(nil)
			out[f.Name] = coerce(schema, f.Type, value)
		}
	}
	return out
}
