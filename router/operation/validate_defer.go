package operation

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// defers checks the rules of incremental delivery (graphql-spec, pull request 1110): labels are static
// and unique in a document; nothing is deferred at the root of a mutation; a subscription defers
// nothing, so there a @defer needs an "if" that can be false.
func defers(doc *ast.QueryDocument) gqlerror.List {
	c := &deferCheck{doc: doc, labels: map[string]*ast.Directive{}, subscribed: map[string]bool{}}
	for _, op := range doc.Operations {
		if op.Operation == ast.Mutation {
			c.root(op.SelectionSet, map[string]bool{})
		}
		c.walk(op.SelectionSet, op.Operation == ast.Subscription)
	}
	for _, f := range doc.Fragments {
		c.walk(f.SelectionSet, c.subscribed[f.Name])
	}
	return c.errs
}

type deferCheck struct {
	doc        *ast.QueryDocument
	labels     map[string]*ast.Directive
	subscribed map[string]bool // fragments that subscriptions spread
	errs       gqlerror.List
}

// root finds @defer among the fragments that hold root fields.
func (c *deferCheck) root(set ast.SelectionSet, seen map[string]bool) {
	for _, sel := range set {
		var dirs ast.DirectiveList
		var inner ast.SelectionSet
		switch sel := sel.(type) {
		case *ast.InlineFragment:
			dirs, inner = sel.Directives, sel.SelectionSet
		case *ast.FragmentSpread:
			dirs = sel.Directives
			if f := c.doc.Fragments.ForName(sel.Name); f != nil && !seen[sel.Name] {
				seen[sel.Name] = true
				inner = f.SelectionSet
			}
		}
		if d := dirs.ForName("defer"); d != nil {
			c.fail("DeferStreamDirectiveOnRootField", "@defer must not be used on the root fields of a mutation.", d)
		}
		c.root(inner, seen)
	}
}

func (c *deferCheck) walk(set ast.SelectionSet, subscription bool) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			c.walk(sel.SelectionSet, subscription)
		case *ast.InlineFragment:
			c.directive(sel.Directives, subscription)
			c.walk(sel.SelectionSet, subscription)
		case *ast.FragmentSpread:
			c.directive(sel.Directives, subscription)
			if subscription {
				c.spread(sel.Name)
			}
		}
	}
}

// spread remembers that a subscription reaches a fragment, and all that the fragment spreads.
func (c *deferCheck) spread(name string) {
	f := c.doc.Fragments.ForName(name)
	if f == nil || c.subscribed[name] {
		return
	}
	c.subscribed[name] = true
	var walk func(set ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				walk(sel.SelectionSet)
			case *ast.InlineFragment:
				walk(sel.SelectionSet)
			case *ast.FragmentSpread:
				c.spread(sel.Name)
			}
		}
	}
	walk(f.SelectionSet)
}

func (c *deferCheck) directive(dirs ast.DirectiveList, subscription bool) {
	d := dirs.ForName("defer")
	if d == nil {
		return
	}
	cond := d.Arguments.ForName("if")
	if subscription && (cond == nil || cond.Value.Kind == ast.BooleanValue && cond.Value.Raw == "true") {
		c.fail("DeferStreamDirectiveOnValidOperations", "A subscription defers nothing: each event is one response. Leave @defer out, or set its argument \"if\" to false.", d)
	}
	label := d.Arguments.ForName("label")
	if label == nil || label.Value.Kind == ast.NullValue {
		return
	}
	if label.Value.Kind != ast.StringValue && label.Value.Kind != ast.BlockValue {
		c.fail("DeferStreamDirectiveLabel", "The argument \"label\" of @defer must be a string, not a variable.", d)
		return
	}
	if first, ok := c.labels[label.Value.Raw]; ok {
		c.fail("DeferStreamDirectiveLabel", "The label \""+label.Value.Raw+"\" of @defer must be unique in the document.", first, d)
		return
	}
	c.labels[label.Value.Raw] = d
}

func (c *deferCheck) fail(rule, message string, at ...*ast.Directive) {
	if len(c.errs) >= maxErrors {
		return
	}
	err := gqlerror.Errorf("%s", message)
	err.Rule = rule
	for _, d := range at {
		if d.Position != nil {
			err.Locations = append(err.Locations, gqlerror.Location{Line: d.Position.Line, Column: d.Position.Column})
		}
	}
	c.errs = append(c.errs, err)
}
