package operation

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// How long a list may be that stands in an argument or in an input object: a subgraph does the work for each item,
// and what a list in the answer costs does not tell of that. Literals are looked at here, before anything is
// planned; variables when they are coerced.

// checkLists refuses a document in which a list is longer than most.
func checkLists(doc *ast.QueryDocument, most int) gqlerror.List {
	c := listCheck{most: most}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			c.value("$"+v.Variable, v.DefaultValue)
		}
		c.directives(op.Directives)
		c.selection(op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		c.directives(f.Directives)
		c.selection(f.SelectionSet)
	}
	return c.found
}

type listCheck struct {
	most  int
	found gqlerror.List
}

func (c *listCheck) selection(set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			c.arguments(sel.Arguments)
			c.directives(sel.Directives)
			c.selection(sel.SelectionSet)
		case *ast.InlineFragment:
			c.directives(sel.Directives)
			c.selection(sel.SelectionSet)
		case *ast.FragmentSpread:
			c.directives(sel.Directives)
		}
	}
}

func (c *listCheck) directives(dirs ast.DirectiveList) {
	for _, d := range dirs {
		c.arguments(d.Arguments)
	}
}

func (c *listCheck) arguments(args ast.ArgumentList) {
	for _, a := range args {
		c.value(a.Name, a.Value)
	}
}

// value looks at a value that is named in a way a client can find.
func (c *listCheck) value(name string, v *ast.Value) {
	if v == nil || len(c.found) >= maxErrors {
		return
	}
	if v.Kind == ast.ListValue && len(v.Children) > c.most {
		e := failure(CodeTooLarge, "the list %s has %d items; %d are allowed in one list", name, len(v.Children), c.most)[0]
		if v.Position != nil {
			e.Locations = []gqlerror.Location{{Line: v.Position.Line, Column: v.Position.Column}}
		}
		c.found = append(c.found, e)
		return
	}
	for _, child := range v.Children {
		if v.Kind == ast.ObjectValue {
			c.value(name+"."+child.Name, child.Value)
		} else {
			c.value(name, child.Value)
		}
	}
}
