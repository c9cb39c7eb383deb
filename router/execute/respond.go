package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
	"storefront/router/plan"
)

// Response is a GraphQL response.
type Response struct {
	Data       []byte // JSON; "null" when a null reached the root; nil when nothing was executed
	Errors     gqlerror.List
	Extensions map[string]any
}

// WriteJSON writes the response's JSON: errors first, then data, then extensions.
func (r *Response) WriteJSON(w io.Writer) {
	var b bytes.Buffer
	b.Grow(len(r.Data) + 64)
	b.WriteByte('{')
	if len(r.Errors) > 0 {
		writeMember(&b, "errors", r.Errors)
	}
	if r.Data != nil {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"data":`)
		b.Write(r.Data)
	}
	if len(r.Extensions) > 0 {
		writeMember(&b, "extensions", r.Extensions)
	}
	b.WriteByte('}')
	_, _ = w.Write(b.Bytes())
}

func writeMember(b *bytes.Buffer, name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte("null")
	}
	if b.Len() > 1 {
		b.WriteByte(',')
	}
	b.WriteString(`"` + name + `":`)
	b.Write(data)
}

// holdRoot puts what the router holds where the plan's root field is.
func (r *run) holdRoot(p *plan.Plan, held *object, sel *plan.Selection) {
	for _, f := range p.Output.Fields {
		if f.Key == p.Live.Key && f.Sub != nil {
			own := &object{}
			readObject(own, held, sel, f.Sub.Type)
			r.root.set(f.Key, value{kind: objects, obj: own})
		}
	}
}

// respond cuts the response from the tree: in the client's order, with nulls where the schema's types
// demand them (GraphQL specification 6.4.4).
func (r *run) respond(ctx context.Context) *Response {
	w := &cutting{run: r}
	if err := ctx.Err(); err != nil {
		r.addError(describeEnd(err), string(errs.Unavailable), "", nil)
	}
	if !w.object(r.plan.Output, r.root) {
		w.b.Reset()
		w.b.WriteString("null")
	}
	return &Response{Data: w.b.Bytes(), Errors: r.errors}
}

func describeEnd(err error) string {
	if err == context.DeadlineExceeded {
		return "the request took too long"
	}
	return "the request was cancelled"
}

type cutting struct {
	*run
	b       bytes.Buffer
	path    ast.Path
	covered map[string]bool // paths with an error at, or below, them; true where it is at them
}

// object writes an object; false when it must be null instead.
func (w *cutting) object(out *plan.Output, o *object) bool {
	start := w.b.Len()
	typ := out.Type
	if out.Abstract {
		typ = o.typename()
		if typ == "" && out.Untyped && !w.typed(out) {
			typ = out.Type
		} else if !w.e.possible[out.Type][typ] {
			if typ == "" {
				w.fault("the type of an object of %s is not known", out.Type)
			} else {
				w.fault("a subgraph answered with the type %q where %s is expected", typ, out.Type)
			}
			return false
		}
	}
	w.b.WriteByte('{')
	first := true
	for i := range out.Fields {
		f := &out.Fields[i]
		if len(f.On) > 0 && !contains(f.On, typ) || !f.Cond.Holds(w.vars) {
			continue
		}
		if !first {
			w.b.WriteByte(',')
		}
		first = false
		w.b.WriteByte('"')
		w.b.WriteString(f.Key)
		w.b.WriteString(`":`)
		if f.Name == "__typename" {
			w.b.WriteString(`"` + typ + `"`)
			continue
		}
		t := f.Type
		if own, ok := f.ByType[typ]; ok {
			t = own
		}
		w.path = append(w.path, ast.PathName(f.Key))
		ok := w.value(t, o.get(f.Key), f.Sub)
		if !ok && t.NonNull && !w.hasError() {
			w.fault("Cannot return null for non-nullable field %s.%s.", typ, f.Name)
		}
		w.path = w.path[:len(w.path)-1]
		if !ok {
			w.b.Truncate(start)
			return false
		}
	}
	w.b.WriteByte('}')
	return true
}

// typed reports whether what is written of an object depends on its type.
func (w *cutting) typed(out *plan.Output) bool {
	for i := range out.Fields {
		f := &out.Fields[i]
		if (len(f.On) > 0 || f.Name == "__typename") && f.Cond.Holds(w.vars) {
			return true
		}
	}
	return false
}

