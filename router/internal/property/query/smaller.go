package query

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/parser"
)

// Smaller is the operation with its i-th part taken away, or a part replaced by what is in it; false
// when there are not so many parts. What comes out need not be valid.
func Smaller(q Query, i int) (Query, bool) {
	doc, err := parser.ParseQuery(&ast.Source{Input: q.Text})
	if err != nil {
		return q, false
	}
	c := &cutter{at: i}
	c.inline(doc)
	for _, op := range doc.Operations {
		c.cut(&op.SelectionSet)
	}
	for _, f := range doc.Fragments {
		c.cut(&f.SelectionSet)
	}
	if c.at >= 0 {
		return q, false
	}
	var b strings.Builder
	clean(doc)
	formatter.NewFormatter(&b, formatter.WithIndent(" ")).FormatQueryDocument(doc)
	vars := map[string]any{}
	for _, v := range doc.Operations[0].VariableDefinitions {
		if value, ok := q.Variables[v.Variable]; ok {
			vars[v.Variable] = value
		}
	}
	return Query{b.String(), vars, q.Labels}, true
}

// cutter counts possible cuts and makes one of them.
type cutter struct{ at int }

func (c *cutter) now() bool {
	c.at--
	return c.at == -1
}

// inline puts a named fragment's content where it is spread first.
func (c *cutter) inline(doc *ast.QueryDocument) {
	for _, f := range doc.Fragments {
		if !c.now() {
			continue
		}
		replace := func(set ast.SelectionSet) {
			for j, sel := range set {
				if s, ok := sel.(*ast.FragmentSpread); ok && s.Name == f.Name {
					set[j] = &ast.InlineFragment{TypeCondition: f.TypeCondition, Directives: s.Directives, SelectionSet: f.SelectionSet}
				}
			}
		}
		for _, op := range doc.Operations {
			every(op.SelectionSet, replace)
		}
		for _, other := range doc.Fragments {
			every(other.SelectionSet, replace)
		}
	}
}

func every(set ast.SelectionSet, do func(ast.SelectionSet)) {
	do(set)
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			every(sel.SelectionSet, do)
		case *ast.InlineFragment:
			every(sel.SelectionSet, do)
		}
	}
}

func (c *cutter) cut(set *ast.SelectionSet) {
	for j := 0; j < len(*set) && c.at >= 0; j++ {
		if len(*set) > 1 && c.now() {
			*set = append((*set)[:j:j], (*set)[j+1:]...)
			return
		}
		switch sel := (*set)[j].(type) {
		case *ast.Field:
			if len(sel.Directives) > 0 && c.now() {
				sel.Directives = sel.Directives[1:]
			}
			if sel.Alias != sel.Name && c.now() {
				sel.Alias = sel.Name
			}
			for k := range sel.Arguments {
				if c.now() {
					sel.Arguments = append(sel.Arguments[:k:k], sel.Arguments[k+1:]...)
					return
				}
			}
			c.cut(&sel.SelectionSet)
		case *ast.InlineFragment:
			if len(sel.Directives) > 0 && c.now() {
				sel.Directives = sel.Directives[1:]
			}
			if c.now() {
				*set = append(append((*set)[:j:j], sel.SelectionSet...), (*set)[j+1:]...)
				return
			}
			c.cut(&sel.SelectionSet)
		case *ast.FragmentSpread:
			if len(sel.Directives) > 0 && c.now() {
				sel.Directives = sel.Directives[1:]
			}
		}
	}
}

// clean drops fragments and variables that nothing uses any more.
func clean(doc *ast.QueryDocument) {
	op := doc.Operations[0]
	op.Name = ""
	for range doc.Fragments {
		used := map[string]bool{}
		mark := func(set ast.SelectionSet) {
			for _, sel := range set {
				if s, ok := sel.(*ast.FragmentSpread); ok {
					used[s.Name] = true
				}
			}
		}
		every(op.SelectionSet, mark)
		for _, f := range doc.Fragments {
			every(f.SelectionSet, mark)
		}
		var kept ast.FragmentDefinitionList
		for _, f := range doc.Fragments {
			if used[f.Name] {
				kept = append(kept, f)
			}
		}
		doc.Fragments = kept
	}
	var b strings.Builder
	defs := op.VariableDefinitions
	op.VariableDefinitions = nil
	formatter.NewFormatter(&b).FormatQueryDocument(doc)
	for _, v := range defs {
		if mentions(b.String(), v.Variable) {
			op.VariableDefinitions = append(op.VariableDefinitions, v)
		}
	}
}

func mentions(text, variable string) bool {
	for {
		_, after, found := strings.Cut(text, "$"+variable)
		if !found {
			return false
		}
		if after == "" || !strings.ContainsRune("0123456789_abcdefghijklmnopqrstuvwxyz", rune(after[0])) {
			return true
		}
		text = after
	}
}
