package gateway

// How long a client may take for an answer that is written whole: it is in memory until then. What is streamed has a
// deadline for each message instead.

import (
	"net/http"
	"time"
)

const (
	writePace  = 32 << 10 // bytes a second that a client has to read on the average, beyond the time for a message
	writePiece = 64 << 10 // bytes written at once

	// writeStall is how many times the time for a message a client may let a piece wait. One that reads steadily seems
	// to stop as well: the kernel takes the next piece only when a third of what it holds is gone, which may be a MiB.
	writeStall = 4
)

// writePaced writes the body of an answer, unless its client stops reading or falls behind the pace.
func writePaced(w http.ResponseWriter, body []byte, timeout time.Duration) {
	control := http.NewResponseController(w)
	end := time.Now().Add(timeout + timeToRead(len(body)))
	for {
		piece := body[:min(len(body), writePiece)]
		deadline := time.Now().Add(writeStall*timeout + timeToRead(len(piece)))
		if deadline.After(end) {
			deadline = end
		}
		_ = control.SetWriteDeadline(deadline) // of this request alone: the server takes it off
		if _, err := w.Write(piece); err != nil {
			return
		}
		if body = body[len(piece):]; len(body) == 0 {
			return
		}
	}
}

func timeToRead(bytes int) time.Duration { return time.Duration(bytes) * time.Second / writePace }
