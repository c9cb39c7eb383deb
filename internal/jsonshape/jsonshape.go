// Package jsonshape says what encoding/json makes of a Go type: which fields, of what JSON type, and
// which of them may be missing.
//
// It is for contracts: tests hold a type to what it was, and documents are written from it. It knows the
// kinds that a contract should have, and refuses the others. Enter at Of.
package jsonshape

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Kinds of JSON.
const (
	String   = "string"
	DateTime = "date-time" // a string, RFC 3339
	Integer  = "integer"
	Number   = "number"
	Boolean  = "boolean"
	Object   = "object"
	Map      = "map"   // an object with any names, all values of one type
	Array    = "array" // null when it is empty, unless it is left out then
)

// Type is the JSON of a Go type.
type Type struct {
	Kind   string
	Go     string  // the Go type's name, empty when it has none of its own
	Fields []Field // of an Object, in the order in which they are written
	Elem   *Type   // of a Map or an Array
}

// Field is one of an object.
type Field struct {
	Name     string
	Optional bool // left out when it is empty
	Type     *Type
	Owner    string // the Go struct that declares it, which may be an embedded one
	Go       string // the Go field
}

var timeType = reflect.TypeFor[time.Time]()

// Of returns the shape of t. It fails on kinds whose JSON is not fixed by the type, on types that write
// their own JSON, and on what could be null where a reader expects a value.
func Of(t reflect.Type) (*Type, error) {
	if t == timeType {
		return &Type{Kind: DateTime}, nil
	}
	if t.Implements(reflect.TypeFor[interface{ MarshalJSON() ([]byte, error) }]()) || t.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()) {
		return nil, fmt.Errorf("%s writes JSON of its own", t)
	}
	switch t.Kind() {
	case reflect.String:
		return &Type{Kind: String}, nil
	case reflect.Bool:
		return &Type{Kind: Boolean}, nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return &Type{Kind: Integer}, nil
	case reflect.Float64:
		return &Type{Kind: Number}, nil
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return container(Array, t)
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return container(Map, t)
		}
	case reflect.Struct:
		s := &Type{Kind: Object, Go: t.Name()}
		return s, s.add(t)
	}
	return nil, fmt.Errorf("%s has no fixed shape in JSON", t)
}

func container(kind string, t reflect.Type) (*Type, error) {
	elem, err := Of(t.Elem())
	if err != nil {
		return nil, err
	}
	return &Type{Kind: kind, Elem: elem}, nil
}

func (s *Type) add(t reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
			if err := s.add(f.Type); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" || name == "-" || !f.IsExported() {
			return fmt.Errorf("%s.%s has no name in JSON", t, f.Name)
		}
		ft, pointer := f.Type, f.Type.Kind() == reflect.Pointer
		if pointer {
			ft = ft.Elem()
		}
		shape, err := Of(ft)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		optional := optional(options, f.Type)
		if pointer && !optional {
			return fmt.Errorf("%s.%s is null without a value; leave it out then, with omitempty", t, f.Name)
		}
		s.Fields = append(s.Fields, Field{Name: name, Optional: optional, Type: shape, Owner: t.Name(), Go: f.Name})
	}
	return nil
}

// optional says whether a field can be missing: omitempty never leaves out a struct, omitzero does.
func optional(options string, t reflect.Type) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == "omitzero" || option == "omitempty" && t.Kind() != reflect.Struct {
			return true
		}
	}
	return false
}

// Path is a field seen from the root: "lines[].unitPrice.amount", or "options.*" for a map's values.
type Path struct {
	Name     string
	Kind     string
	Optional bool // beneath what holds it
}

// Paths lists all fields of an object, and the elements of its arrays and maps, depth first.
func (s *Type) Paths() []Path { return s.paths("", nil) }

func (s *Type) paths(prefix string, list []Path) []Path {
	switch s.Kind {
	case Object:
		for _, f := range s.Fields {
			name := strings.TrimPrefix(prefix+"."+f.Name, ".")
			list = f.Type.paths(name, append(list, Path{name, f.Type.Kind, f.Optional}))
		}
	case Array:
		list = s.Elem.paths(prefix+"[]", append(list, Path{prefix + "[]", s.Elem.Kind, false}))
	case Map:
		list = s.Elem.paths(prefix+".*", append(list, Path{prefix + ".*", s.Elem.Kind, false}))
	}
	return list
}
