package transport

import (
	"bytes"
	"fmt"
	"io"
)

// partReader reads multipart bodies as they grow: a part is whole once the boundary behind it is there.
// (mime/multipart waits for what follows the boundary, and servers send that with the next part.)
type partReader struct {
	from  io.Reader
	delim []byte
	limit int    // bytes of a part
	buf   []byte // what is read and not given
	begun bool   // the first boundary has been
}

func newPartReader(r io.Reader, boundary string, limit int) *partReader {
	return &partReader{from: r, delim: []byte("\r\n--" + boundary), limit: limit, buf: []byte("\r\n")}
}

// next waits for the next part and returns its body, without its headers. io.EOF is the boundary that ends
// it all; io.ErrUnexpectedEOF a body that ends without it.
func (p *partReader) next() ([]byte, error) {
	for searched := 0; ; {
		if i := bytes.Index(p.buf[searched:], p.delim); i >= 0 {
			part := bytes.Clone(p.buf[:searched+i])
			p.buf = append(p.buf[:0], p.buf[searched+i+len(p.delim):]...)
			searched = 0
			if !p.begun {
				p.begun = true
				continue
			}
			_, body, _ := bytes.Cut(part, []byte("\r\n\r\n"))
			return body, nil
		}
		if p.begun && bytes.HasPrefix(p.buf, []byte("--")) {
			return nil, io.EOF
		}
		if len(p.buf) > p.limit {
			return nil, errTooLarge
		}
		searched = max(0, len(p.buf)-len(p.delim)+1)
		p.buf = append(p.buf, make([]byte, 4096)...)
		n, err := p.from.Read(p.buf[len(p.buf)-4096:])
		p.buf = p.buf[:len(p.buf)-4096+n]
		if n == 0 && err != nil {
			if err == io.EOF {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("read part: %w", err)
		}
	}
}