// value writes a value of a type; false when a null may not stand here.
func (w *cutting) value(t *ast.Type, v value, sub *plan.Output) bool {
	start := w.b.Len()
	if v.kind != missing && v.kind != null {
		if w.filled(t, v, sub) {
			return true
		}
		w.b.Truncate(start)
	}
	if t.NonNull {
		return false
	}
	w.b.WriteString("null")
	return true
}

func (w *cutting) filled(t *ast.Type, v value, sub *plan.Output) bool {
	if t.Elem != nil {
		if v.kind != list {
			w.fault("a subgraph answered with one value where a list is expected")
			return false
		}
		w.b.WriteByte('[')
		for i := range v.list {
			if i > 0 {
				w.b.WriteByte(',')
			}
			w.path = append(w.path, ast.PathIndex(i))
			ok := w.value(t.Elem, v.list[i], sub)
			if !ok && !w.hasError() {
				w.fault("Cannot return null for a non-nullable item of a list.")
			}
			w.path = w.path[:len(w.path)-1]
			if !ok {
				return false
			}
		}
		w.b.WriteByte(']')
		return true
	}
	if sub != nil {
		if v.kind != objects {
			w.fault("a subgraph answered with a value that is no object of %s", t.NamedType)
			return false
		}
		return w.object(sub, v.obj)
	}
	return w.leaf(t.NamedType, v)
}

type leafKind uint8

const (
	leafCustom leafKind = iota
	leafInt
	leafFloat
	leafString
	leafBoolean
	leafID
	leafEnum
)

func scalarKinds(name string) leafKind {
	switch name {
	case "Int":
		return leafInt
	case "Float":
		return leafFloat
	case "String":
		return leafString
	case "Boolean":
		return leafBoolean
	case "ID":
		return leafID
	}
	return leafCustom
}

func (w *cutting) leaf(name string, v value) bool {
	ok := false
	switch w.e.leaves[name] {
	case leafCustom:
		writeRaw(&w.b, v)
		return true
	case leafInt:
		ok = v.kind == number && isInt32(v.raw)
	case leafFloat:
		ok = v.kind == number
	case leafString:
		ok = v.kind == text
	case leafBoolean:
		ok = v.kind == boolean
	case leafID:
		if v.kind == number && isInteger(v.raw) {
			w.b.WriteByte('"')
			w.b.Write(v.raw)
			w.b.WriteByte('"')
			return true
		}
		ok = v.kind == text
	case leafEnum:
		ok = v.kind == text && w.e.enums[name][v.str()]
	}
	if !ok {
		w.fault("a subgraph answered with a value that is no %s", name)
		return false
	}
	w.b.Write(v.raw)
	return true
}

func isInteger(raw []byte) bool { return !bytes.ContainsAny(raw, ".eE") }

func isInt32(raw []byte) bool {
	if _, err := strconv.ParseInt(string(raw), 10, 32); err == nil {
		return true
	}
	if isInteger(raw) || len(raw) > 30 { // 1.0 and 1e3 are integers too
		return false
	}
	if f, err := strconv.ParseFloat(string(raw), 64); err != nil || f > 1<<31 || f < -(1<<31) {
		return false
	}
	n, ok := new(big.Rat).SetString(string(raw))
	return ok && n.IsInt()
}

// fault adds an error at the place being written.
func (w *cutting) fault(format string, args ...any) {
	w.cover()
	w.addError(fmt.Sprintf(format, args...), string(errs.Internal), "", append(ast.Path(nil), w.path...))
	w.note(w.path)
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
		b.WriteString(fmt.Sprintf("%v/", step))
		if i == len(path)-1 {
			w.covered[b.String()] = true
		} else if _, ok := w.covered[b.String()]; !ok {
			w.covered[b.String()] = false
		}
	}
}

// hasError reports whether an error already tells why there is nothing at the place being written: one
// there, below it, or at something above it.
func (w *cutting) hasError() bool {
	w.cover()
	if len(w.errors) >= maxErrors {
		return true
	}
	var b strings.Builder
	for i, step := range w.path {
		b.WriteString(fmt.Sprintf("%v/", step))
		at, ok := w.covered[b.String()]
		if at || ok && i == len(w.path)-1 {
			return true
		}
	}
	return false
}
