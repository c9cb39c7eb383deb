// Package page is cursor pagination as GraphQL's connection specification has it: first/after forwards,
// last/before backwards, a cap on both, opaque cursors.
package page

import (
	"encoding/base64"
	"strings"

	"storefront/internal/errs"
)

// Sizes of a page.
const (
	DefaultSize = 20
	MaxSize     = 100
)

// Args are a connection's arguments as a client sends them.
type Args struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Window is a checked request for a page: Size items after (or, when Backward, before) Cursor.
type Window struct {
	Size     int
	Backward bool
	Cursor   []string // the parts given to Cursor, nil at the start
}

// Info is PageInfo.
type Info struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Window checks a; errors are BadInput and name the argument.
func (a Args) Window() (Window, error) {
	w := Window{Size: DefaultSize}
	if a.First != nil && a.Last != nil {
		return w, errs.Input([]string{"last"}, "give first or last, not both")
	}
	size, name := a.First, "first"
	if a.Last != nil {
		size, name, w.Backward = a.Last, "last", true
	}
	if size != nil {
		if *size < 0 || *size > MaxSize {
			return w, errs.Input([]string{name}, "%s must be between 0 and %d", name, MaxSize)
		}
		w.Size = *size
	}
	if w.Backward && a.After != nil {
		return w, errs.Input([]string{"after"}, "after goes with first; with last, give before")
	}
	if !w.Backward && a.Before != nil {
		return w, errs.Input([]string{"before"}, "before goes with last; with first, give after")
	}
	cursor, name := a.After, "after"
	if w.Backward {
		cursor, name = a.Before, "before"
	}
	if cursor != nil {
		parts, ok := parse(*cursor)
		if !ok {
			return w, errs.Input([]string{name}, "%s is not a cursor of this list; take one from pageInfo", name)
		}
		w.Cursor = parts
	}
	return w, nil
}

// Cursor makes an opaque cursor of the sort key's parts.
func Cursor(parts ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("c1\x00" + strings.Join(parts, "\x00")))
}

func parse(cursor string) ([]string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, false
	}
	rest, ok := strings.CutPrefix(string(b), "c1\x00")
	return strings.Split(rest, "\x00"), ok
}

// Edge is one item and its cursor.
type Edge[T any] struct {
	Cursor string
	Node   T
}

// Connection is one page.
type Connection[T any] struct {
	Edges      []Edge[T]
	PageInfo   Info
	TotalCount *int
}

// Nodes returns the items without their cursors.
func (c Connection[T]) Nodes() []T {
	nodes := make([]T, len(c.Edges))
	for i, e := range c.Edges {
		nodes[i] = e.Node
	}
	return nodes
}

// Of builds the page from items, which a store read in the window's direction, one more than
// w.Size where there are more.
func Of[T any](w Window, items []T, cursor func(T) string) Connection[T] {
	more := len(items) > w.Size
	if more {
		items = items[:w.Size]
	}
	edges := make([]Edge[T], len(items))
	for i, item := range items {
		at := i
		if w.Backward {
			at = len(items) - 1 - i
		}
		edges[at] = Edge[T]{Cursor: cursor(item), Node: item}
	}
	c := Connection[T]{Edges: edges}
	if w.Backward {
		c.PageInfo.HasPreviousPage, c.PageInfo.HasNextPage = more, w.Cursor != nil
	} else {
		c.PageInfo.HasNextPage, c.PageInfo.HasPreviousPage = more, w.Cursor != nil
	}
	if len(edges) > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &edges[0].Cursor, &edges[len(edges)-1].Cursor
	}
	return c
}
