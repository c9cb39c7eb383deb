package execute

import (
	"context"
	"encoding/json"
	"io"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/internal/errs"
)

// Response is a GraphQL response.
type Response struct {
	Data       []byte // JSON; "null" when a null reached the root; nil when nothing was executed
	Errors     gqlerror.List
	Extensions map[string]any
	Fresh      Freshness // how long the response may be kept, when it has no errors

	buffer *buffer // what Data is part of; nil when it is not, or was given back
	keep   func(*buffer)
}

// buffer is memory for responses. Data stands in it as it does in a response without errors, after
// dataOpens and before a brace, so that such a response needs no copy.
type buffer struct{ b []byte }

const dataOpens = `{"data":`

// JSON returns the response's JSON: errors first, then data, then extensions. It shares Data's memory
// where it can.
func (r *Response) JSON() []byte {
	if len(r.Errors) == 0 && len(r.Extensions) == 0 && r.whole() {
		return r.buffer.b
	}
	b := append(make([]byte, 0, len(r.Data)+256), '{')
	if len(r.Errors) > 0 {
		b = appendMember(b, "errors", r.Errors)
	}
	if r.Data != nil {
		b = append(append(comma(b), `"data":`...), r.Data...)
	}
	if len(r.Extensions) > 0 {
		b = appendMember(b, "extensions", r.Extensions)
	}
	return append(b, '}')
}

// whole reports whether Data is still what stands in the buffer.
func (r *Response) whole() bool {
	return r.buffer != nil && len(r.Data) > 0 && len(r.buffer.b) == len(dataOpens)+len(r.Data)+1 && &r.buffer.b[len(dataOpens)] == &r.Data[0]
}

// WriteJSON writes the response's JSON.
func (r *Response) WriteJSON(w io.Writer) { _, _ = w.Write(r.JSON()) }

// Release gives the response's memory back; neither Data nor what JSON returned may be used any more.
// A response need not be released.
func (r *Response) Release() {
	b := r.buffer
	if b == nil {
		return
	}
	r.buffer, r.Data = nil, nil
	if cap(b.b) <= keptBuffer {
		r.keep(b)
	}
}

func appendMember(b []byte, name string, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		data = []byte("null")
	}
	return append(append(append(append(comma(b), '"'), name...), `":`...), data...)
}

// respond cuts the response from the tree: in the client's order, with nulls where the schema's types
// demand them (GraphQL specification 6.4.4).
func (r *run) respond(ctx context.Context) *Response { return r.cut(ctx, r.newCutting()) }

func (r *run) newCutting() *cutting { return &cutting{run: r, limit: r.e.opts.MaxResponseBytes} }

func (r *run) cut(ctx context.Context, w *cutting) *Response {
	buf := r.e.buffers.Get().(*buffer)
	w.b = append(buf.b[:0], dataOpens...)
	if err := ctx.Err(); err != nil {
		r.addError(describeEnd(err), string(errs.Unavailable), "", nil)
	}
	if !w.split { // else each is looked at when its turn to be told comes
		r.dropUnasked()
	}
	if !w.object(r.p.out, r.root) {
		w.b, w.found = append(w.b[:len(dataOpens)], "null"...), nil
	}
	if w.over {
		w.tell()
	}
	buf.b = append(w.b, '}')
	return &Response{Data: buf.b[len(dataOpens) : len(buf.b)-1 : len(buf.b)-1], Errors: r.errors, Fresh: r.fresh.of(r.errors), buffer: buf, keep: r.e.keep}
}

func (e *Executor) keep(b *buffer) { e.buffers.Put(b) }

func describeEnd(err error) string {
	if err == context.DeadlineExceeded {
		return "the request took too long"
	}
	return "the request was cancelled"
}
