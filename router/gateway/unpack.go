package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
)

// packedShare is how large a compressed body may be, as a part of what it may unpack to.
const packedShare = 4

// readBody reads a body of at most limit bytes. One that is compressed by gzip is bounded before it is unpacked,
// and while it is.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *failure) {
	packed := false
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		packed = true
	default:
		w.Header().Set("Accept-Encoding", "gzip") // RFC 9110, 15.5.16
		return nil, refuse(http.StatusUnsupportedMediaType, codeBadRequest, "Requests may be compressed by gzip only.")
	}
	wire := limit
	if packed {
		wire = limit / packedShare
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(min(r.ContentLength, wire, 64<<10)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, wire))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		what := "request body"
		if packed {
			what = "compressed request body"
		}
		return nil, refuse(http.StatusRequestEntityTooLarge, codeTooLarge, "The %s is larger than %d bytes.", what, tooLarge.Limit)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request body could not be read whole.")
	}
	if !packed {
		return b.Bytes(), nil
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The request body is not compressed by gzip, as its Content-Encoding says.")
	}
	text, err := io.ReadAll(io.LimitReader(z, limit+1))
	switch {
	case err != nil:
		return nil, refuse(http.StatusBadRequest, codeBadRequest, "The compressed request body is damaged.")
	case int64(len(text)) > limit:
		return nil, refuse(http.StatusRequestEntityTooLarge, codeTooLarge, "The request body is larger than %d bytes once it is unpacked.", limit)
	}
	return text, nil
}
