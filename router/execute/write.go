package execute

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
)

// cutting writes the response's data.
type cutting struct {
	*run
	b       []byte
	limit   int
	over    bool  // it grew larger than the limit, or ended: everything ends
	ended   error // why, when nobody waits for it any more
	path    []pathStep
	split   bool // only fields of one part are written, and regions of others found
	part    int32
	hung    bool // the object to be written is a region's
	most    int  // how many regions are found at most, and one more
	found   []*region
	covered map[string]bool // paths with an error at, or below, them; true where it is at them
}

// pathStep is where the writer stands: at a field, or without one at an item of a list.
type pathStep struct {
	field *outputField
	index uint32
}

// object writes an object; false when it must be null instead. One that is there and @inaccessible is no
// mistake of the subgraph's: it is null, and an error only where null may not stand.
func (w *cutting) object(out *output, obj uint32) bool {
	start := len(w.b)
	typ := out.typ
	if out.possible != nil {
		if typ = w.typeOf(obj); typ == 0 && out.untyped && !w.typed(out) {
			typ = out.typ
		} else if !out.possible.has(typ) {
			if out.hidden != nil && out.hidden.has(typ) {
				return false
			} else if typ == 0 && w.hasError() {
				return false
			} else if typ == 0 {
				w.fault("the type of an object of %s is not known", out.name)
			} else {
				w.fault("a subgraph answered with another type where %s is expected", out.name) // whose name may be nobody's to know
			}
			return false
		}
	}
	if out.refused != nil && out.refused.has(typ) {
		w.refuse()
		return false
	}
	if w.split {
		w.find(out, obj, typ)
	}
	w.b = append(w.b, '{')
	first := true
	for i := range out.fields {
		f := &out.fields[i]
		if f.on != nil && !f.on.has(typ) || f.cond != 0 && !w.holds[f.cond] || f.part != w.part && w.split {
			continue
		}
		if first {
			w.b = append(w.b, f.first...)
			first = false
		} else {
			w.b = append(w.b, f.other...)
		}
		if f.typename {
			w.b = append(append(append(w.b, '"'), w.typeName(typ)...), '"')
			continue
		}
		v := w.vals[obj+uint32(f.slot)]
		if f.schema != nil {
			if v = w.introspect(f); w.over {
				return false
			}
		}
		if f.fast && w.plain(f.typ.leaf, v) {
			w.b = append(w.b, w.raw(v)...)
			if len(w.b) <= w.limit {
				continue
			}
		}
		if !w.field(f, typ, v) {
			w.b = w.b[:start]
			return false
		}
	}
	w.b = append(w.b, '}')
	return true
}

// typed reports whether what is written of an object, or what is found to be deferred on it, depends on its
// type.
func (w *cutting) typed(out *output) bool {
	if out.refused != nil {
		return true
	}
	for i := range out.fields {
		f := &out.fields[i]
		if (f.on != nil || f.typename && (f.part == w.part || !w.split)) && w.holds[f.cond] {
			return true
		}
	}
	return false
}

func (w *cutting) field(f *outputField, typ int32, v value) bool {
	if len(w.b) > w.limit {
		w.over = true
		return false
	}
	t := f.typ
	if own, ok := f.byType[typ]; ok {
		t = own
	}
	w.path = append(w.path, pathStep{field: f})
	if f.Refused {
		w.refuse()
		v = value{kind: null}
	}
	ok := w.value(t, v, f.sub)
	if !ok && t.nonNull && !w.hasError() && !(v.kind == missing && w.hasErrorBeside()) {
		w.fault("Cannot return null for non-nullable field %s.%s.", w.typeName(typ), f.Name)
	}
	w.path = w.path[:len(w.path)-1]
	return ok
}

// value writes a value of a type; false when a null may not stand here.
func (w *cutting) value(t *outputType, v value, sub *output) bool {
	if v.kind != missing && v.kind != null {
		start, found := len(w.b), len(w.found)
		if w.filled(t, v, sub) {
			return true
		}
		w.b, w.found = w.b[:start], w.found[:found]
	}
	if t.nonNull || w.over {
		return false
	}
	w.b = append(w.b, "null"...)
	return true
}

func (w *cutting) filled(t *outputType, v value, sub *output) bool {
	switch {
	case t.elem != nil && v.kind == list:
		return w.list(t, v, sub)
	case t.elem != nil && sub == nil && v.kind == opaque && w.raw(v)[0] == '[':
		return w.leaves(t, v)
	case t.elem != nil:
		w.fault("a subgraph answered with one value where a list is expected")
		return false
	case sub == nil:
		return w.leaf(t, v)
	case v.kind != object:
		w.fault("a subgraph answered with a value that is no object of %s", t.name)
		return false
	}
	return w.object(sub, v.at)
}

