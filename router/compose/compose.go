// Package compose turns subgraph SDLs into one supergraph SDL (link v1.0, join v0.5), or says
// everything that stands in the way.
//
// It owns the rules of Apollo Federation 2 (v2.0 to v2.14, and Federation 1 schemas, which are
// upgraded first): what a subgraph may say, how definitions of one type merge, and whether every
// public field can be reached. It does no I/O and knows no subgraph beyond its SDL. Output is the
// same byte for byte whatever the order of the input: graphs are ordered by name, types and
// directives alphabetically without regard to case, fields as they first appear graph by graph.
//
// Enter at Compose; passes.go lists the passes in their order. The command oracle compares the outcome
// with that of Apollo's composition.
package compose

import (
	"sort"
)

// Subgraph is one schema to compose. Name is its identity (a letter, then letters, digits, "-" or
// "_"), URL its routing address. File is where the SDL came from and is only used in positions.
type Subgraph struct {
	Name string
	URL  string
	SDL  string
	File string
}

// Result is what composition gives when there is no error.
type Result struct {
	SupergraphSDL string
	Hints         []Hint
}

// Compose merges the subgraphs. It returns either a result or every error found, never both.
// Errors come in stages: those inside subgraphs first (in Federation 1 schemas after the others), then
// those of merging, then those of the merged schema, then unreachable fields; each stage reports all of its errors and ends composition
// when it has some, because what follows would only repeat them in other words.
func Compose(subgraphs []Subgraph) (*Result, Errors) {
	return newComposer(subgraphs).compose()
}

func (c *composer) compose() (*Result, Errors) {
	for _, stage := range stages() {
		for _, p := range stage.passes {
			p.run(c)
		}
		if errs := c.report.takeErrors(); len(errs) > 0 {
			return nil, errs
		}
	}
	return &Result{SupergraphSDL: c.sdl, Hints: c.report.hints}, nil
}

// composer carries one composition through its passes.
type composer struct {
	report   *report
	contract Contract
	subs     []*subgraph // by name
	merged   *schema
	used     map[string]usage // where each type is used, over all subgraphs
	sdl      string
}

func newComposer(input []Subgraph) *composer {
	c := &composer{report: &report{}, merged: newSchema(), used: map[string]usage{}}
	sorted := append([]Subgraph(nil), input...)
	sort.SliceStable(sorted, func(i, j int) bool {
		if sorted[i].Name != sorted[j].Name {
			return sorted[i].Name < sorted[j].Name
		}
		return sorted[i].SDL < sorted[j].SDL
	})
	for i := range sorted {
		c.subs = append(c.subs, newSubgraph(i, &sorted[i]))
	}
	return c
}
