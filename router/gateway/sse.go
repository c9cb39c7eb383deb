package gateway

// Server-sent events, in the distinct connections mode of
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md: one request, one stream.

import (
	"bytes"
	"context"
	"net/http"
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
	switch {
	case f != nil && f.code() == codeDraining:
		_ = out.reconnect(j.begin.resume)
		return 0
	case f != nil:
		return refused(f)
	}
	defer feed.close()
	return g.sendEvents(ctx, out, feed, refused)
}

// sendEvents carries a feed, and tells in comments that a quiet stream is alive, with its cursor.
func (g *Gateway) sendEvents(ctx context.Context, out *eventWriter, f *feed, refused func(*failure) int) int {
	// The first comment opens the stream in the client: what happens from then on is told.
	if out.comment("") != nil {
		return 0
	}
	wake := make(chan struct{}, 1)
	f.onWake(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	heartbeat := time.NewTicker(g.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		select {
		case <-ctx.Done():
			return 0
		case <-heartbeat.C:
			if out.comment(f.freshCursor()) != nil {
				return 0
			}
		case <-wake:
			for waiting := true; waiting; {
				m, open, end := f.take()
				switch {
				case m != nil:
					if out.next(m) != nil {
						return 0
					}
				case open:
					waiting = false
				case end != nil && end.code() == codeDraining:
					_ = out.reconnect(f.freshCursor())
					return 0
				case end != nil:
					return refused(f.told(end))
				default:
					_ = out.complete()
					return 0
				}
			}
		}
	}
}

func (o *eventWriter) next(m *message) error {
	var b bytes.Buffer
	b.WriteString("event: next\n")
	if m.cursor != "" {
		b.WriteString("id: " + m.cursor + "\n")
	}
	b.WriteString("data: ")
	// JSON has line breaks between tokens only, where they mean nothing.
	b.Write(bytes.ReplaceAll(m.body, []byte("\n"), []byte(" ")))
	b.WriteString("\n\n")
	return o.write(b.Bytes())
}

func (o *eventWriter) complete() error { return o.write([]byte("event: complete\ndata:\n\n")) }

// comment shows that the stream is alive. A cursor, "" for none, becomes the client's last event id: an event
// without data is none, but sets that (https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage).
func (o *eventWriter) comment(cursor string) error {
	if cursor == "" {
		return o.write([]byte(":\n\n"))
	}
	return o.write([]byte(":\nid: " + cursor + "\n\n"))
}

// reconnect is the last that a client hears from a router that drains: the stream breaks off, which makes
// it come back with its cursor, after a moment.
func (o *eventWriter) reconnect(cursor string) error {
	b := []byte(": this router is shutting down\nretry: 500\n")
	if cursor != "" {
		b = append(b, "id: "+cursor+"\n"...)
	}
	return o.write(append(b, '\n'))
}

func (o *eventWriter) write(b []byte) error {
	_ = o.control.SetWriteDeadline(time.Now().Add(o.timeout))
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.control.Flush()
}
