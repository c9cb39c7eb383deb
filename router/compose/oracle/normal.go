package main

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Normal forms: a schema as sorted lines, one fact each, so that two schemas that mean the same are
// the same. Left out is what carries no meaning of the set: order, the definitions of the join and
// link specifications and the version of join (we write v0.5, Apollo the oldest that suffices).

// normalAPI is the normal form of a public schema.
func normalAPI(sdl string) []string { return normal(sdl) }

// normalSupergraph is the normal form of a supergraph: the schema and its @join__* and @link.
func normalSupergraph(sdl string) []string { return normal(sdl) }

func normal(sdl string) []string {
	doc, err := parser.ParseSchema(&ast.Source{Input: sdl})
	if err != nil {
		return []string{"not a schema: " + err.Error()}
	}
	n := &normalizer{types: doc.Definitions}
	for _, s := range doc.Schema {
		n.description("schema", s.Description)
		n.directives("schema", s.Directives)
		for _, op := range s.OperationTypes {
			n.add("schema", string(op.Operation), op.Type)
		}
	}
	if len(doc.Schema) == 0 {
		for _, op := range []string{"Query", "Mutation", "Subscription"} {
			if d := doc.Definitions.ForName(op); d != nil && d.Kind == ast.Object {
				n.add("schema", strings.ToLower(op), op)
			}
		}
	}
	for _, d := range doc.Directives {
		n.definition(d)
	}
	for _, d := range doc.Definitions {
		n.typ(d)
	}
	slices.Sort(n.lines)
	return n.lines
}

type normalizer struct {
	lines []string
	types ast.DefinitionList
}

func (n *normalizer) add(parts ...string) { n.lines = append(n.lines, strings.Join(parts, " ")) }

