package testgraph

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/vektah/gqlparser/v2/ast"
)

func (x *executing) entities(reps any, path []any) any {
	list, _ := reps.([]any)
	out := make([]any, len(list))
	for i, rep := range list {
		r, _ := rep.(map[string]any)
		typ, _ := r["__typename"].(string)
		row := x.find(typ, r)
		switch {
		case row == nil || row["$missing"] == true:
		case row["$fails"] != nil:
			x.fail(append(path[:len(path):len(path)], i), fmt.Sprint(row["$fails"]), "")
			out[i] = failed{}
		default:
			out[i] = row
		}
	}
	return out
}

// find returns the row of a type that agrees with all it shares with want, want's fields added; nil
// when there is none. A type without rows is what it is asked for. For an interface the row is one of
// an object type that implements it.
func (x *executing) find(typ string, want Row) Row {
	if def := x.s.schema.Types[typ]; def != nil && def.Kind == ast.Interface {
		for _, d := range x.s.schema.PossibleTypes[typ] {
			if row := x.find(d.Name, want); d.Kind == ast.Object && row != nil {
				return row
			}
		}
		return nil
	}
	rows, known := x.s.data.Entities[typ]
	if !known {
		rows = []Row{{}}
	}
	for _, row := range rows {
		if !x.agrees(row, want) {
			continue
		}
		out := maps.Clone(want)
		for k, v := range row {
			if given, ok := want[k]; ok && isContainer(given) && isContainer(v) && !reflect.DeepEqual(v, given) {
				v = map[string]any{"$own": v, "$given": given}
			}
			out[k] = v
		}
		out["__typename"] = typ
		return out
	}
	return nil
}

func (x *executing) agrees(row, want Row) bool {
	for k, v := range want {
		if have, ok := row[k]; ok && k != "__typename" && !x.same(row, have, v) {
			return false
		}
	}
	return true
}

// same compares what a row has with what is asked for, as far as both say something.
func (x *executing) same(row Row, have, want any) bool {
	if form, ok := have.(map[string]any); ok {
		for _, computed := range []string{"$error", "$arg", "$join", "$mix"} {
			if form[computed] != nil {
				return true
			}
		}
	}
	switch w := want.(type) {
	case map[string]any:
		own, ok := asRow(x.expand(have, row, nil, nil))
		return ok && x.agrees(own, w)
	case []any:
		list, ok := have.([]any)
		if !ok || len(list) != len(w) {
			return false
		}
		for i := range w {
			if !x.same(row, list[i], w[i]) {
				return false
			}
		}
		return true
	}
	return fmt.Sprint(have) == fmt.Sprint(want)
}
