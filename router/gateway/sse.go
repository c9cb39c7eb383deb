package gateway

// Server-sent events, in the distinct connections mode of
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: one request, one stream.

import (
	"bytes"
	"net/http"

	"storefront/router/execute"
)

// eventWriter is a carrier.
type eventWriter struct{ output }

func events(to output) carrier { return &eventWriter{to} }

// serveEvents answers with an event stream and returns the number of errors it told the client.
// A request that could be read but not run is an event too: a browser's EventSource sees no status.
func (g *Gateway) serveEvents(a *answer, r *http.Request, c *caller, j, later *job, f *failure) int {
	ctx := r.Context()
	setStream(a.w.Header(), mediaEvents+"; charset=utf-8")
	out := &eventWriter{g.outputTo(a.w)}
	if f != nil {
		return g.refuseStream(ctx, c, out, f)
	}
	if later != nil {
		n := g.stream(ctx, c, later, func(p *execute.Payload) bool { return out.next(&message{body: payloadJSON(p)}) == nil })
		_ = out.complete()
		return n
	}
	if !j.subscription() {
		body, shown := g.encodeResponse(ctx, c, j.withCost(c, g.execute(ctx, c, j)))
		_ = out.next(&message{body: body})
		_ = out.complete()
		return len(shown)
	}
	return g.subscribeHTTP(a, r, c, j, events)
}

// setStream sets the headers of a response that goes on.
func setStream(h http.Header, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("X-Accel-Buffering", "no")
}

func (o *eventWriter) next(m *message) error {
	var b bytes.Buffer
	b.WriteString("event: next\n")
	if m.cursor != "" {
		b.WriteString("id: " + m.cursor + "\n")
	}
	b.WriteString("data: ")
	b.Write(oneLine(m.body))
	b.WriteString("\n\n")
	return o.write(b.Bytes())
}

// oneLine is JSON without line breaks, which it has between tokens only, where they mean nothing.
func oneLine(body []byte) []byte { return bytes.ReplaceAll(body, []byte("\n"), []byte(" ")) }

func (o *eventWriter) complete() error { return o.write([]byte("event: complete\ndata:\n\n")) }

func (o *eventWriter) failed(response []byte) error {
	if err := o.next(&message{body: response}); err != nil {
		return err
	}
	return o.complete()
}

// The first comment opens the stream in the client.
func (o *eventWriter) open() error { return o.alive("") }

// alive writes a comment. A cursor, "" for none, becomes the client's last event id: an event
// without data is none, but sets that (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage).
func (o *eventWriter) alive(cursor string) error {
	if cursor == "" {
		return o.write([]byte(":\n\n"))
	}
	return o.write([]byte(":\nid: " + cursor + "\n\n"))
}

// elsewhere is the last that a client hears from a router that drains: the stream breaks off, which makes
// it come back with its cursor, after a moment.
func (o *eventWriter) elsewhere(cursor string) error {
	b := []byte(": this router is shutting down\nretry: 500\n")
	if cursor != "" {
		b = append(b, "id: "+cursor+"\n"...)
	}
	return o.write(append(b, '\n'))
}
