package main

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// changes are those of types and their members. Each reports whether it found something to change.
var changes = []func(*mutator) bool{
	dropField, dropField, renameField, copyFieldElsewhere, copyFieldElsewhere, copyFieldWithin, moveField, addField,
	dropType, copyType, renameType, changeKind, splitType,
	changeType, changeType, changeType, changeArgument, changeArgument, changeDefault, changeDefault,
	changeEnum, changeEnum, changeMembers, changeInterfaces, changeInterfaces, useElsewhere,
	changeRoots, describe, addDirectiveDefinition, foreignType,
}

func dropType(m *mutator) bool {
	p, ok := m.place(isType)
	if ok {
		drop(&p.doc.Definitions, p.def)
		drop(&p.doc.Extensions, p.def)
	}
	return ok
}

func copyType(m *mutator) bool {
	p, ok := m.place(isType)
	if !ok {
		return false
	}
	doc := m.other(p.doc)
	if named(doc, p.def.Name) != nil && m.chance(90) {
		return false
	}
	doc.Definitions = append(doc.Definitions, copyOf(p.def))
	return true
}

// renameType renames a type in its subgraph, with or without its uses.
func renameType(m *mutator) bool {
	p, ok := m.place(isType)
	if !ok {
		return false
	}
	old, name := p.def.Name, pick(m, []string{p.def.Name + "2", "Query", "Mutation", "Subscription", "_Entity", "_Any", "Int", "ID", "join__Graph", "link__Import", "FieldSet"})
	p.def.Name = name
	if m.chance(30) {
		return true
	}
	for _, d := range definitions(p.doc) {
		for i := range d.Types {
			if d.Types[i] == old {
				d.Types[i] = name
			}
		}
		for i := range d.Interfaces {
			if d.Interfaces[i] == old {
				d.Interfaces[i] = name
			}
		}
		for _, f := range d.Fields {
			rename(f.Type, old, name)
			for _, a := range f.Arguments {
				rename(a.Type, old, name)
			}
		}
	}
	return true
}

func rename(t *ast.Type, old, name string) {
	for t.Elem != nil {
		t = t.Elem
	}
	if t.NamedType == old {
		t.NamedType = name
	}
}

func changeKind(m *mutator) bool {
	p, ok := m.place(isType)
	if !ok {
		return false
	}
	switch p.def.Kind {
	case ast.Object:
		p.def.Kind = pick(m, []ast.DefinitionKind{ast.Interface, ast.Interface, ast.InputObject})
	case ast.Interface:
		p.def.Kind = pick(m, []ast.DefinitionKind{ast.Object, ast.Object, ast.InputObject})
	case ast.InputObject:
		p.def.Kind = ast.Object
	case ast.Scalar:
		p.def.Kind, p.def.EnumValues = ast.Enum, ast.EnumValueList{{Name: "RED"}}
	default:
		*p.def = ast.Definition{Kind: ast.Scalar, Name: p.def.Name, Directives: p.def.Directives}
	}
	return true
}

// splitType makes a type an extension, or part of it.
func splitType(m *mutator) bool {
	p, ok := m.place(isType)
	if !ok {
		return false
	}
	if i := slices.Index(p.doc.Definitions, p.def); i < 0 || m.chance(40) {
		if i < 0 {
			drop(&p.doc.Extensions, p.def)
			p.doc.Definitions = append(p.doc.Definitions, p.def)
		} else {
			drop(&p.doc.Definitions, p.def)
			p.def.Description = ""
			p.doc.Extensions = append(p.doc.Extensions, p.def)
		}
		return true
	}
	e := copyOf(p.def)
	e.Description = ""
	if n := len(e.Fields); n > 1 {
		at := 1 + m.IntN(n-1)
		p.def.Fields, e.Fields = p.def.Fields[:at], e.Fields[at:]
	}
	e.Interfaces, e.Types, e.EnumValues = nil, nil, nil
	if m.chance(50) {
		e.Directives = nil
	} else {
		p.def.Directives = nil
	}
	if len(e.Fields)+len(e.Directives) == 0 {
		return false
	}
	p.doc.Extensions = append(p.doc.Extensions, e)
	return true
}

func changeType(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return p.field != nil })
	switch {
	case !ok:
	case p.arg != nil:
		p.arg.Type = m.retype(p.doc, p.arg.Type)
	default:
		p.field.Type = m.retype(p.doc, p.field.Type)
	}
	return ok
}

func changeArgument(m *mutator) bool {
	if p, ok := m.place(isArgument); ok && m.chance(60) {
		if m.chance(50) {
			drop(&p.field.Arguments, p.arg)
		} else {
			p.arg.Name += "2"
		}
		return true
	}
	p, ok := m.place(isField)
	if !ok || p.def.Kind == ast.InputObject {
		return false
	}
	a := &ast.ArgumentDefinition{Name: pick(m, []string{"x", "y", "first"}), Type: typeText(pick(m, []string{"Int", "Int!", "[String!]", "ID"}))}
	if m.chance(20) {
		a.Type = &ast.Type{NamedType: m.typeName(p.doc)}
	}
	if m.chance(30) {
		a.DefaultValue = m.value(p.doc, a.Type)
	}
	p.field.Arguments = append(p.field.Arguments, a)
	return true
}

func changeDefault(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return p.arg != nil || p.field != nil && p.def.Kind == ast.InputObject })
	if !ok {
		return false
	}
	t, v := p.field.Type, &p.field.DefaultValue
	if p.arg != nil {
		t, v = p.arg.Type, &p.arg.DefaultValue
	}
	if *v != nil && m.chance(30) {
		*v = nil
	} else {
		*v = m.value(p.doc, t)
	}
	return true
}

