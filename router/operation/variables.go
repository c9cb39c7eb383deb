package operation

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"sort"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Variables coerces the values of the request's variables (GraphQL specification 6.1.2): defaults
// applied, absent ones left out, every wrong value its own error naming where it is. raw holds JSON
// values, numbers as json.Number or float64; it is not changed.
func (o *Operation) Variables(raw map[string]any) (map[string]any, gqlerror.List) {
	c := &coercion{schema: o.schema}
	out := make(map[string]any, len(o.Def.VariableDefinitions))
	for _, def := range o.Def.VariableDefinitions {
		value, given := raw[def.Variable]
		c.variable = def.Variable
		switch {
		case !given && def.DefaultValue != nil:
			out[def.Variable] = c.literal(def.Type, def.DefaultValue)
		case !given && def.Type.NonNull:
			c.fail(nil, "a value of type %s is required", def.Type)
		case given:
			out[def.Variable] = c.value(def.Type, value, nil)
		}
	}
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	return out, nil
}

type coercion struct {
	schema   *ast.Schema
	variable string
	errs     gqlerror.List
}

func (c *coercion) fail(path ast.Path, format string, args ...any) {
	if len(c.errs) >= maxErrors {
		return
	}
	at := "$" + c.variable
	if len(path) > 0 {
		at += (append(ast.Path{ast.PathName("")}, path...)).String()
	}
	err := gqlerror.Errorf("Variable %q is wrong: %s", at, fmt.Sprintf(format, args...))
	err.Extensions = map[string]any{"code": CodeInput}
	c.errs = append(c.errs, err)
}

func (c *coercion) value(t *ast.Type, v any, path ast.Path) any {
	if v == nil {
		if t.NonNull {
			c.fail(path, "null is not a %s", t)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok { // one value stands for a list of one
			return []any{c.value(t.Elem, v, path)}
		}
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = c.value(t.Elem, item, append(path[:len(path):len(path)], ast.PathIndex(i)))
		}
		return out
	}
	def := c.schema.Types[t.NamedType]
	if def == nil {
		c.fail(path, "its type %s is unknown", t.NamedType)
		return nil
	}
	switch def.Kind {
	case ast.Enum:
		s, ok := v.(string)
		if !ok || def.EnumValues.ForName(s) == nil {
			c.fail(path, "%s is not a value of %s", brief(v), def.Name)
		}
		return v
	case ast.InputObject:
		return c.object(def, v, path)
	default:
		return c.scalar(def, v, path)
	}
}

func (c *coercion) object(def *ast.Definition, v any, path ast.Path) any {
	in, ok := v.(map[string]any)
	if !ok {
		c.fail(path, "%s is not a %s object", brief(v), def.Name)
		return nil
	}
	names := make([]string, 0, len(in))
	for name := range in {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if def.Fields.ForName(name) == nil {
			c.fail(append(path[:len(path):len(path)], ast.PathName(name)), "%s has no such field", def.Name)
		}
	}
	out := make(map[string]any, len(def.Fields))
	for _, f := range def.Fields {
		at := append(path[:len(path):len(path)], ast.PathName(f.Name))
		value, given := in[f.Name]
		switch {
		case given:
			out[f.Name] = c.value(f.Type, value, at)
		case f.DefaultValue != nil:
			out[f.Name] = c.literal(f.Type, f.DefaultValue)
		case f.Type.NonNull:
			c.fail(at, "a value of type %s is required", f.Type)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		if len(in) != 1 {
			c.fail(path, "%s takes exactly one field, not %d", def.Name, len(in))
		} else if in[names[0]] == nil {
			c.fail(append(path[:len(path):len(path)], ast.PathName(names[0])), "the one field of %s must not be null", def.Name)
		}
	}
	return out
}

// literal gives the JSON value of a default; one value for a list becomes a list, as for variables.
func (c *coercion) literal(t *ast.Type, v *ast.Value) any {
	value, err := v.Value(nil)
	if err != nil {
		c.fail(nil, "its default cannot be read: %v", err)
		return nil
	}
	return c.value(t, value, nil)
}

func (c *coercion) scalar(def *ast.Definition, v any, path ast.Path) any {
	switch def.Name {
	case "Int":
		if n, ok := number(v); ok && n.IsInt() {
			if i := n.Num(); i.IsInt64() && i.Int64() >= math.MinInt32 && i.Int64() <= math.MaxInt32 {
				return i.Int64()
			}
		}
	case "Float":
		switch n := v.(type) {
		case json.Number:
			if f, err := n.Float64(); err == nil && !math.IsInf(f, 0) {
				return n
			}
		case float64:
			if !math.IsInf(n, 0) && !math.IsNaN(n) {
				return n
			}
		case int64, int:
			return n
		}
	case "String":
		if _, ok := v.(string); ok {
			return v
		}
	case "Boolean":
		if _, ok := v.(bool); ok {
			return v
		}
	case "ID":
		if _, ok := v.(string); ok {
			return v
		}
		if n, ok := number(v); ok && n.IsInt() {
			return n.Num().String()
		}
	default:
		return v // a custom scalar is the subgraph's to judge
	}
	c.fail(path, "%s is not a %s", brief(v), def.Name)
	return nil
}

// number reads a JSON number exactly; exponents that would make it huge are refused.
func number(v any) (*big.Rat, bool) {
	switch n := v.(type) {
	case json.Number:
		if len(n) > 40 {
			return nil, false
		}
		f, err := strconv.ParseFloat(string(n), 64)
		if err != nil || math.Abs(f) > 1e30 || (f != 0 && math.Abs(f) < 1e-30) {
			return nil, false
		}
		return new(big.Rat).SetString(string(n))
	case float64:
		if math.IsInf(n, 0) || math.IsNaN(n) {
			return nil, false
		}
		return new(big.Rat).SetFloat64(n), true
	case int:
		return new(big.Rat).SetInt64(int64(n)), true
	case int64:
		return new(big.Rat).SetInt64(n), true
	}
	return nil, false
}

// brief names a value in a message without repeating what a client may want kept out of logs.
func brief(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case json.Number, float64, int, int64:
		return "a number such as " + fmt.Sprint(v)
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "this value"
}
