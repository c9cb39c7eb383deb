package compose

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Location is a place in a subgraph's SDL. Line and Column count from 1; both are 0 when the error
// concerns the subgraph as a whole.
type Location struct {
	Subgraph string
	File     string
	Line     int
	Column   int
}

// String is "subgraph (file:line:column)", without what is not known.
func (l Location) String() string {
	at := l.File
	if l.Line > 0 {
		if at == "" {
			at = fmt.Sprintf("%d:%d", l.Line, l.Column)
		} else {
			at = fmt.Sprintf("%s:%d:%d", at, l.Line, l.Column)
		}
	}
	if at == "" {
		return l.Subgraph
	}
	return l.Subgraph + " (" + at + ")"
}

// Error is one rule broken. Code is the published federation error code, Hint how to mend it.
type Error struct {
	Code      string
	Message   string
	Locations []Location
	Hint      string
}

// Error is one line per fact: code and message, then the places, then the way to mend it.
func (e Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Code, e.Message)
	for _, l := range e.Locations {
		b.WriteString("\n  at " + l.String())
	}
	if e.Hint != "" {
		b.WriteString("\n  to mend: " + e.Hint)
	}
	return b.String()
}

// Errors is everything a stage of composition found wrong. A nil Errors means success.
type Errors []Error

// Error lists every error, one after the other.
func (es Errors) Error() string {
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "\n")
}

// Hint is something legal but doubtful.
type Hint struct {
	Code      string
	Message   string
	Locations []Location
}

// String is the hint on one line, then its places.
func (h Hint) String() string {
	s := h.Code + ": " + h.Message
	for _, l := range h.Locations {
		s += "\n  at " + l.String()
	}
	return s
}

// report collects errors and hints, once each.
type report struct {
	errs  Errors
	hints []Hint
	seen  map[string]bool
}

// errorf adds an error; the way to mend it comes from its code.
func (r *report) errorf(code string, at []Location, format string, args ...any) {
	e := Error{Code: code, Message: fmt.Sprintf(format, args...), Locations: dropZero(at), Hint: mend(code)}
	if r.first("E" + e.Error()) {
		r.errs = append(r.errs, e)
	}
}

func (r *report) hintf(code string, at []Location, format string, args ...any) {
	h := Hint{Code: code, Message: fmt.Sprintf(format, args...), Locations: dropZero(at)}
	if r.first("H" + h.String()) {
		r.hints = append(r.hints, h)
	}
}

func (r *report) first(key string) bool {
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	return true
}

func (r *report) takeErrors() Errors {
	errs := r.errs
	r.errs = nil
	return errs
}

func dropZero(at []Location) []Location {
	var out []Location
	for _, l := range at {
		if l != (Location{}) {
			out = append(out, l)
		}
	}
	return out
}

// at is the location of a position in this subgraph; a position from elsewhere (a definition that
// composition supplied) is the subgraph as a whole.
func (s *subgraph) at(pos *ast.Position) []Location {
	l := Location{Subgraph: s.name, File: s.file}
	if pos != nil && pos.Src == s.source {
		l.Line, l.Column = pos.Line, pos.Column
	}
	return []Location{l}
}
