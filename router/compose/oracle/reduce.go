package main

import (
	"context"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// reduce takes parts away from each class's set while the difference stays: whole subgraphs first, then
// definitions, then what is in them, in large pieces before small ones. Each round asks for the pieces of
// every set at once, and the next one for those together that could be spared one by one.
func (compare *comparison) reduce(ctx context.Context, classes []*found) error {
	for level := range levels {
		open := slices.Clone(classes)
		for _, c := range open {
			c.parts = len(c.removals(level))
		}
		for len(open) > 0 {
			var tries []*trial
			for _, c := range open {
				n := len(c.removals(level))
				for from := 0; from < n; from += max(1, c.parts) {
					tries = c.try(tries, level, span(from, min(from+max(1, c.parts), n)))
				}
			}
			if err := compare.judge(ctx, tries); err != nil {
				return err
			}
			var together []*trial
			for _, c := range open {
				spared := sparedOf(tries, c)
				for _, list := range [][]*trial{spared, spared[:len(spared)/2], spared[len(spared)/2:]} {
					var at []int
					for _, t := range list {
						at = append(at, t.at...)
					}
					if len(list) > 1 {
						together = c.try(together, level, at)
					}
				}
			}
			if err := compare.judge(ctx, together); err != nil {
				return err
			}
			tries = append(tries, together...)
			open = slices.DeleteFunc(open, func(c *found) bool {
				spared := sparedOf(tries, c)
				if len(spared) == 0 {
					c.parts /= 2
					return c.parts == 0
				}
				best := slices.MinFunc(spared, func(a, b *trial) int { return a.set.size() - b.set.size() })
				c.difference, c.set = best.difference, best.set
				return false
			})
		}
	}
	return nil
}

const levels = 4

// trial is a set without some of its parts; of is set when the difference is still there.
type trial struct {
	difference
	set  *set
	from *found
	at   []int
	of   *found
}

func span(from, to int) []int {
	var out []int
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func sparedOf(tries []*trial, c *found) []*trial {
	return slices.DeleteFunc(slices.Clone(tries), func(t *trial) bool { return t.of != c })
}

func (compare *comparison) judge(ctx context.Context, tries []*trial) error {
	var sets []*set
	for _, t := range tries {
		sets = append(sets, t.set)
	}
	all, err := compare.differences(ctx, sets)
	if err != nil {
		return err
	}
	for i, t := range tries {
		for _, d := range all[i] {
			if d.class == t.from.class {
				t.difference, t.of = d, t.from
			}
		}
	}
	return nil
}

// try adds a trial without the parts at the given places, unless that is no smaller set.
func (c *found) try(tries []*trial, level int, at []int) []*trial {
	s := &set{name: c.set.name, subgraphs: slices.Clone(c.set.subgraphs)}
	if level == 0 {
		if len(at) == len(s.subgraphs) {
			return tries
		}
		for _, i := range slices.Backward(at) {
			s.subgraphs = slices.Delete(s.subgraphs, i, i+1)
		}
	} else {
		docs := parseAll(c.set)
		remove := removals(docs, level)
		for _, i := range slices.Backward(at) {
			remove[i]()
		}
		s = write(c.set, docs)
	}
	if s.size() >= c.set.size() {
		return tries
	}
	return append(tries, &trial{set: s, from: c, at: at})
}

// removals are the parts of a level; none of sets that do not parse.
func (c *found) removals(level int) []func() {
	if level == 0 {
		return make([]func(), len(c.set.subgraphs))
	}
	return removals(parseAll(c.set), level)
}

// removals are functions that take one part each out of the documents; used last to first they do not
// disturb each other.
func removals(docs []*ast.SchemaDocument, level int) []func() {
	var out []func()
	for _, doc := range docs {
		if level == 1 {
			out = append(out, cuts(&doc.Definitions)...)
			out = append(out, cuts(&doc.Extensions)...)
			out = append(out, cuts(&doc.Directives)...)
			continue
		}
		if level == 3 {
			for _, s := range slices.Concat(doc.Schema, doc.SchemaExtension) {
				out = append(out, cuts(&s.Directives)...)
				for _, d := range s.Directives {
					out = append(out, directiveCuts(d)...)
				}
			}
			for _, d := range doc.Directives {
				out = append(out, cuts(&d.Arguments)...)
				out = append(out, cuts(&d.Locations)...)
			}
		}
		for _, d := range slices.Concat(doc.Definitions, doc.Extensions) {
			if level == 2 {
				out = append(out, cuts(&d.Fields)...)
				out = append(out, cuts(&d.EnumValues)...)
				out = append(out, cuts(&d.Types)...)
				out = append(out, cuts(&d.Interfaces)...)
				continue
			}
			out = append(out, detailCuts(&d.Description, &d.Directives)...)
			for _, v := range d.EnumValues {
				out = append(out, detailCuts(&v.Description, &v.Directives)...)
			}
			for _, f := range d.Fields {
				out = append(out, detailCuts(&f.Description, &f.Directives)...)
				out = append(out, cuts(&f.Arguments)...)
				for _, a := range f.Arguments {
					out = append(out, detailCuts(&a.Description, &a.Directives)...)
					out = append(out, func() { a.DefaultValue = nil })
				}
				out = append(out, func() { f.DefaultValue = nil }, func() { f.Type.NonNull = false })
			}
		}
	}
	return out
}

func detailCuts(description *string, list *ast.DirectiveList) []func() {
	out := append([]func(){func() { *description = "" }}, cuts(list)...)
	for _, d := range *list {
		out = append(out, directiveCuts(d)...)
	}
	return out
}

// directiveCuts take out arguments, and members of those that are lists.
func directiveCuts(d *ast.Directive) []func() {
	out := cuts(&d.Arguments)
	for _, a := range d.Arguments {
		if a.Value.Kind == ast.ListValue {
			out = append(out, cuts(&a.Value.Children)...)
		}
	}
	return out
}

// cuts take out one element each, which is found again by its value since others may be gone.
func cuts[L ~[]E, E comparable](list *L) []func() {
	var out []func()
	for _, e := range *list {
		out = append(out, func() {
			if i := slices.Index(*list, e); i >= 0 {
				*list = slices.Delete(slices.Clone(*list), i, i+1)
			}
		})
	}
	return out
}
