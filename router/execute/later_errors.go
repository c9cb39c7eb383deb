package execute

// Which errors are told with which payload, where something is deferred.

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// know takes the errors that came up since as ones of a part's requests.
func (l *later) know(part int32) {
	for len(l.told) < len(l.errors) {
		l.told, l.origin = append(l.told, false), append(l.origin, part)
	}
}

// firstErrors are the errors of the first payload: all but those that a region has still to tell.
func (l *later) firstErrors(found []*region) (out gqlerror.List) {
	l.know(0)
	for i, err := range l.errors {
		if l.origin[i] == 0 && !l.unasked(err, l.left) && !l.claimed(err.Path, 0, found) {
			l.told[i] = true
			out = append(out, err)
		}
	}
	return once(out)
}

// errorsOf are the errors of subgraphs that are to be told with a region: those of its fields, and those
// of requests for its part that are of an object around it. Only the first n count.
func (l *later) errorsOf(g *region, n int, found []*region) (out gqlerror.List) {
	at := pathOf(g.path)
	for i, err := range l.errors[:n] {
		if l.told[i] || l.unasked(err, l.left) {
			continue
		}
		within := len(err.Path) > len(at) && slices.Equal(err.Path[:len(at)], at) &&
			l.partOf(err.Path[:len(at)+1]) == int(g.part) && !l.claimed(err.Path, int(g.part), found)
		around := len(err.Path) <= len(at) && slices.Equal(err.Path, at[:len(err.Path)]) && l.origin[i] == g.part
		if within || around {
			l.told[i] = true
			out = append(out, err)
		}
	}
	return once(out)
}

// claimed reports whether an error in what a part has written, which found regions of others, is one of
// theirs. Where a null stands in place of what they would have hung on, it is not.
func (l *later) claimed(path ast.Path, part int, found []*region) bool {
	of := l.partOf(path)
	return of != part && slices.ContainsFunc(found, func(g *region) bool {
		at := pathOf(g.path)
		return len(path) > len(at) && slices.Equal(path[:len(at)], at) && l.partOf(path[:len(at)+1]) == int(g.part)
	})
}

// partOf is the part of the field at a path. Where fields of several types share a key, the object's own
// type says which one it is, as far as the object is there.
func (l *later) partOf(path ast.Path) int {
	part, out := int32(0), l.p.out
	at := value{kind: object, at: l.root}
	for _, step := range path {
		v := at
		at = value{}
		switch step := step.(type) {
		case ast.PathIndex:
			if v.kind == list && uint32(step) < v.n {
				at = l.vals[v.at+uint32(step)]
			}
		case ast.PathName:
			f := l.fieldOf(out, v, string(step))
			if f == nil {
				return int(part)
			}
			if part, out = f.part, f.sub; v.kind == object {
				at = l.vals[v.at+uint32(f.slot)]
			}
		}
	}
	return int(part)
}

// fieldOf is the field under a key of a value: the one that its type has, else the first; nil for none.
func (l *later) fieldOf(out *output, v value, key string) (first *outputField) {
	if out == nil {
		return nil
	}
	for i := range out.fields {
		f := &out.fields[i]
		if f.Key != key {
			continue
		}
		if f.on == nil || v.kind == object && f.on.has(l.typeOf(v.at)) {
			return f
		}
		if first == nil {
			first = f
		}
	}
	return first
}
