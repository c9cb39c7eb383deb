package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"
)

// A request's body has to arrive at this pace, after a grace for the way: one that trickles in would hold
// its connection, and what was read of it, for as long as its sender likes.
//
// An answer has to be read at the same pace.
const (
	bodyGrace = 10 * time.Second
	bodyPace  = 32 << 10 // bytes a second
	bodyBound = 8 << 20  // what a body of unknown length is taken for

	writePiece = 64 << 10 // bytes written at once
	writeStall = 4        // graces that a client may let a piece wait: one that reads steadily seems to stop as well
)

// paced puts a deadline on reading each request's body, and takes it off once the body is there; and one on each
// piece of the answer, unless the handler sets deadlines of its own. Between pieces there is none, so that an answer
// may be a stream.
func paced(next http.Handler, grace time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := *http.NewResponseController(w)
		e := &struct {
			answer pacedWriter
			body   pacedBody
		}{answer: pacedWriter{ResponseWriter: w, control: control, grace: grace}}
		if r.ContentLength != 0 && r.Body != nil {
			size := r.ContentLength
			if size < 0 || size > 16*bodyBound {
				size = bodyBound
			}
			if control.SetReadDeadline(time.Now().Add(grace+timeFor(size))) == nil {
				e.body = pacedBody{r.Body, control}
				r.Body = &e.body
			}
		}
		next.ServeHTTP(&e.answer, r)
		e.answer.finish()
	})
}

type pacedBody struct {
	io.ReadCloser
	control http.ResponseController
}

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{}) // it worked once on this connection
	}
	return n, err
}

// pacedWriter is an answer that ends when nobody reads it.
type pacedWriter struct {
	http.ResponseWriter
	control http.ResponseController
	grace   time.Duration
	own     bool // the handler sets deadlines of its own
	open    bool // and the last one it set is none
	taken   bool // it has taken the connection
}

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	if w.own {
		return w.ResponseWriter.Write(p)
	}
	end := time.Now().Add(w.grace + timeFor(int64(len(p))))
	for err == nil {
		piece := p[n:min(len(p), n+writePiece)]
		deadline := time.Now().Add(writeStall*w.grace + timeFor(int64(len(piece))))
		if deadline.After(end) {
			deadline = end
		}
		_ = w.control.SetWriteDeadline(deadline)
		var wrote int
		wrote, err = w.ResponseWriter.Write(piece)
		if n += wrote; n == len(p) {
			break
		}
	}
	w.rest()
	return n, err
}

// rest takes the deadline off: over HTTP/2 it would end the stream, also while there is nothing to write.
func (w *pacedWriter) rest() { _ = w.control.SetWriteDeadline(time.Time{}) }

// FlushError is what http.ResponseController calls.
func (w *pacedWriter) FlushError() error {
	if w.own {
		return w.control.Flush()
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(w.grace))
	defer w.rest()
	return w.control.Flush()
}

// Flush is for handlers that look for an http.Flusher.
func (w *pacedWriter) Flush() { _ = w.FlushError() }

// SetWriteDeadline is the handler's.
func (w *pacedWriter) SetWriteDeadline(deadline time.Time) error {
	w.own, w.open = true, deadline.IsZero()
	return w.control.SetWriteDeadline(deadline)
}

// Hijack leaves the connection to the handler.
func (w *pacedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := w.control.Hijack()
	w.taken = err == nil
	return conn, buffered, err
}

// finish puts a deadline on what the server still has of the answer, which takes it off again.
func (w *pacedWriter) finish() {
	if !w.taken && (!w.own || w.open) {
		_ = w.control.SetWriteDeadline(time.Now().Add(writeStall * w.grace))
	}
}

// Unwrap lets http.ResponseController find the rest.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func timeFor(bytes int64) time.Duration { return time.Duration(bytes) * time.Second / bodyPace }
