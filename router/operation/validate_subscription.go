package operation

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// subscriptions is the rule "Single Root Field" (GraphQL specification 5.2.4.1): a subscription has one
// response key at its root, fragments expanded, and it is no introspection field.
func subscriptions(schema *ast.Schema, doc *ast.QueryDocument) gqlerror.List {
	if schema.Subscription == nil {
		return nil // which another rule says
	}
	var errs gqlerror.List
	fragments := map[string]*ast.FragmentDefinition{}
	for _, f := range doc.Fragments {
		fragments[f.Name] = f
	}
	for _, op := range doc.Operations {
		if op.Operation != ast.Subscription {
			continue
		}
		name := "Anonymous Subscription"
		if op.Name != "" {
			name = `Subscription "` + op.Name + `"`
		}
		key := ""
		for _, f := range rootFields(op.SelectionSet, fragments, map[string]bool{}) {
			switch {
			case strings.HasPrefix(f.Name, "__"):
				errs = append(errs, subscriptionError(f, name+" must not select an introspection top level field."))
			case key != "" && f.Alias != key:
				return append(errs, subscriptionError(f, name+" must select only one top level field."))
			}
			key = f.Alias
		}
	}
	return errs
}

// rootFields are the fields of a set and of the fragments in it, each fragment once.
func rootFields(set ast.SelectionSet, fragments map[string]*ast.FragmentDefinition, seen map[string]bool) []*ast.Field {
	var out []*ast.Field
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			out = append(out, sel)
		case *ast.InlineFragment:
			out = append(out, rootFields(sel.SelectionSet, fragments, seen)...)
		case *ast.FragmentSpread:
			if f := fragments[sel.Name]; f != nil && !seen[sel.Name] {
				seen[sel.Name] = true
				out = append(out, rootFields(f.SelectionSet, fragments, seen)...)
			}
		}
	}
	return out
}

func subscriptionError(f *ast.Field, message string) *gqlerror.Error {
	err := gqlerror.ErrorPosf(f.Position, "%s", message)
	err.Rule = "SingleFieldSubscriptions"
	return err
}
