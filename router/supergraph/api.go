package supergraph

import (
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/validator"
)

// readAPI derives the public schema: no specification's elements, nothing inaccessible, and of the
// directives only those a client may use or see.
func (p *reading) readAPI() {
	hidden := map[string]bool{}
	for _, def := range p.doc.Definitions {
		if !def.BuiltIn && (p.links.machinery(def.Name) || p.inaccessible(def.Directives)) {
			hidden[def.Name] = true
		}
	}
	out := &ast.SchemaDocument{}
	for _, def := range p.doc.Definitions {
		if def.BuiltIn || hidden[def.Name] {
			continue
		}
		out.Definitions = append(out.Definitions, p.publicType(def, hidden))
	}
	sort.SliceStable(out.Definitions, func(i, j int) bool { return out.Definitions[i].Name < out.Definitions[j].Name })
	for _, dir := range p.doc.Directives {
		if p.publicDirective(dir) {
			c := *dir
			c.Arguments = p.publicArgs(dir.Arguments, hidden)
			out.Directives = append(out.Directives, &c)
		}
	}
	sort.SliceStable(out.Directives, func(i, j int) bool { return out.Directives[i].Name < out.Directives[j].Name })
	def := &ast.SchemaDefinition{}
	if len(p.doc.Schema) > 0 {
		def.Description = p.doc.Schema[0].Description
	}
	for _, op := range []ast.Operation{ast.Query, ast.Mutation, ast.Subscription} {
		if name := p.s.roots[op]; name != "" && !hidden[name] {
			def.OperationTypes = append(def.OperationTypes, &ast.OperationTypeDefinition{Operation: op, Type: name})
		}
	}
	out.Schema = ast.SchemaDefinitionList{def}

	var text strings.Builder
	formatter.NewFormatter(&text, formatter.WithIndent("  ")).FormatSchemaDocument(out)
	p.s.apiSDL = text.String()
	api, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: "api", Input: p.s.apiSDL})
	if err != nil {
		p.fail(nil, "derive the public schema: %w", err)
		return
	}
	// GraphQL's draft of incremental delivery has a non-null "if"; the prelude follows an older one.
	if d := api.Directives["defer"]; d != nil {
		d.Arguments.ForName("if").Type = ast.NonNullNamedType("Boolean", nil)
	}
	p.s.api = api
}

func (p *reading) inaccessible(dirs ast.DirectiveList) bool {
	for _, d := range dirs {
		if p.links.is(d, "inaccessible", "inaccessible") || p.links.is(d, "federation", "inaccessible") {
			return true
		}
	}
	return false
}

func (p *reading) publicDirective(d *ast.DirectiveDefinition) bool {
	if d.Position != nil && d.Position.Src != nil && d.Position.Src.BuiltIn {
		return false
	}
	switch d.Name {
	case "skip", "include", "deprecated", "specifiedBy", "oneOf", "defer", "link", "core":
		return false
	}
	if p.links.owned(d.Name) {
		return false
	}
	for _, loc := range d.Locations {
		switch loc {
		case ast.LocationQuery, ast.LocationMutation, ast.LocationSubscription, ast.LocationField,
			ast.LocationFragmentDefinition, ast.LocationFragmentSpread, ast.LocationInlineFragment,
			ast.LocationVariableDefinition:
			return true
		}
	}
	return false
}

func publicDirectives(in ast.DirectiveList) ast.DirectiveList {
	var out ast.DirectiveList
	for _, d := range in {
		switch d.Name {
		case "deprecated", "specifiedBy", "oneOf":
			out = append(out, d)
		}
	}
	return out
}

func (p *reading) publicType(def *ast.Definition, hidden map[string]bool) *ast.Definition {
	c := &ast.Definition{Kind: def.Kind, Name: def.Name, Description: def.Description, Directives: publicDirectives(def.Directives)}
	for _, i := range def.Interfaces {
		if !hidden[i] {
			c.Interfaces = append(c.Interfaces, i)
		}
	}
	for _, m := range def.Types {
		if !hidden[m] {
			c.Types = append(c.Types, m)
		}
	}
	for _, v := range def.EnumValues {
		if !p.inaccessible(v.Directives) {
			c.EnumValues = append(c.EnumValues, &ast.EnumValueDefinition{
				Name: v.Name, Description: v.Description, Directives: publicDirectives(v.Directives),
			})
		}
	}
	for _, f := range def.Fields {
		if len(f.Name) > 1 && f.Name[:2] == "__" || p.inaccessible(f.Directives) || hidden[f.Type.Name()] {
			continue
		}
		c.Fields = append(c.Fields, &ast.FieldDefinition{
			Name: f.Name, Description: f.Description, Type: f.Type, DefaultValue: f.DefaultValue,
			Arguments: p.publicArgs(f.Arguments, hidden), Directives: publicDirectives(f.Directives),
		})
	}
	return c
}

func (p *reading) publicArgs(in ast.ArgumentDefinitionList, hidden map[string]bool) ast.ArgumentDefinitionList {
	var out ast.ArgumentDefinitionList
	for _, a := range in {
		if p.inaccessible(a.Directives) || hidden[a.Type.Name()] {
			continue
		}
		out = append(out, &ast.ArgumentDefinition{
			Name: a.Name, Description: a.Description, Type: a.Type, DefaultValue: a.DefaultValue,
			Directives: publicDirectives(a.Directives),
		})
	}
	return out
}
