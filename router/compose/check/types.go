package check

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

func (c *comparison) types(before, after *ast.Definition) {
	switch {
	case before == nil:
		if !builtIn(after) {
			c.add(Safe, after.Name, "the %s was added", kind(after))
		}
		return
	case builtIn(before):
		return
	case after == nil:
		c.add(Breaking, before.Name, "the %s was removed", kind(before))
		return
	case before.Kind != after.Kind:
		c.add(Breaking, before.Name, "it was %s and is now %s", article(kind(before)), article(kind(after)))
		return
	}
	switch before.Kind {
	case ast.Object, ast.Interface:
		c.interfaces(before, after)
		c.outputFields(before, after)
	case ast.Union:
		c.members(before, after)
	case ast.Enum:
		c.values(before, after)
	case ast.InputObject:
		c.inputFields(before, after)
	}
}

func builtIn(d *ast.Definition) bool { return d.BuiltIn || strings.HasPrefix(d.Name, "__") }

func kind(d *ast.Definition) string {
	return map[ast.DefinitionKind]string{ast.Object: "object type", ast.Interface: "interface", ast.Union: "union",
		ast.Enum: "enum", ast.InputObject: "input object", ast.Scalar: "scalar"}[d.Kind]
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func (c *comparison) interfaces(before, after *ast.Definition) {
	for _, i := range before.Interfaces {
		if !slices.Contains(after.Interfaces, i) {
			c.add(Breaking, before.Name, "it no longer implements %s; fragments between the two are no longer valid", i)
		}
	}
	for _, i := range after.Interfaces {
		if !slices.Contains(before.Interfaces, i) {
			c.add(Dangerous, before.Name, "it now implements %s, where clients may not expect it", i)
		}
	}
}

func (c *comparison) outputFields(before, after *ast.Definition) {
	for _, f := range before.Fields {
		at := before.Name + "." + f.Name
		g := after.Fields.ForName(f.Name)
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		if g == nil {
			c.add(Breaking, at, "the field was removed%s", wasDeprecated(f.Directives))
			continue
		}
		if !outputFits(f.Type, g.Type) {
			c.add(Breaking, at, "its type was %s and is now %s", f.Type, g.Type)
		} else if f.Type.String() != g.Type.String() {
			c.add(Safe, at, "its type was %s and is now %s, which promises more", f.Type, g.Type)
		}
		c.arguments(at, f.Arguments, g.Arguments)
		c.deprecation(at, f.Directives, g.Directives)
	}
	for _, g := range after.Fields {
		if before.Fields.ForName(g.Name) == nil && !strings.HasPrefix(g.Name, "__") {
			c.add(Safe, before.Name+"."+g.Name, "the field was added")
		}
	}
}

func wasDeprecated(dirs ast.DirectiveList) string {
	if dirs.ForName("deprecated") != nil {
		return "; it was deprecated"
	}
	return ""
}

func (c *comparison) deprecation(at string, before, after ast.DirectiveList) {
	if before.ForName("deprecated") == nil && after.ForName("deprecated") != nil {
		c.add(Safe, at, "it is deprecated now")
	}
}

// outputFits reports whether whoever reads values of one type can read those of the other.
func outputFits(before, after *ast.Type) bool {
	if before.NonNull && !after.NonNull || (before.Elem == nil) != (after.Elem == nil) {
		return false
	}
	if before.Elem != nil {
		return outputFits(before.Elem, after.Elem)
	}
	return before.NamedType == after.NamedType
}

// inputFits reports whether whatever was accepted still is.
func inputFits(before, after *ast.Type) bool { return outputFits(after, before) }

func (c *comparison) arguments(at string, before, after ast.ArgumentDefinitionList) {
	for _, a := range before {
		coordinate := at + "(" + a.Name + ":)"
		b := after.ForName(a.Name)
		if b == nil {
			c.add(Breaking, coordinate, "the argument was removed")
			continue
		}
		c.input(coordinate, a.Type, b.Type, a.DefaultValue, b.DefaultValue)
		c.deprecation(coordinate, a.Directives, b.Directives)
	}
	for _, b := range after {
		if before.ForName(b.Name) != nil {
			continue
		}
		c.added(at+"("+b.Name+":)", "argument", b.Type, b.DefaultValue)
	}
}

// input compares what an argument or an input field takes.
func (c *comparison) input(at string, before, after *ast.Type, deflt, newDefault *ast.Value) {
	switch {
	case inputFits(before, after):
		if before.String() != after.String() {
			c.add(Safe, at, "its type was %s and is now %s, which takes more", before, after)
		}
	case before.String()+"!" == after.String() && newDefault != nil:
		// It may still be left out; null and nullable variables are what breaks.
		c.add(Breaking, at, "its type was %s and is now %s: null is no longer accepted", before, after)
	default:
		c.add(Breaking, at, "its type was %s and is now %s", before, after)
	}
	if text(deflt) != text(newDefault) {
		c.add(Dangerous, at, "its default was %s and is now %s", text(deflt), text(newDefault))
	}
}

func (c *comparison) added(at, what string, t *ast.Type, deflt *ast.Value) {
	if t.NonNull && deflt == nil {
		c.add(Breaking, at, "the required %s was added", what)
		return
	}
	c.add(Safe, at, "the optional %s was added", what)
}

func text(v *ast.Value) string {
	if v == nil {
		return "none"
	}
	return v.String()
}

func (c *comparison) inputFields(before, after *ast.Definition) {
	for _, f := range before.Fields {
		at := before.Name + "." + f.Name
		g := after.Fields.ForName(f.Name)
		if g == nil {
			c.add(Breaking, at, "the input field was removed")
			continue
		}
		c.input(at, f.Type, g.Type, f.DefaultValue, g.DefaultValue)
		c.deprecation(at, f.Directives, g.Directives)
	}
	for _, g := range after.Fields {
		if before.Fields.ForName(g.Name) == nil {
			c.added(before.Name+"."+g.Name, "input field", g.Type, g.DefaultValue)
		}
	}
	if before.Directives.ForName("oneOf") == nil && after.Directives.ForName("oneOf") != nil {
		c.add(Breaking, before.Name, "it takes exactly one of its fields now (@oneOf)")
	} else if before.Directives.ForName("oneOf") != nil && after.Directives.ForName("oneOf") == nil {
		c.add(Safe, before.Name, "it takes any of its fields now (no @oneOf)")
	}
}

func (c *comparison) members(before, after *ast.Definition) {
	for _, m := range before.Types {
		if !slices.Contains(after.Types, m) {
			c.add(Breaking, before.Name, "%s is no longer a member; fragments on it are no longer valid", m)
		}
	}
	for _, m := range after.Types {
		if !slices.Contains(before.Types, m) {
			c.add(Dangerous, before.Name, "%s is a member now, which clients may not expect", m)
		}
	}
}

func (c *comparison) values(before, after *ast.Definition) {
	for _, v := range before.EnumValues {
		at := before.Name + "." + v.Name
		w := after.EnumValues.ForName(v.Name)
		switch {
		case w != nil:
			c.deprecation(at, v.Directives, w.Directives)
		case c.asked[before.Name]:
			c.add(Breaking, at, "the value was removed, and clients may send it%s", wasDeprecated(v.Directives))
		default:
			c.add(Dangerous, at, "the value was removed; it was only ever in answers%s", wasDeprecated(v.Directives))
		}
	}
	for _, w := range after.EnumValues {
		if before.EnumValues.ForName(w.Name) != nil {
			continue
		}
		if c.answered[before.Name] {
			c.add(Dangerous, before.Name+"."+w.Name, "the value was added, and answers may hold it")
		} else {
			c.add(Safe, before.Name+"."+w.Name, "the value was added")
		}
	}
}

// directives compares directives that clients may use in operations.
func (c *comparison) directives(before, after *ast.DirectiveDefinition) {
	switch {
	case before == nil:
		c.add(Safe, "@"+after.Name, "the directive was added")
		return
	case after == nil:
		c.add(Breaking, "@"+before.Name, "the directive was removed")
		return
	}
	at := "@" + before.Name
	c.arguments(at, before.Arguments, after.Arguments)
	for _, l := range before.Locations {
		if !slices.Contains(after.Locations, l) {
			c.add(Breaking, at, "it may no longer stand on %s", l)
		}
	}
	if before.IsRepeatable && !after.IsRepeatable {
		c.add(Breaking, at, "it may no longer be repeated")
	}
}
