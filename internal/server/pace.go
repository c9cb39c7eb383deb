package server

import (
	"io"
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
)

// paced puts a deadline on reading each request's body, and takes it off once the body is there: what
// follows, such as a stream of events, has deadlines of its own.
func paced(next http.Handler, grace time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 || r.Body == nil {
			next.ServeHTTP(w, r)
			return
		}
		size := r.ContentLength
		if size < 0 || size > 16*bodyBound {
			size = bodyBound
		}
		control := http.NewResponseController(w)
		if control.SetReadDeadline(time.Now().Add(grace+timeFor(size))) == nil {
			r.Body = &pacedBody{r.Body, control}
		}
		next.ServeHTTP(w, r)
	})
}

type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{}) // it worked once on this connection
	}
	return n, err
}

// PaceWrites puts a deadline on each piece that a handler writes, for handlers that have none of their own: whoever does
// not read would hold the connection, and what is behind it, for ever.
func PaceWrites(next http.Handler) http.Handler { return pacedWrites(next, bodyGrace) }

func pacedWrites(next http.Handler, grace time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), grace: grace}
		next.ServeHTTP(p, r)
		if p.wrote {
			p.extend(0) // the server may still have some of it
		}
	})
}

type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	grace   time.Duration
	wrote   bool
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	w.wrote = true
	w.extend(int64(len(p)))
	return w.ResponseWriter.Write(p)
}

// extend sets a deadline that holds for this request: the server takes it off.
func (w *pacedWriter) extend(bytes int64) {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.grace + timeFor(bytes)))
}

// Unwrap lets http.ResponseController find the rest.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func timeFor(bytes int64) time.Duration { return time.Duration(bytes) * time.Second / bodyPace }
