package gateway

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"storefront/router/execute"
)

// encode writes a GraphQL response. data is the JSON of data, nil when the request was not executed.
func encode(data []byte, list gqlerror.List, extensions map[string]any) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	member := func(name string, value []byte) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + name + `":`)
		b.Write(value)
	}
	if len(list) > 0 {
		member("errors", marshal(list))
	}
	if data != nil {
		member("data", data)
	}
	if len(extensions) > 0 {
		member("extensions", marshal(extensions))
	}
	b.WriteByte('}')
	return b.Bytes()
}

// encodeResponse is encode for what the executor answered. The body is the response's own memory where
// that can be, so it is good until the response is released.
func (g *Gateway) encodeResponse(ctx context.Context, c *caller, r *execute.Response) (body []byte, shown gqlerror.List) {
	own := *r // others may share it
	if len(own.Data) == 0 {
		own.Data = []byte("null")
	}
	own.Errors = g.present(ctx, c, r.Errors)
	return own.JSON(), own.Errors
}

// marshal encodes values that came out of JSON or are the gateway's own.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
