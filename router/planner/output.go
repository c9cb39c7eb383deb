package planner

import (
	"github.com/vektah/gqlparser/v2/ast"

	"storefront/router/operation"
	"storefront/router/plan"
	"storefront/router/supergraph"
)

// outputOf derives the response's shape from the operation alone.
func outputOf(sg *supergraph.Supergraph, set *operation.SelectionSet, st *stages) *plan.Output {
	def := sg.API().Types[set.Type]
	out := &plan.Output{Type: set.Type, Abstract: def != nil && def.IsAbstractType(), Refused: set.Refused, Fields: make([]plan.OutputField, 0, len(set.Fields))}
	out.Untyped = out.Abstract && veiled(sg, set.Type)
	for _, f := range set.Fields {
		of := plan.OutputField{Key: f.Key, Name: f.Name, On: f.On, Cond: planCond(f.Cond), Args: f.Args, Part: st.part(f), Refused: f.Refused}
		if f.Def == nil {
			of.Type = ast.NonNullNamedType("String", nil)
		} else {
			of.Type = f.Def.Type
			if out.Abstract {
				of.ByType = stricter(sg, set.Type, f)
			} else if own := ownType(def, f.Name); own != nil { // it may be selected of an interface
				of.Type = own
			}
		}
		if f.Sel != nil {
			of.Sub = outputOf(sg, f.Sel, st)
		}
		out.Fields = append(out.Fields, of)
	}
	return out
}

// veiled reports whether objects of a type do not say in some subgraph which object they are.
func veiled(sg *supergraph.Supergraph, typ string) bool {
	t := sg.Type(typ)
	for g := range t.In {
		if t.Opaque(g) {
			return true
		}
	}
	return false
}

// ownType is a field's type as a type declares it, nil when it does not.
func ownType(def *ast.Definition, name string) *ast.Type {
	if def == nil {
		return nil
	}
	if f := def.Fields.ForName(name); f != nil {
		return f.Type
	}
	return nil
}

// stricter finds where an implementer's field has another type than the interface's, such as a
// non-null one; the object's own type decides how null is handled.
func stricter(sg *supergraph.Supergraph, typ string, f *operation.Field) map[string]*ast.Type {
	var out map[string]*ast.Type
	types := f.On
	if types == nil {
		types = sg.Possible(typ)
	}
	for _, t := range types {
		if own := ownType(sg.API().Types[t], f.Name); own != nil && own.String() != f.Def.Type.String() {
			if out == nil {
				out = map[string]*ast.Type{}
			}
			out[t] = own
		}
	}
	return out
}
