package compose

import (
	"slices"
	"sort"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// printSelection writes a selection on one line, as it stands.
func printSelection(sels ast.SelectionSet) string { return selectionText(sels, false) }

// normalSelection writes a selection with its parts sorted and each once, so that equal selections read the
// same.
func normalSelection(sels ast.SelectionSet) string { return selectionText(selectedOnce(sels), true) }

// selectedOnce is a selection in which each field and each fragment stands once, with all that is selected below.
func selectedOnce(sels ast.SelectionSet) ast.SelectionSet {
	var out ast.SelectionSet
	at := map[string]int{}
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.Field:
			own := *sel
			key := selectionText(ast.SelectionSet{&ast.Field{Name: sel.Name, Arguments: sel.Arguments}}, true)
			if i, ok := at[key]; ok {
				own.SelectionSet = selectedOnce(slices.Concat(out[i].(*ast.Field).SelectionSet, sel.SelectionSet))
				out[i] = &own
				continue
			}
			at[key] = len(out)
			own.SelectionSet = selectedOnce(sel.SelectionSet)
			out = append(out, &own)
		case *ast.InlineFragment:
			own := *sel
			key := "... on " + sel.TypeCondition
			if i, ok := at[key]; ok {
				own.SelectionSet = selectedOnce(slices.Concat(out[i].(*ast.InlineFragment).SelectionSet, sel.SelectionSet))
				out[i] = &own
				continue
			}
			at[key] = len(out)
			own.SelectionSet = selectedOnce(sel.SelectionSet)
			out = append(out, &own)
		}
	}
	return out
}

func selectionText(sels ast.SelectionSet, normal bool) string {
	var parts []string
	for _, sel := range sels {
		switch sel := sel.(type) {
		case *ast.Field:
			p := sel.Name
			if len(sel.Arguments) > 0 {
				var args []string
				for _, a := range sel.Arguments {
					args = append(args, a.Name+": "+printValue(a.Value))
				}
				if normal {
					sort.Strings(args)
				}
				p += "(" + strings.Join(args, ", ") + ")"
			}
			if len(sel.SelectionSet) > 0 {
				p += " { " + selectionText(sel.SelectionSet, normal) + " }"
			}
			parts = append(parts, p)
		case *ast.InlineFragment:
			p := "..."
			if sel.TypeCondition != "" {
				p += " on " + sel.TypeCondition
			}
			parts = append(parts, p+" { "+selectionText(sel.SelectionSet, normal)+" }")
		}
	}
	if normal {
		sort.Strings(parts)
	}
	return strings.Join(parts, " ")
}
