package supergraph

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// ListSize says how long a list is at most: @listSize (https://specs.apollo.dev/cost/v0.1, after
// https://ibm.github.io/graphql-specs/cost-spec.html).
type ListSize struct {
	Assumed    int      // -1 for unsaid
	Slicing    []string // arguments that say it, or fields of theirs, such as "page.first"
	Sized      []string // fields of the returned object that are as long; empty for the field's own list
	ExactlyOne bool     // of the slicing arguments has to be given
}

// readCost reads @cost and @listSize, which no element need have.
func (p *reading) readCost() {
	for _, name := range p.s.names {
		t := p.s.types[name]
		t.Weight = p.weight(t.Def.Directives)
		for _, f := range t.order {
			f.Weight, f.ListSize = p.weight(f.Def.Directives), p.listSize(f.Def.Directives)
			for _, a := range f.Def.Arguments {
				if w := p.weight(a.Directives); w != nil {
					if f.ArgWeights == nil {
						f.ArgWeights = map[string]int{}
					}
					f.ArgWeights[a.Name] = *w
				}
			}
		}
	}
}

func (p *reading) weight(dirs ast.DirectiveList) *int {
	for _, d := range dirs {
		if p.links.is(d, "cost", "cost") {
			n, err := strconv.Atoi(argString(d, "weight"))
			if err != nil {
				p.fail(d.Position, "@%s(weight:): %q is no whole number", d.Name, argString(d, "weight"))
				return nil
			}
			return &n
		}
	}
	return nil
}

func (p *reading) listSize(dirs ast.DirectiveList) *ListSize {
	for _, d := range dirs {
		if !p.links.is(d, "cost", "listSize") {
			continue
		}
		l := &ListSize{Assumed: -1, Slicing: argStrings(d, "slicingArguments"), Sized: argStrings(d, "sizedFields")}
		l.ExactlyOne = len(l.Slicing) > 0 && argBool(d, "requireOneSlicingArgument", true)
		if text := argString(d, "assumedSize"); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				p.fail(d.Position, "@%s(assumedSize:): %q is no whole number from 0 on", d.Name, text)
				return nil
			}
			l.Assumed = n
		}
		return l
	}
	return nil
}
