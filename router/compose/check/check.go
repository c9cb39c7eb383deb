// Package check compares two public schemas and says what of the change clients notice: operations
// that were valid and no longer are, answers that may hold what a client has never seen, and what is
// only more. It reads schemas and decides nothing else. Enter at Compare.
package check

import (
	"fmt"
	"sort"

	"github.com/vektah/gqlparser/v2/ast"
)

// Severity is what a change means for clients.
type Severity int

// From the worst to the harmless.
const (
	Breaking  Severity = iota // an operation that was valid is not any more, or means something else
	Dangerous                 // operations stay valid; their answers or defaults may surprise
	Safe                      // nobody notices who does not ask for it
)

func (s Severity) String() string { return [...]string{"breaking", "dangerous", "safe"}[s] }

// Change is one difference between two schemas.
type Change struct {
	Severity Severity
	// Coordinate is the element, as in the schema coordinates RFC: Type, Type.field, Type.field(arg:),
	// Enum.VALUE, @directive(arg:).
	Coordinate string
	Message    string // a sentence about it
}

func (c Change) String() string {
	return fmt.Sprintf("%-9s  %s: %s", c.Severity, c.Coordinate, c.Message)
}

// Compare lists what differs from before to after, the worst first, then by coordinate.
func Compare(before, after *ast.Schema) []Change {
	c := &comparison{before: before, after: after, asked: reachableFrom(before, true), answered: reachableFrom(before, false)}
	c.roots()
	for _, name := range names(before.Types, after.Types) {
		c.types(before.Types[name], after.Types[name])
	}
	for _, name := range names(before.Directives, after.Directives) {
		c.directives(before.Directives[name], after.Directives[name])
	}
	sort.SliceStable(c.changes, func(i, j int) bool {
		a, b := c.changes[i], c.changes[j]
		if a.Severity != b.Severity {
			return a.Severity < b.Severity
		}
		return a.Coordinate < b.Coordinate
	})
	return c.changes
}

type comparison struct {
	before, after   *ast.Schema
	asked, answered map[string]bool // types that clients send, and that they are sent
	changes         []Change
}

func (c *comparison) add(s Severity, coordinate, format string, args ...any) {
	c.changes = append(c.changes, Change{s, coordinate, fmt.Sprintf(format, args...)})
}

// names merges the keys of two maps, sorted.
func names[T any](a, b map[string]T) []string {
	var out []string
	for n := range a {
		out = append(out, n)
	}
	for n := range b {
		if _, ok := a[n]; !ok {
			out = append(out, n)
		}
	}
	sort.Strings(out)
	return out
}

func (c *comparison) roots() {
	for _, r := range []struct {
		kind          string
		before, after *ast.Definition
	}{
		{"query", c.before.Query, c.after.Query},
		{"mutation", c.before.Mutation, c.after.Mutation},
		{"subscription", c.before.Subscription, c.after.Subscription},
	} {
		switch {
		case r.before == nil && r.after != nil:
			c.add(Safe, r.after.Name, "there are %s operations now", r.kind)
		case r.before != nil && r.after == nil:
			c.add(Breaking, r.before.Name, "there are no %s operations any more", r.kind)
		case r.before != nil && r.before.Name != r.after.Name:
			c.add(Dangerous, r.before.Name, "the %s root type is now %s; fragments on its name are no longer valid", r.kind, r.after.Name)
		}
	}
}

// reachableFrom lists the types that stand in arguments and input fields, or else in answers.
func reachableFrom(s *ast.Schema, input bool) map[string]bool {
	seen := map[string]bool{}
	for _, def := range s.Types {
		if def.Kind == ast.InputObject {
			for _, f := range def.Fields {
				seen[f.Type.Name()] = seen[f.Type.Name()] || input
			}
			continue
		}
		for _, f := range def.Fields {
			if !input {
				seen[f.Type.Name()] = true
				continue
			}
			for _, a := range f.Arguments {
				seen[a.Type.Name()] = true
			}
		}
	}
	return seen
}
