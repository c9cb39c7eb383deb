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
	c := &coercion{schema: o.schema, most: o.most}
	out := make(map[string]any, len(o.Def.VariableDefinitions))
	for _, def := range o.Def.VariableDefinitions {
		value, given := raw[def.Variable]
		c.variable = def.Variable
		switch {
		case !given && def.DefaultValue != nil:
			out[def.Variable] = c.literal(def.Type, def.DefaultValue)
		case !given && def.Type.NonNull:
			c.fail("a value of type %s is required", def.Type)
		case given:
			out[def.Variable] = c.value(def.Type, value)
		}
	}
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	return out, nil
}

type coercion struct {
	schema   *ast.Schema
	most     int // items of one list; 0 for any
	variable string
	path     []step // to the value being coerced
	errs     gqlerror.List
}

// step is a field's name or, where that is "", an index of a list.
type step struct {
	field string
	index int
}

func (c *coercion) fail(format string, args ...any) { c.failAs(CodeInput, format, args...) }

func (c *coercion) failAs(code, format string, args ...any) {
	if c.full() {
		return
	}
	at := "$" + c.variable
	for i, s := range c.path {
		switch {
		case i == 10 && len(c.path) > 20: // the middle of a long way says nothing
			at += "…"
		case i > 10 && i < len(c.path)-10:
		case s.field != "":
			at += "." + s.field
		default:
			at += "[" + strconv.Itoa(s.index) + "]"
		}
	}
	err := gqlerror.Errorf("%s", Brief(fmt.Sprintf("Variable %q is wrong: %s", at, fmt.Sprintf(format, args...))))
	err.Extensions = map[string]any{"code": code}
	c.errs = append(c.errs, err)
}

// full reports whether enough is wrong to stop looking.
func (c *coercion) full() bool { return len(c.errs) >= maxErrors }

// within coerces a value that is part of another.
func (c *coercion) within(s step, t *ast.Type, v any) any {
	c.path = append(c.path, s)
	out := c.value(t, v)
	c.path = c.path[:len(c.path)-1]
	return out
}

// failWithin is fail for a part of a value.
func (c *coercion) failWithin(field, format string, args ...any) {
	c.path = append(c.path, step{field: field})
	c.fail(format, args...)
	c.path = c.path[:len(c.path)-1]
}

func (c *coercion) value(t *ast.Type, v any) any {
	if v == nil {
		if t.NonNull {
			c.fail("null is not a %s", t)
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok { // one value stands for a list of one
			return []any{c.value(t.Elem, v)}
		}
		if c.most > 0 && len(list) > c.most {
			c.failAs(CodeTooLarge, "the list has %d items; %d are allowed in one list", len(list), c.most)
			return nil
		}
		out := make([]any, len(list))
		for i, item := range list {
			if c.full() {
				return nil
			}
			out[i] = c.within(step{index: i}, t.Elem, item)
		}
		return out
	}
	def := c.schema.Types[t.NamedType]
	if def == nil {
		c.fail("its type %s is unknown", t.NamedType)
		return nil
	}
	switch def.Kind {
	case ast.Enum:
		s, ok := v.(string)
		if !ok || def.EnumValues.ForName(s) == nil {
			c.fail("%s is not a value of %s", brief(v), def.Name)
		}
		return v
	case ast.InputObject:
		return c.object(def, v)
	default:
		return c.scalar(def, v)
	}
}

func (c *coercion) object(def *ast.Definition, v any) any {
	in, ok := v.(map[string]any)
	if !ok {
		c.fail("%s is not a %s object", brief(v), def.Name)
		return nil
	}
	var unknown []string
	for name := range in {
		if def.Fields.ForName(name) == nil {
			unknown = append(unknown, name)
		}
	}
	sort.Strings(unknown)
	for _, name := range unknown[:min(len(unknown), maxErrors)] {
		c.failWithin(name, "%s has no such field", def.Name)
	}
	out := make(map[string]any, len(def.Fields))
	for _, f := range def.Fields {
		value, given := in[f.Name]
		switch {
		case given:
			out[f.Name] = c.within(step{field: f.Name}, f.Type, value)
		case f.DefaultValue != nil:
			out[f.Name] = c.literal(f.Type, f.DefaultValue)
		case f.Type.NonNull:
			c.failWithin(f.Name, "a value of type %s is required", f.Type)
		}
	}
	if def.Directives.ForName("oneOf") != nil {
		if len(in) != 1 {
			c.fail("%s takes exactly one field, not %d", def.Name, len(in))
		}
		for name, value := range in {
			if value == nil && len(in) == 1 {
				c.failWithin(name, "the one field of %s must not be null", def.Name)
			}
		}
	}
	return out
}

// literal gives the JSON value of a default; one value for a list becomes a list, as for variables.
func (c *coercion) literal(t *ast.Type, v *ast.Value) any {
	value, err := v.Value(nil)
	if err != nil {
		c.fail("its default cannot be read: %v", err)
		return nil
	}
	return c.value(t, value)
}

func (c *coercion) scalar(def *ast.Definition, v any) any {
	switch def.Name {
	case "Int":
		if plainInt(v) {
			return v
		}
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
	c.fail("%s is not a %s", brief(v), def.Name)
	return nil
}

// plainInt reports whether v is written as an Int is: digits, no more than always fit.
func plainInt(v any) bool {
	n, ok := v.(json.Number)
	if !ok || len(n) > 9 {
		return false
	}
	for i := range len(n) {
		if n[i] < '0' || n[i] > '9' {
			return false
		}
	}
	return true
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
		text := fmt.Sprint(v)
		if len(text) > 30 {
			text = text[:30] + "…"
		}
		return "a number such as " + text
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "this value"
}