// ofSpecification reports whether a name is of the join or link specification, or is the router's.
func ofSpecification(name string) bool {
	for _, p := range []string{"join__", "link__", "core__"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return slices.Contains([]string{"link", "core", "skip", "include", "deprecated", "specifiedBy", "oneOf", "defer", "stream"}, name)
}

func (n *normalizer) description(what, text string) {
	if text = strings.TrimSpace(text); text != "" {
		n.add(what, "described", (&ast.Value{Kind: ast.StringValue, Raw: text}).String())
	}
}

func (n *normalizer) definition(d *ast.DirectiveDefinition) {
	if ofSpecification(d.Name) {
		return
	}
	what := "@" + d.Name
	n.add("directive", what)
	n.description(what, d.Description)
	if d.IsRepeatable {
		n.add(what, "repeatable")
	}
	for _, l := range d.Locations {
		n.add(what, "on", string(l))
	}
	n.arguments(what, d.Arguments)
}

func (n *normalizer) typ(d *ast.Definition) {
	if ofSpecification(d.Name) && d.Name != "join__Graph" {
		return
	}
	n.add(strings.ToLower(string(d.Kind)), d.Name)
	n.description(d.Name, d.Description)
	n.directives(d.Name, d.Directives)
	for _, i := range d.Interfaces {
		n.add(d.Name, "implements", i)
	}
	for _, m := range d.Types {
		n.add(d.Name, "holds", m)
	}
	for _, v := range d.EnumValues {
		what := d.Name + "." + v.Name
		n.add("value", what)
		n.description(what, v.Description)
		n.directives(what, v.Directives)
	}
	for _, f := range d.Fields {
		what := d.Name + "." + f.Name
		n.add("field", what, f.Type.String(), n.defaultOf(f.Type, f.DefaultValue))
		n.description(what, f.Description)
		n.arguments(what, f.Arguments)
		n.directives(what, f.Directives)
	}
}

func (n *normalizer) arguments(of string, args ast.ArgumentDefinitionList) {
	for _, a := range args {
		what := of + "(" + a.Name + ":)"
		n.add("argument", what, a.Type.String(), n.defaultOf(a.Type, a.DefaultValue))
		n.description(what, a.Description)
		n.directives(what, a.Directives)
	}
}

// defaultOf is a default as it is coerced: a single value stands for a list of it, and an input object has
// the defaults of the fields that are left out.
func (n *normalizer) defaultOf(t *ast.Type, v *ast.Value) string {
	if v == nil {
		return ""
	}
	return literal(n.coerced(t, v, 0))
}

func (n *normalizer) coerced(t *ast.Type, v *ast.Value, depth int) *ast.Value {
	own := *v
	own.Children = nil
	switch def := n.types.ForName(t.Name()); {
	case v.Kind == ast.NullValue || depth > 20:
		return v
	case t.Elem != nil && v.Kind == ast.ListValue:
		for _, c := range v.Children {
			own.Children = append(own.Children, &ast.ChildValue{Value: n.coerced(t.Elem, c.Value, depth+1)})
		}
		return &own
	case t.Elem != nil:
		return &ast.Value{Kind: ast.ListValue, Children: ast.ChildValueList{{Value: n.coerced(t.Elem, v, depth+1)}}}
	case def != nil && def.Kind == ast.InputObject && v.Kind == ast.ObjectValue:
		for _, f := range def.Fields {
			value := v.Children.ForName(f.Name)
			if value == nil {
				value = f.DefaultValue
			}
			if value != nil {
				own.Children = append(own.Children, &ast.ChildValue{Name: f.Name, Value: n.coerced(f.Type, value, depth+1)})
			}
		}
		return &own
	}
	return v
}

// directives adds applications. What an absent argument means is the same as giving its default.
func (n *normalizer) directives(of string, list ast.DirectiveList) {
	for _, d := range list {
		var args []string
		for _, a := range d.Arguments {
			if a.Value.Kind == ast.NullValue || isDefault(d.Name, a) {
				continue
			}
			args = append(args, a.Name+": "+argument(d.Name, a))
		}
		slices.Sort(args)
		n.add(of, "@"+d.Name, strings.Join(args, ", "))
	}
}

func isDefault(directive string, a *ast.Argument) bool {
	switch directive + "." + a.Name {
	case "deprecated.reason":
		return a.Value.Raw == "No longer supported"
	case "join__type.extension", "join__type.isInterfaceObject", "join__field.external", "join__field.usedOverridden":
		return a.Value.Raw == "false"
	case "join__type.resolvable", "listSize.requireOneSlicingArgument", "cost__listSize.requireOneSlicingArgument":
		return a.Value.Raw == "true"
	}
	return false
}

// argument is a value in normal form: lists of names and of imports are sets, field sets are sorted.
func argument(directive string, a *ast.Argument) string {
	switch a.Name {
	case "key", "requires", "provides":
		if strings.HasPrefix(directive, "join__") {
			return fieldSet(a.Value.Raw)
		}
	case "import", "graphs", "contextArguments", "slicingArguments", "sizedFields", "scopes", "policies":
		var parts []string
		for _, c := range a.Value.Children {
			parts = append(parts, literal(c.Value))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case "url":
		if at := strings.Index(a.Value.Raw, "specs.apollo.dev/join/"); at >= 0 {
			return "join"
		}
	}
	return literal(a.Value)
}

func fieldSet(text string) string {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		text = "{" + text + "}"
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil || len(doc.Operations) != 1 {
		return text
	}
	return selection(doc.Operations[0].SelectionSet)
}

func selection(sels ast.SelectionSet) string {
	var parts []string
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.Field:
			text := sel.Name
			for _, a := range sel.Arguments {
				text += "(" + a.Name + ": " + literal(a.Value) + ")"
			}
			if len(sel.SelectionSet) > 0 {
				text += selection(sel.SelectionSet)
			}
			parts = append(parts, text)
		case *ast.InlineFragment:
			parts = append(parts, "... on "+sel.TypeCondition+selection(sel.SelectionSet))
		}
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, " ") + "}"
}

// literal is a value as text; the order of an input object's fields means nothing.
func literal(v *ast.Value) string {
	if v == nil {
		return ""
	}
	var parts []string
	switch v.Kind {
	case ast.ListValue:
		for _, c := range v.Children {
			parts = append(parts, literal(c.Value))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case ast.ObjectValue:
		for _, c := range v.Children {
			parts = append(parts, c.Name+": "+literal(c.Value))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	case ast.StringValue, ast.BlockValue:
		return (&ast.Value{Kind: ast.StringValue, Raw: v.Raw}).String()
	}
	return v.Raw
}