func changeEnum(m *mutator) bool {
	p, ok := m.place(isOf(ast.Enum))
	if !ok {
		return false
	}
	if v, some := maybe(m, p.def.EnumValues); some && m.chance(50) {
		drop(&p.def.EnumValues, v)
		return true
	}
	p.def.EnumValues = append(p.def.EnumValues, &ast.EnumValueDefinition{Name: pick(m, []string{"RED", "NEW", "OLD", "__X", "A"})})
	return true
}

func changeMembers(m *mutator) bool {
	p, ok := m.place(isOf(ast.Union))
	if !ok {
		return false
	}
	if t, some := maybe(m, p.def.Types); some && m.chance(50) {
		drop(&p.def.Types, t)
		return true
	}
	p.def.Types = append(p.def.Types, m.typeName(p.doc))
	return true
}

func changeInterfaces(m *mutator) bool {
	p, ok := m.place(isOf(ast.Object, ast.Interface))
	if !ok {
		return false
	}
	if i, some := maybe(m, p.def.Interfaces); some && m.chance(50) {
		drop(&p.def.Interfaces, i)
		return true
	}
	var names []string
	for _, d := range definitions(p.doc) {
		if d.Kind == ast.Interface && d.Name != p.def.Name {
			names = append(names, d.Name)
		}
	}
	name, some := maybe(m, names)
	if !some {
		name = "Made"
		p.doc.Definitions = append(p.doc.Definitions, &ast.Definition{Kind: ast.Interface, Name: name, Fields: p.def.Fields[:min(1, len(p.def.Fields))]})
	}
	p.def.Interfaces = append(p.def.Interfaces, name)
	for _, f := range named(p.doc, name).Fields {
		if p.def.Fields.ForName(f.Name) == nil && m.chance(80) {
			p.def.Fields = append(p.def.Fields, copyField(f, ast.Object))
		}
	}
	return true
}

// useElsewhere uses a type in the other direction, or in one more place.
func useElsewhere(m *mutator) bool {
	p, ok := m.place(isOf(ast.Enum, ast.InputObject, ast.Scalar, ast.Object, ast.Interface, ast.Union))
	if !ok {
		return false
	}
	q, ok := m.place(func(q place) bool { return q.doc == p.doc && isOf(ast.Object)(q) })
	if !ok {
		return false
	}
	f := &ast.FieldDefinition{Name: "use" + p.def.Name, Type: &ast.Type{NamedType: p.def.Name}}
	if p.def.Kind == ast.InputObject || p.def.Kind == ast.Enum && m.chance(50) {
		f.Type = typeText("Int")
		f.Arguments = ast.ArgumentDefinitionList{{Name: "in", Type: &ast.Type{NamedType: p.def.Name, NonNull: m.chance(30)}}}
	}
	q.def.Fields = append(q.def.Fields, f)
	return true
}

func changeRoots(m *mutator) bool {
	doc := pick(m, m.docs)
	op := pick(m, []ast.Operation{ast.Query, ast.Mutation, ast.Subscription})
	standard := strings.ToUpper(string(op[:1])) + string(op[1:])
	d := named(doc, standard)
	switch {
	case d == nil && m.chance(70):
		d = &ast.Definition{Kind: ast.Object, Name: standard}
		d.Fields = ast.FieldList{{Name: pick(m, []string{"run", "go"}), Type: &ast.Type{NamedType: m.typeName(doc)}}}
		doc.Definitions = append(doc.Definitions, d)
		return true
	case d == nil:
		d = named(doc, m.typeName(doc))
	case m.chance(60):
		for _, e := range definitions(doc) {
			if e != d && e.Name == d.Name {
				return false
			}
		}
		d.Name = "My" + d.Name
	}
	if d == nil {
		return false
	}
	if len(doc.Schema) == 0 {
		doc.Schema = ast.SchemaDefinitionList{{}}
		for _, o := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
			name := strings.ToUpper(string(o[:1])) + string(o[1:])
			if o != op && named(doc, name) != nil && m.chance(90) {
				doc.Schema[0].OperationTypes = append(doc.Schema[0].OperationTypes, &ast.OperationTypeDefinition{Operation: o, Type: name})
			}
		}
	}
	doc.Schema[0].OperationTypes = append(doc.Schema[0].OperationTypes, &ast.OperationTypeDefinition{Operation: op, Type: d.Name})
	return true
}

func describe(m *mutator) bool {
	p, ok := m.place(func(p place) bool { return !slices.Contains(p.doc.Extensions, p.def) || !isType(p) })
	if ok {
		*p.desc = pick(m, []string{"", "One text.", "Another text.", "Two\nlines", "  indented", "a \"quote\" and \\ backslash"})
	}
	return ok
}

// foreignType brings a type of another set.
func foreignType(m *mutator) bool {
	s, ok := maybe(m, m.bases)
	if !ok {
		return false
	}
	docs := parseAll(s)
	doc, ok := maybe(m, docs)
	if !ok {
		return false
	}
	d, ok := maybe(m, definitions(doc))
	if !ok {
		return false
	}
	own := pick(m, m.docs)
	if old := named(own, d.Name); old != nil {
		for _, f := range d.Fields {
			if old.Fields.ForName(f.Name) == nil && old.Kind == d.Kind {
				old.Fields = append(old.Fields, f)
			}
		}
		return true
	}
	own.Definitions = append(own.Definitions, copyOf(d))
	return true
}
