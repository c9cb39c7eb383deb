package server

import (
	"io"
	"net/http"
	"time"
)

// A request's body has to arrive at this pace, after a grace for the way: one that trickles in would hold
// its connection, and what was read of it, for as long as its sender likes.
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
		if control.SetReadDeadline(time.Now().Add(grace+time.Duration(size)*time.Second/bodyPace)) == nil {
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
