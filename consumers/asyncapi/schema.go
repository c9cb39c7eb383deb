package main

import (
	"github.com/goccy/go-yaml"

	"storefront/internal/jsonshape"
)

// object is a YAML mapping in the order in which it is written.
type object = yaml.MapSlice

func entry(key string, value any) yaml.MapItem { return yaml.MapItem{Key: key, Value: value} }

func ref(to string) object { return object{entry("$ref", to)} }

// schemas are the named types that schemas refer to.
type schemas struct {
	comments *comments
	names    []string // in the order in which they were needed
	byName   map[string]object
}

// of is the schema of a type; a named one is added to the others and referred to.
func (s *schemas) of(t *jsonshape.Type) object {
	switch t.Kind {
	case jsonshape.Object:
		if _, known := s.byName[t.Go]; !known {
			s.names = append(s.names, t.Go)
			s.byName[t.Go] = nil // its place
			s.byName[t.Go] = s.object(t)
		}
		return ref("#/components/schemas/" + t.Go)
	case jsonshape.Array:
		return object{entry("type", "array"), entry("items", s.of(t.Elem))}
	case jsonshape.Map:
		return object{entry("type", "object"), entry("additionalProperties", s.of(t.Elem))}
	case jsonshape.DateTime:
		return object{entry("type", "string"), entry("format", "date-time")}
	}
	return object{entry("type", t.Kind)}
}

func (s *schemas) object(t *jsonshape.Type) object {
	var required []string
	var properties object
	for _, f := range t.Fields {
		schema := s.of(f.Type)
		if !f.Optional {
			required = append(required, f.Name)
			if f.Type.Kind == jsonshape.Array || f.Type.Kind == jsonshape.Map { // Go writes an empty one as null
				schema[0].Value = []string{schema[0].Value.(string), "null"}
			}
		}
		properties = append(properties, entry(f.Name, described(schema, s.comments.fields[f.Owner][f.Go])))
	}
	o := object{entry("type", "object")}
	if text := s.comments.types[t.Go]; text != "" {
		o = append(o, entry("description", text))
	}
	if len(required) > 0 {
		o = append(o, entry("required", required))
	}
	return append(o, entry("properties", properties))
}

// described adds a description. Beside a $ref nothing counts, so that is wrapped.
func described(schema object, text string) object {
	if text == "" {
		return schema
	}
	if schema[0].Key == "$ref" {
		schema = object{entry("allOf", []object{schema})}
	}
	return append(schema, entry("description", text))
}
