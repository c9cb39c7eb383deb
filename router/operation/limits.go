package operation

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Limits bound what one request may ask for.
type Limits struct {
	MaxBytes      int
	MaxTokens     int
	MaxDepth      int // of fields and of fragments, fragments expanded
	MaxAliases    int
	MaxRootFields int
	MaxDirectives int
	MaxFields     int // after fragment expansion
	MaxValues     int // in the variables of a request, those in lists and objects included
	MaxListItems  int // of one list in an argument or an input object; 0 for any
	MaxDefers     int // @defers after fragment expansion: each can cost a request to a subgraph
	MaxCost       int // by Costs; 0 for any
	ListSize      int // assumed of a list that no @listSize speaks of, for its cost
}

// DefaultLimits are generous for clients written by people and tools, and small for a server.
func DefaultLimits() Limits {
	return Limits{
		MaxBytes: 256 << 10, MaxTokens: 20_000, MaxDepth: 50, MaxAliases: 500,
		MaxRootFields: 200, MaxDirectives: 500, MaxFields: 10_000, MaxValues: 100_000, MaxListItems: 1000, MaxDefers: 50,
		MaxCost: 250_000, ListSize: 10,
	}
}

// MaxValueDepth is how deep lists and objects may nest in arguments and variables.
func (l Limits) MaxValueDepth() int { return 4 * l.MaxDepth }

// size is what a selection amounts to once its fragments are expanded. Numbers saturate.
type size struct {
	fields, aliases, roots, directives, defers int
	depth                                      int // nesting of fields
	nesting                                    int // nesting of selection sets, fragments included
	values                                     int // nesting of lists and objects in arguments
}

const saturated = 1 << 40

func add(a, b int) int { return min(a+b, saturated) }

type measuring struct {
	fragments map[string]*ast.FragmentDefinition
	done      map[string]size
	open      map[string]bool
	cycle     string
}

// measure counts the chosen operation and every other one without expanding anything: a fragment is
// counted once and its numbers added wherever it is spread.
func measure(doc *ast.QueryDocument, chosen *ast.OperationDefinition, l Limits) gqlerror.List {
	m := &measuring{
		fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments)),
		done:      make(map[string]size, len(doc.Fragments)),
		open:      map[string]bool{},
	}
	for _, f := range doc.Fragments {
		m.fragments[f.Name] = f
	}
	total := size{}
	for _, f := range doc.Fragments {
		total.nesting = max(total.nesting, m.fragment(f.Name).nesting)
		total.directives = add(total.directives, len(f.Directives))
		total.values = max(total.values, m.fragment(f.Name).values, directiveDepth(f.Directives))
	}
	for _, op := range doc.Operations {
		s := m.selection(op.SelectionSet)
		total.fields = add(total.fields, s.fields)
		total.aliases = add(total.aliases, s.aliases)
		total.directives = add(total.directives, s.directives+len(op.Directives))
		total.defers = add(total.defers, s.defers)
		for _, v := range op.VariableDefinitions {
			total.directives = add(total.directives, len(v.Directives))
			total.values = max(total.values, valueDepth(v.DefaultValue), directiveDepth(v.Directives))
		}
		total.values = max(total.values, s.values, directiveDepth(op.Directives))
		total.depth = max(total.depth, s.depth)
		total.nesting = max(total.nesting, s.nesting)
		if op == chosen {
			total.roots = s.roots
		}
	}
	switch {
	case m.cycle != "":
		return failure(CodeInvalid, "Cannot spread fragment %q within itself.", m.cycle)
	case total.nesting > 4*l.MaxDepth || total.depth > l.MaxDepth:
		return failure(CodeTooLarge, "the operation is nested more than %d deep", l.MaxDepth)
	case total.values > l.MaxValueDepth():
		return failure(CodeTooLarge, "an argument's value is nested more than %d deep", l.MaxValueDepth())
	case total.fields > l.MaxFields:
		return failure(CodeTooLarge, "the operation has more than %d fields once its fragments are expanded", l.MaxFields)
	case total.aliases > l.MaxAliases:
		return failure(CodeTooLarge, "the operation has more than %d aliases", l.MaxAliases)
	case total.roots > l.MaxRootFields:
		return failure(CodeTooLarge, "the operation has more than %d root fields", l.MaxRootFields)
	case total.defers > l.MaxDefers:
		return failure(CodeTooLarge, "the operation defers more than %d fragments", l.MaxDefers)
	case total.directives > l.MaxDirectives:
		return failure(CodeTooLarge, "the operation has more than %d directives", l.MaxDirectives)
	}
	return nil
}

func (m *measuring) fragment(name string) size {
	if s, ok := m.done[name]; ok {
		return s
	}
	f := m.fragments[name]
	if f == nil || m.open[name] {
		if f != nil && m.cycle == "" {
			m.cycle = name
		}
		return size{}
	}
	m.open[name] = true
	s := m.selection(f.SelectionSet)
	delete(m.open, name)
	m.done[name] = s
	return s
}

func (m *measuring) selection(set ast.SelectionSet) size {
	var out size
	for _, sel := range set {
		var inner size
		switch sel := sel.(type) {
		case *ast.Field:
			inner = m.selection(sel.SelectionSet)
			inner.values = max(inner.values, argumentDepth(sel.Arguments), directiveDepth(sel.Directives))
			inner.fields = add(inner.fields, 1)
			inner.depth++
			inner.roots = 1
			inner.directives = add(inner.directives, len(sel.Directives))
			if sel.Alias != sel.Name {
				inner.aliases = add(inner.aliases, 1)
			}
		case *ast.InlineFragment:
			inner = m.selection(sel.SelectionSet)
			inner.directed(sel.Directives)
		case *ast.FragmentSpread:
			inner = m.fragment(sel.Name)
			inner.directed(sel.Directives)
		}
		out.fields = add(out.fields, inner.fields)
		out.aliases = add(out.aliases, inner.aliases)
		out.roots = add(out.roots, inner.roots)
		out.directives = add(out.directives, inner.directives)
		out.defers = add(out.defers, inner.defers)
		out.values = max(out.values, inner.values)
		out.depth = max(out.depth, inner.depth)
		out.nesting = max(out.nesting, inner.nesting+1)
	}
	return out
}

// directed counts a fragment's directives.
func (s *size) directed(dirs ast.DirectiveList) {
	s.values = max(s.values, directiveDepth(dirs))
	s.directives = add(s.directives, len(dirs))
	for _, d := range dirs {
		if d.Name == "defer" {
			s.defers = add(s.defers, 1)
		}
	}
}

func directiveDepth(dirs ast.DirectiveList) int {
	depth := 0
	for _, d := range dirs {
		depth = max(depth, argumentDepth(d.Arguments))
	}
	return depth
}

func argumentDepth(args ast.ArgumentList) int {
	depth := 0
	for _, a := range args {
		depth = max(depth, valueDepth(a.Value))
	}
	return depth
}

// valueDepth is how deep lists and objects nest; the parser bounds it.
func valueDepth(v *ast.Value) int {
	if v == nil || len(v.Children) == 0 {
		return 0
	}
	depth := 0
	for _, child := range v.Children {
		depth = max(depth, valueDepth(child.Value))
	}
	return depth + 1
}
