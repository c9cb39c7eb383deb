package transport

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/net/http/httpguts"

	"storefront/router/execute"
)

const (
	contentType = "application/json"
	accept      = "application/graphql-response+json, application/json;q=0.9"
)

// message is one request in the parts that are the same for every address and attempt. Its body is
// prefix, variables and a brace, or packed.
type message struct {
	prefix, variables []byte
	packed            []byte // the body by gzip, nil for plain
	header            http.Header
	names             []string // of header, those that are sent, in order
}

const beforeVariables = `,"variables":`

// newMessage prepares a request. A header that cannot stand on a line is an error: a client's value may
// hold anything.
func newMessage(r *execute.SubgraphRequest, gzipFrom int) (*message, error) {
	m := &message{prefix: r.Prefix, variables: r.Variables, header: r.Header, names: make([]string, 0, 8)}
	if m.prefix == nil {
		m.prefix = execute.Prefix(r.Query, r.OperationName)
	}
	for name, values := range r.Header {
		if never(name) {
			continue
		}
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, func(v string) bool { return !validValue(v) }) {
			return nil, fmt.Errorf("the header %q cannot be sent", name)
		}
		m.names = append(m.names, name)
	}
	slices.Sort(m.names)
	if gzipFrom > 0 && m.size() >= gzipFrom {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(m.appendBody(make([]byte, 0, m.size()))) // a buffer takes all
		_ = z.Close()
		m.packed = b.Bytes()
	}
	return m, nil
}

// size is the length of the body as it is sent.
func (m *message) size() int {
	switch {
	case m.packed != nil:
		return len(m.packed)
	case len(m.variables) > 0:
		return len(m.prefix) + len(beforeVariables) + len(m.variables) + 1
	}
	return len(m.prefix) + 1
}

func (m *message) appendBody(b []byte) []byte {
	if m.packed != nil {
		return append(b, m.packed...)
	}
	b = append(b, m.prefix...)
	if len(m.variables) > 0 {
		b = append(append(b, beforeVariables...), m.variables...)
	}
	return append(b, '}')
}

// appendHeader writes the header lines that differ between requests, and the empty line. traced are
// those of the attempt.
func (m *message) appendHeader(b []byte, traced http.Header) []byte {
	for _, name := range m.names {
		for _, v := range m.header[name] {
			b = appendLine(b, name, v)
		}
	}
	for _, name := range []string{"Traceparent", "Tracestate"} {
		for _, v := range traced[name] {
			b = appendLine(b, name, v)
		}
	}
	if m.packed != nil {
		b = appendLine(b, "Content-Encoding", "gzip")
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(m.size()), 10)
	return append(b, "\r\n\r\n"...)
}

func appendLine(b []byte, name, value string) []byte {
	b = append(append(append(b, name...), ": "...), value...)
	return append(b, "\r\n"...)
}

var unpackers = sync.Pool{New: func() any { return new(gzip.Reader) }}

// unpacked is a body without its Content-Encoding, of at most limit bytes.
func unpacked(body []byte, encoding string, limit int64) ([]byte, error) {
	switch encoding {
	case "":
		return body, nil
	case "gzip", "x-gzip", "GZIP":
	default:
		return nil, fmt.Errorf("the answer has the Content-Encoding %.40q, which was not asked for", encoding)
	}
	z := unpackers.Get().(*gzip.Reader)
	defer unpackers.Put(z)
	if err := z.Reset(bytes.NewReader(body)); err != nil {
		return nil, fmt.Errorf("unpack answer: %w", err)
	}
	var b bytes.Buffer
	b.Grow(4 * len(body))
	if _, err := io.Copy(&b, io.LimitReader(z, limit+1)); err != nil {
		return nil, fmt.Errorf("unpack answer: %w", err)
	}
	if int64(b.Len()) > limit {
		return nil, errTooLarge
	}
	return b.Bytes(), nil
}
