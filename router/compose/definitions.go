package compose

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// How a subgraph's own definition of a specified directive may depart from the specified one.

// asDefined is a specified directive as far as a subgraph's own definition allows it.
func asDefined(def, spec *ast.DirectiveDefinition) *ast.DirectiveDefinition {
	own := *spec
	own.IsRepeatable, own.Locations, own.Arguments = def.IsRepeatable, def.Locations, nil
	for _, a := range spec.Arguments {
		if def.Arguments.ForName(a.Name) != nil {
			own.Arguments = append(own.Arguments, a)
		}
	}
	return &own
}

// definitionDiffers says how a definition departs from the specified one. Leaving out optional
// arguments or locations is allowed; so is another name for the scalar of field sets.
func definitionDiffers(def, spec *ast.DirectiveDefinition) string {
	for _, a := range spec.Arguments {
		own := def.Arguments.ForName(a.Name)
		if own == nil {
			if a.Type.NonNull && a.DefaultValue == nil {
				return "missing required argument \"" + a.Name + "\""
			}
			continue
		}
		same := own.Type.String() == a.Type.String()
		// Federation 1 libraries define field sets as String or _FieldSet, and with or without "!".
		loose := own.Type.Name() == "String" || strings.HasSuffix(own.Type.Name(), a.Type.Name()) || isFieldSet(own.Type) && isFieldSet(a.Type)
		nullable := *a.Type
		nullable.NonNull = false
		if !same && !(loose && isScalarLike(a.Type.Name())) && own.Type.String() != nullable.String() {
			return "argument \"" + a.Name + "\" should have type \"" + a.Type.String() + "\" but found type \"" + own.Type.String() + "\""
		}
	}
	for _, a := range def.Arguments {
		if spec.Arguments.ForName(a.Name) == nil {
			return "unknown/unsupported argument \"" + a.Name + "\""
		}
	}
	for _, l := range def.Locations {
		if !hasLocation(spec, l) {
			return "location " + string(l) + " is not one of the specified"
		}
	}
	if def.IsRepeatable && !spec.IsRepeatable {
		return "it should not be repeatable"
	}
	return ""
}

func isFieldSet(t *ast.Type) bool { return strings.HasSuffix(t.Name(), "FieldSet") }

func isScalarLike(name string) bool {
	for _, t := range federationTypes() {
		if strings.HasSuffix(name, t) {
			return true
		}
	}
	return name == "String"
}
