package gateway

// Server-sent events, in the distinct connections mode of
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: one request, one stream.

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"storefront/router/execute"
)

// eventWriter writes events with a deadline each.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// serveEvents answers with an event stream and returns the number of errors it told the client.
// A request that could be read but not run is an event too: a browser's EventSource sees no status.
func (g *Gateway) serveEvents(w http.ResponseWriter, r *http.Request, c *caller, j, later *job, f *failure) int {
	ctx := r.Context()
	h := w.Header()
	h.Set("Content-Type", mediaEvents+"; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")
	out := &eventWriter{w, http.NewResponseController(w), g.cfg.WriteTimeout}
	refused := func(f *failure) int {
		list := g.present(ctx, c, f.errors)
		_ = out.next(&message{body: encode(nil, list, nil)})
		_ = out.complete()
		return len(list)
	}
	if f != nil {
		return refused(f)
	}
	if later != nil {
		n := g.stream(ctx, c, later, func(p *execute.Payload) bool { return out.next(&message{body: payloadJSON(p)}) == nil })
		_ = out.complete()
		return n
	}
	if !j.subscription() {
		body, shown := g.encodeResponse(ctx, c, g.execute(ctx, c, j))
		_ = out.next(&message{body: body})
		_ = out.complete()
		return len(shown)
	}
	feed, f := g.openFeed(ctx, c, j)
	if f != nil {
		return refused(f)
	}
	defer feed.cancel(nil)
	// The first comment opens the stream in the client: what happens from then on is told.
	select {
	case <-feed.listening:
	case <-ctx.Done():
		return 0
	}
	if out.comment() != nil {
		return 0
	}
	heartbeat := time.NewTicker(g.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case m, open := <-feed.queue:
			if !open && feed.end != nil {
				return refused(feed.end)
			}
			if !open {
				_ = out.complete()
				return 0
			}
			if out.next(m) != nil {
				return 0
			}
		case <-heartbeat.C:
			if out.comment() != nil {
				return 0
			}
		}
	}
}

func (o *eventWriter) next(m *message) error {
	var b bytes.Buffer
	b.WriteString("event: next\n")
	if m.cursor != "" && !strings.ContainsAny(m.cursor, "\r\n\x00") {
		b.WriteString("id: " + m.cursor + "\n")
	}
	b.WriteString("data: ")
	// JSON has line breaks between tokens only, where they mean nothing.
	b.Write(bytes.ReplaceAll(m.body, []byte("\n"), []byte(" ")))
	b.WriteString("\n\n")
	return o.write(b.Bytes())
}

func (o *eventWriter) complete() error { return o.write([]byte("event: complete\ndata:\n\n")) }

func (o *eventWriter) comment() error { return o.write([]byte(":\n\n")) }

func (o *eventWriter) write(b []byte) error {
	_ = o.control.SetWriteDeadline(time.Now().Add(o.timeout))
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.control.Flush()
}