func (w *cutting) list(t *outputType, v value, sub *output) bool {
	w.b = append(w.b, '[')
	for i := range v.n {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if !w.item(t.elem, w.vals[v.at+i], i, sub) {
			return false
		}
	}
	w.b = append(w.b, ']')
	return true
}

// leaves writes a list of leaves, which the tree keeps as its bytes.
func (w *cutting) leaves(t *outputType, v value) bool {
	w.b = append(w.b, '[')
	items := items{data: w.raw(v)}
	i := uint32(0)
	for raw := items.next(); raw != nil; raw = items.next() {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		at := v.at + uint32(items.start)
		if !w.item(t.elem, value{kind: kindOf(raw[0]), loose: v.loose, doc: v.doc, at: at, n: uint32(len(raw))}, i, nil) {
			return false
		}
		i++
	}
	w.b = append(w.b, ']')
	return true
}

func (w *cutting) item(t *outputType, v value, i uint32, sub *output) bool {
	if len(w.b) > w.limit {
		w.over = true
		return false
	}
	w.path = append(w.path, pathStep{index: i})
	ok := w.value(t, v, sub)
	if !ok && !w.hasError() {
		w.fault("Cannot return null for a non-nullable item of a list.")
	}
	w.path = w.path[:len(w.path)-1]
	return ok
}

// fault adds an error at the place being written.
func (w *cutting) fault(format string, args ...any) {
	if w.over {
		return
	}
	w.cover()
	path := w.place()
	w.addError(fmt.Sprintf(format, args...), CodeWrongAnswer, w.source(path), path)
	w.note(path)
}

// refuse tells that the caller may not see what stands at the place being written.
func (w *cutting) refuse() {
	if w.over {
		return
	}
	w.cover()
	path := w.place()
	told := w.p.plan.Denial
	w.addError(cmp.Or(told.Message, Unauthorized), cmp.Or(told.Code, CodeUnauthorized), "", path)
	w.note(path)
}

// tell leaves the one error of a response that is over.
func (w *cutting) tell() {
	w.errors = gqlerror.List{}
	message, code := w.ending()
	w.addError(message, string(code), "", nil)
}

// ending is why a response is over.
func (w *cutting) ending() (message string, code errs.Code) {
	if w.ended != nil {
		return describeEnd(w.ended), errs.Unavailable
	}
	return fmt.Sprintf("the response is larger than %d bytes", w.e.opts.MaxResponseBytes), errs.TooMany
}

// place is the path of the place being written.
func (w *cutting) place() ast.Path {
	out := make(ast.Path, len(w.path))
	for i, step := range w.path {
		if step.field != nil {
			out[i] = ast.PathName(step.field.Key)
		} else {
			out[i] = ast.PathIndex(step.index)
		}
	}
	return out
}

func (w *cutting) cover() {
	if w.covered != nil {
		return
	}
	w.covered = map[string]bool{}
	for _, err := range w.errors {
		w.note(err.Path)
	}
}

// note remembers an error's path, and that there is one below each path above it.
func (w *cutting) note(path ast.Path) {
	var b strings.Builder
	for i, step := range path {
		fmt.Fprintf(&b, "%v/", step)
		if i == len(path)-1 {
			w.covered[b.String()] = true
		} else if _, ok := w.covered[b.String()]; !ok {
			w.covered[b.String()] = false
		}
	}
}

// hasErrorBeside reports whether an error is told at or below the object being written. Then a field of
// it that no subgraph sent has a reason: the subgraph's own null took the object and all its fields.
func (w *cutting) hasErrorBeside() bool {
	w.cover()
	if len(w.path) <= 1 {
		return len(w.errors) > 0
	}
	var b strings.Builder
	for _, step := range w.place()[:len(w.path)-1] {
		fmt.Fprintf(&b, "%v/", step)
	}
	_, ok := w.covered[b.String()]
	return ok
}

// hasError reports whether an error already tells why there is nothing at the place being written: one
// there, below it, or at something above it.
func (w *cutting) hasError() bool {
	if w.over || len(w.errors) >= maxErrors {
		return true
	}
	w.cover()
	var b strings.Builder
	for i, step := range w.place() {
		fmt.Fprintf(&b, "%v/", step)
		at, ok := w.covered[b.String()]
		if at || ok && i == len(w.path)-1 {
			return true
		}
	}
	return false
}
