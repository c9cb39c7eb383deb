package main

// The ways in which the access matrix asks for a field: documents made of the schema itself, so that a type
// or a field that is added tomorrow is asked for as well.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// style is how a selection is written.
type style int

const (
	plain     style = iota // fields by their names
	aliased                // every field by another name
	fragments              // every object by a named fragment
	inline                 // every object by an inline fragment, on its interfaces first where it has some
	deferred               // all of it in a payload of its own
)

var styles = map[style]string{plain: "directly", aliased: "by aliases", fragments: "by named fragments", inline: "by inline fragments", deferred: "deferred"}

// publicTypes are the same for everybody. Their scalars are asked for, and what they lead to only from their
// own root fields.
var publicTypes = []string{"Variant", "Availability", "Collection", "Money", "PageInfo", "UserError"}

// asked are arguments of fields below the root.
var asked = map[string]string{"first": "5", "country": `"DE"`}

// document is one operation; name tells a failure where it came from.
type document struct{ name, text string }

// documents of one root field: in every style, and along every path to an object type.
func documents(s *ast.Schema, kind string, root *ast.FieldDefinition, args, variables string) (list []document) {
	operation := func(way, selection, more string) {
		name := fmt.Sprintf("Q%d", len(list))
		list = append(list, document{way, fmt.Sprintf("%s %s(%s) { %s%s %s }%s", kind, name, variables, root.Name, args, selection, more)})
	}
	for st := plain; st <= deferred; st++ {
		if st == deferred && kind == "subscription" {
			continue
		}
		w := &writer{schema: s, style: st}
		if def := s.Types[root.Type.Name()]; st == aliased && def.IsAbstractType() {
			w.style = plain // has aliases
		}
		selection := w.selection(root.Type.Name(), nil)
		operation(styles[st], selection, w.fragments.String())
	}
	if kind == "query" {
		for _, path := range paths(s, root.Type.Name(), nil) {
			operation("through "+path.name, path.selection, "")
		}
	}
	return list
}

// writer writes all that can be selected of a type, each type once on a way down.
type writer struct {
	schema    *ast.Schema
	style     style
	names     int
	fragments strings.Builder
}

// selection is "" for a type without fields.
func (w *writer) selection(name string, above []string) string {
	def := w.schema.Types[name]
	if def == nil || def.IsLeafType() {
		return ""
	}
	above = append(above[:len(above):len(above)], name)
	var parts []string
	if def.IsAbstractType() { // what two objects call the same may differ in type: only these have other names
		parts = append(parts, "__typename")
		for _, object := range w.schema.GetPossibleTypes(def) {
			for _, f := range object.Fields {
				if text, ok := w.field(f, above); ok {
					parts = append(parts, fmt.Sprintf("... on %s { %s_%s: %s }", object.Name, object.Name, f.Name, text))
				}
			}
		}
		return "{ " + strings.Join(parts, " ") + " }"
	}
	for _, f := range def.Fields {
		if text, ok := w.field(f, above); ok {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	fields := strings.Join(parts, " ")
	switch w.style {
	case fragments:
		w.names++
		fmt.Fprintf(&w.fragments, " fragment F%d on %s { %s }", w.names, name, fields)
		return fmt.Sprintf("{ ...F%d }", w.names)
	case deferred:
		if len(above) == 1 {
			fields = "__typename ... @defer { " + fields + " }"
		}
	case inline:
		fields = fmt.Sprintf("... on %s { %s }", name, fields)
		for _, over := range def.Interfaces {
			fields = fmt.Sprintf("... on %s { __typename %s }", over, fields)
		}
	}
	return "{ " + fields + " }"
}

func (w *writer) field(f *ast.FieldDefinition, above []string) (string, bool) {
	args, ok := arguments(f)
	if strings.HasPrefix(f.Name, "__") || !ok {
		return "", false
	}
	text := f.Name + args
	if w.style == aliased {
		w.names++
		text = fmt.Sprintf("x%d: %s", w.names, text)
	}
	if leaf(w.schema, f) {
		return text, true
	}
	if slices.Contains(above, f.Type.Name()) || len(above) > 1 && slices.Contains(publicTypes, above[len(above)-1]) && f.Type.Name() != "Money" {
		return "", false
	}
	below := w.selection(f.Type.Name(), above)
	return text + " " + below, below != ""
}

func leaf(s *ast.Schema, f *ast.FieldDefinition) bool { return s.Types[f.Type.Name()].IsLeafType() }

// arguments gives a field below the root what it asks for; false where that is not known.
func arguments(f *ast.FieldDefinition) (string, bool) {
	var list []string
	for _, a := range f.Arguments {
		value, known := asked[a.Name]
		if known {
			list = append(list, a.Name+": "+value)
		} else if a.Type.NonNull && a.DefaultValue == nil {
			return "", false
		}
	}
	if len(list) == 0 {
		return "", true
	}
	return "(" + strings.Join(list, ", ") + ")", true
}

// path leads from a root field's type to the scalars of an object type.
type path struct{ name, selection string }

const longestPath = 6

// paths are the ways from a type down; the last type may have been above before, as an order's customer's orders.
func paths(s *ast.Schema, name string, above []string) (list []path) {
	def := s.Types[name]
	if def == nil || def.Kind != ast.Object || len(above) > longestPath || slices.Contains(publicTypes, name) && len(above) > 0 {
		return nil
	}
	again := slices.Contains(above, name)
	above = append(above[:len(above):len(above)], name)
	for _, f := range def.Fields {
		args, ok := arguments(f)
		if strings.HasPrefix(f.Name, "__") || !ok || leaf(s, f) {
			continue
		}
		if scalars := scalarsOf(s, f.Type.Name()); scalars != "" {
			list = append(list, path{f.Name, fmt.Sprintf("{ %s%s { %s } }", f.Name, args, scalars)})
		}
		if again {
			continue
		}
		for _, p := range paths(s, f.Type.Name(), above) {
			list = append(list, path{f.Name + "." + p.name, fmt.Sprintf("{ %s%s %s }", f.Name, args, p.selection)})
		}
	}
	return list
}

func scalarsOf(s *ast.Schema, name string) string {
	var names []string
	for _, f := range s.Types[name].Fields {
		if !strings.HasPrefix(f.Name, "__") && leaf(s, f) && len(f.Arguments) == 0 {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, " ")
}

// takesID reports whether an argument is an id, or an input object with one in it.
func takesID(s *ast.Schema, t *ast.Type, above []string) bool {
	name := t.Name()
	if name == "ID" {
		return true
	}
	def := s.Types[name]
	if def == nil || def.Kind != ast.InputObject || slices.Contains(above, name) {
		return false
	}
	return slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool { return takesID(s, f.Type, append(above, name)) })
}
