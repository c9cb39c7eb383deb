package compose

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// once checks that no requirement asks one object for a field with two sets of arguments: what is sent of the object
// has room for one value under the field's name.
func (v requiredArguments) once(objects []string, sels ast.SelectionSet) {
	var groups [][]string // objects that are asked for the same
	var asked [][]*ast.Field
	byKey := map[string]int{}
	for _, o := range objects {
		fields, key := v.askedOf(o, sels, "")
		at, ok := byKey[key]
		if !ok {
			at = len(groups)
			byKey[key] = at
			groups, asked = append(groups, nil), append(asked, fields)
		}
		groups[at] = append(groups[at], o)
	}
	for i, group := range groups {
		for at, f := range asked[i] {
			first := slices.IndexFunc(asked[i], func(o *ast.Field) bool { return o.Name == f.Name })
			if first < at {
				if printArgs(asked[i][first].Arguments) != printArgs(f.Arguments) {
					v.fail("field %q of %q is asked for with other arguments too, and only one value of it can be sent", f.Name, group[0])
					return
				}
				continue
			}
			var beneath ast.SelectionSet
			for _, o := range asked[i] {
				if o.Name == f.Name {
					beneath = append(beneath, o.SelectionSet...)
				}
			}
			if m := v.c.merged.types[group[0]].byName[f.Name]; m != nil && len(beneath) > 0 {
				v.once(v.c.merged.possible(m.typ.Name()), beneath)
			}
		}
	}
}

// askedOf are the fields that a selection has for objects of a type, and a key that is the same for all types that
// it has the same for.
func (v requiredArguments) askedOf(object string, sels ast.SelectionSet, path string) (fields []*ast.Field, key string) {
	for i, sel := range sels {
		at := path + "." + strconv.Itoa(i)
		switch sel := sel.(type) {
		case *ast.Field:
			fields, key = append(fields, sel), key+at
		case *ast.InlineFragment:
			if on := sel.TypeCondition; on == "" || on == object || v.c.merged.subtype(object, on) {
				more, k := v.askedOf(object, sel.SelectionSet, at)
				fields, key = append(fields, more...), key+k
			}
		}
	}
	return fields, key
}

// printArgs is a text that two lists of arguments have in common when they are the same.
func printArgs(args ast.ArgumentList) string {
	var parts []string
	for _, a := range args {
		parts = append(parts, a.Name+": "+printValue(a.Value))
	}
	slices.Sort(parts)
	return strconv.Itoa(len(parts)) + quoted(parts)
}
