package gateway

// What operations and their variables name of input types. Names are the schema's, and no value of a client's is among
// them.

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"storefront/internal/jsonscan"
)

// inputs are names of input objects' fields and of enums' values, by their types.
type inputs struct {
	schema *ast.Schema
	named  map[[2]string]struct{}
}

func newInputs(schema *ast.Schema) inputs { return inputs{schema, map[[2]string]struct{}{}} }

// list is what was named, as Input.field and Enum.VALUE, sorted.
func (in inputs) list() []string {
	var list []string
	for name := range in.named {
		list = append(list, name[0]+"."+name[1])
	}
	slices.Sort(list)
	return list
}

// field notes a field of an input object, and returns its type; nil where there is none.
func (in inputs) field(def *ast.Definition, name string) *ast.Type {
	f := def.Fields.ForName(name)
	if f == nil {
		return nil
	}
	in.named[[2]string{def.Name, name}] = struct{}{}
	return f.Type
}

func (in inputs) enum(def *ast.Definition, value string) {
	if def.EnumValues.ForName(value) != nil {
		in.named[[2]string{def.Name, value}] = struct{}{}
	}
}

// literal notes what is in an operation's text.
func (in inputs) literal(t *ast.Type, v *ast.Value) {
	def := in.of(t)
	switch {
	case def == nil || v == nil:
	case v.Kind == ast.ListValue:
		for _, item := range v.Children {
			in.literal(t, item.Value)
		}
	case v.Kind == ast.ObjectValue && def.Kind == ast.InputObject:
		for _, member := range v.Children {
			in.literal(in.field(def, member.Name), member.Value)
		}
	case v.Kind == ast.EnumValue && def.Kind == ast.Enum:
		in.enum(def, v.Raw)
	}
}

// value notes what is in a variable.
func (in inputs) value(t *ast.Type, v any) {
	def := in.of(t)
	if def == nil {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			in.value(t, item)
		}
	case map[string]any:
		if def.Kind == ast.InputObject {
			for name, member := range v {
				in.value(in.field(def, name), member)
			}
		}
	case string:
		if def.Kind == ast.Enum {
			in.enum(def, v)
		}
	}
}

// of is the input object or the enum that a type is of; nil for a scalar.
func (in inputs) of(t *ast.Type) *ast.Definition {
	if t == nil {
		return nil
	}
	if def := in.schema.Types[t.Name()]; def != nil && (def.Kind == ast.InputObject || def.Kind == ast.Enum) {
		return def
	}
	return nil
}

// inputsOf are what the variables of a job name. Most operations have none that could.
func (j *job) inputsOf() []string {
	if len(j.inputs) == 0 || len(j.sent) == 0 {
		return nil
	}
	in := newInputs(j.edition.supergraph.API())
	_ = members(j.sent, func(name, value []byte) error { // they were read before
		t := j.inputs[string(name)]
		if t == nil {
			return nil
		}
		v, err := (&jsonscan.Scanner{Data: value}).Value(1)
		in.value(t, v)
		return err
	})
	return slices.DeleteFunc(in.list(), func(name string) bool { // what the text names as well counts once
		_, there := slices.BinarySearch(j.fields, name)
		return there
	})
}
