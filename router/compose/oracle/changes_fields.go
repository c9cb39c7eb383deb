package main

import (
	"github.com/vektah/gqlparser/v2/ast"
)

func dropField(m *mutator) bool {
	p, ok := m.place(isField)
	if ok {
		drop(&p.def.Fields, p.field)
	}
	return ok
}

func renameField(m *mutator) bool {
	p, ok := m.place(isField)
	if ok {
		p.field.Name = pick(m, []string{p.field.Name + "2", "renamed", "id", "__" + p.field.Name, "_service", "_entities"})
	}
	return ok
}

// copyFieldElsewhere gives a field to the same type of another subgraph, or a stub of the type.
func copyFieldElsewhere(m *mutator) bool {
	p, ok := m.place(isField)
	if !ok {
		return false
	}
	doc := m.other(p.doc)
	d := named(doc, p.def.Name)
	if d == nil {
		d = copyOf(p.def)
		if m.chance(50) {
			d.Fields = nil
		}
		doc.Definitions = append(doc.Definitions, d)
	}
	f := copyField(p.field, d.Kind)
	if m.chance(30) {
		f.Directives = nil
	}
	if old := d.Fields.ForName(f.Name); old != nil {
		if m.chance(80) {
			return false
		}
	}
	d.Fields = append(d.Fields, f)
	return true
}

func copyFieldWithin(m *mutator) bool {
	p, ok := m.place(isField)
	q, ok2 := m.place(hasFields)
	if !ok || !ok2 {
		return false
	}
	f := copyField(p.field, p.def.Kind)
	if m.chance(85) && q.def.Fields.ForName(f.Name) != nil {
		f.Name += "Copy"
	}
	q.def.Fields = append(q.def.Fields, f)
	return true
}

func moveField(m *mutator) bool {
	p, ok := m.place(isField)
	if !ok {
		return false
	}
	doc := m.other(p.doc)
	d := named(doc, p.def.Name)
	if d == nil || doc == p.doc {
		return false
	}
	drop(&p.def.Fields, p.field)
	if d.Fields.ForName(p.field.Name) == nil {
		d.Fields = append(d.Fields, p.field)
	}
	return true
}

func addField(m *mutator) bool {
	p, ok := m.place(hasFields)
	if ok {
		p.def.Fields = append(p.def.Fields, &ast.FieldDefinition{Name: pick(m, []string{"extra", "id", "more"}), Type: m.retype(p.doc, &ast.Type{NamedType: m.typeName(p.doc)})})
	}
	return ok
}
