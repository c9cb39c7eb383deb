package testgraph

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

type deferer struct {
	*rand.Rand
	left     int
	booleans []string // variables
}

func (d *deferer) set(set ast.SelectionSet, root bool) ast.SelectionSet {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			sel.SelectionSet = d.set(sel.SelectionSet, false)
		case *ast.InlineFragment:
			sel.SelectionSet = d.set(sel.SelectionSet, root)
			sel.Directives = d.directives(sel.Directives, root)
		case *ast.FragmentSpread:
			sel.Directives = d.directives(sel.Directives, root)
		}
	}
	if len(set) == 0 || root || d.left == 0 || d.IntN(3) > 0 {
		return set
	}
	lo := d.IntN(len(set))
	hi := lo + 1 + d.IntN(len(set)-lo)
	wrapped := &ast.InlineFragment{SelectionSet: append(ast.SelectionSet(nil), set[lo:hi]...), Directives: d.directives(nil, false)}
	out := append(append(append(ast.SelectionSet(nil), set[:lo]...), wrapped), set[hi:]...)
	if d.IntN(3) == 0 { // the same beside it, or a part of it
		out = append(out, &ast.InlineFragment{SelectionSet: set[lo : lo+1+d.IntN(hi-lo)], Directives: d.directives(nil, false)})
	}
	return out
}

func (d *deferer) directives(dirs ast.DirectiveList, root bool) ast.DirectiveList {
	if have := dirs.ForName("defer"); have != nil { // it stays, without its label, which may get company
		have.Arguments = slices.DeleteFunc(have.Arguments, func(a *ast.Argument) bool { return a.Name == "label" })
		return dirs
	}
	if root || d.left == 0 || d.IntN(3) == 0 {
		return dirs
	}
	d.left--
	dir := &ast.Directive{Name: "defer"}
	switch r := d.IntN(8); {
	case r == 0:
		dir.Arguments = ast.ArgumentList{{Name: "if", Value: &ast.Value{Kind: ast.BooleanValue, Raw: "true"}}}
	case r == 1:
		dir.Arguments = ast.ArgumentList{{Name: "if", Value: &ast.Value{Kind: ast.BooleanValue, Raw: "false"}}}
	case r < 4 && len(d.booleans) > 0:
		dir.Arguments = ast.ArgumentList{{Name: "if", Value: &ast.Value{Kind: ast.Variable, Raw: d.booleans[d.IntN(len(d.booleans))]}}}
	}
	return append(dirs, dir)
}

// Deferring puts @defer on fragments of an operation, and on new ones, at random.
func Deferring(query string, random *rand.Rand) (string, error) {
	d := &deferer{Rand: random, left: 5}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return "", err
	}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			if v.Type.NamedType == "Boolean" && len(doc.Operations) == 1 {
				d.booleans = append(d.booleans, v.Variable)
			}
		}
		op.SelectionSet = d.set(op.SelectionSet, op.Operation == ast.Mutation)
	}
	for _, f := range doc.Fragments {
		f.SelectionSet = d.set(f.SelectionSet, f.TypeCondition == "Mutation")
	}
	var b strings.Builder
	for line := range strings.Lines(query) {
		if strings.HasPrefix(line, "# variables:") || strings.HasPrefix(line, "# labels:") {
			b.WriteString(line)
		}
	}
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	return b.String(), nil
}

// Within reports whether all of a is in b, except for what b lost to a null: a deferred response whose
// fragments failed, in the one of the same operation with nothing deferred.
func Within(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		o, ok := b.(map[string]any)
		for key, v := range a {
			if ok && !Within(v, o[key]) {
				return false
			}
		}
		return ok || b == nil
	case []any:
		list, ok := b.([]any)
		for i, v := range a {
			if ok && (i >= len(list) || !Within(v, list[i])) {
				return false
			}
		}
		return ok || b == nil
	}
	return reflect.DeepEqual(a, b)
}
