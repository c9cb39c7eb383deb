package http1

// Reading an answer, by RFC 9112.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// trusted is how many bytes of a body are set aside before they are there.
const trusted = 1 << 20

// header is what matters of an answer's header lines.
type header struct {
	Response
	http10  bool
	length  int64 // -1 for none
	chunked bool
	close   bool
	keep    bool // Connection: keep-alive
}

// readResponse reads the answer and says whether another may follow on the connection.
func readResponse(br *bufio.Reader, maxBody int64, maxHeader int) (Response, bool, error) {
	if _, err := br.Peek(1); err != nil {
		return Response{}, false, noAnswer(err)
	}
	var h header
	for left := maxHeader; ; {
		h = header{length: -1}
		if err := h.read(br, &left); err != nil {
			return Response{}, false, err
		}
		if h.Status == 101 {
			return Response{}, false, errors.New("read answer: the server wants another protocol")
		}
		if h.Status >= 200 {
			break
		} // 100 Continue, 103 Early Hints and the like go before the answer
	}
	body, err := h.body(br, maxBody)
	if err != nil {
		return Response{}, false, fmt.Errorf("read answer: %w", err)
	}
	h.Body = body
	ends := h.Status == 204 || h.Status == 304 || h.chunked || h.length >= 0
	keep := ends && !h.close && (!h.http10 || h.keep) && !(h.chunked && h.length >= 0) // 6.3: both may be smuggling
	return h.Response, keep, nil
}

func (h *header) read(br *bufio.Reader, left *int) error {
	line, err := readLine(br, left)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	// HTTP/1.1 200 OK; the reason may be absent
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[0] != '0' && rest[0] != '1' || rest[1] != ' ' || len(rest) > 5 && rest[5] != ' ' {
		return fmt.Errorf("read answer: %.40q is no HTTP/1.1 status line", line)
	}
	h.http10 = rest[0] == '0'
	for _, d := range rest[2:5] {
		if d < '0' || d > '9' {
			return fmt.Errorf("read answer: %.40q is no HTTP/1.1 status line", line)
		}
		h.Status = h.Status*10 + int(d-'0')
	}
	if h.Status < 100 {
		return fmt.Errorf("read answer: %.40q is no HTTP/1.1 status line", line)
	}
	for {
		if line, err = readLine(br, left); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if len(line) == 0 {
			return nil
		}
		if err := h.field(line); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
	}
}

func (h *header) field(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || bytes.ContainsAny(line[:colon], " \t") { // 5.1, and folded lines (5.2)
		return fmt.Errorf("%.40q is no header line", line)
	}
	value := bytes.Trim(line[colon+1:], " \t")
	switch colon {
	case len("Connection"):
		if named(line, "Connection") {
			for item := range bytes.SplitSeq(value, []byte{','}) {
				item = bytes.TrimSpace(item)
				h.close = h.close || bytes.EqualFold(item, []byte("close"))
				h.keep = h.keep || bytes.EqualFold(item, []byte("keep-alive"))
			}
		}
	case len("Cache-Control"):
		if named(line, "Cache-Control") {
			if h.Control != "" {
				h.Control += ", "
			}
			h.Control += string(value)
		}
	case len("Retry-After"):
		if named(line, "Retry-After") {
			h.RetryAfter = string(value)
		}
	case len("Content-Length"):
		if named(line, "Content-Length") {
			n, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil || h.length >= 0 && h.length != int64(n) {
				return fmt.Errorf("Content-Length %.40q is no length, or a second one", value)
			}
			h.length = int64(n)
		}
	case len("Content-Encoding"):
		if named(line, "Content-Encoding") && !bytes.EqualFold(value, []byte("identity")) {
			if h.Encoding != "" {
				h.Encoding += ", "
			}
			h.Encoding += string(value)
		}
	case len("Transfer-Encoding"):
		if named(line, "Transfer-Encoding") {
			if h.chunked || !bytes.EqualFold(value, []byte("chunked")) {
				return fmt.Errorf("Transfer-Encoding %.40q is not supported", value)
			}
			h.chunked = true
		}
	}
	return nil
}

func named(line []byte, name string) bool {
	return bytes.EqualFold(line[:len(name)], []byte(name))
}

// readLine returns a line without its end, good until the next read. left is what header lines may
// still have.
func readLine(br *bufio.Reader, left *int) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if *left -= len(line); errors.Is(err, bufio.ErrBufferFull) || *left < 0 {
		return nil, errors.New("the header is too large")
	}
	if err != nil {
		return nil, cut(err)
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// cut is the error of a read in the middle of something.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (h *header) body(br *bufio.Reader, limit int64) ([]byte, error) {
	switch {
	case h.Status == 204 || h.Status == 304:
		return nil, nil
	case h.chunked:
		return readChunks(br, limit)
	case h.length >= 0:
		if h.length > limit {
			return nil, ErrTooLarge
		}
		return readN(br, nil, int(h.length))
	}
	// 6.3: up to the end of the connection
	body, err := io.ReadAll(io.LimitReader(br, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = ErrTooLarge
	}
	return body, err
}

// readN appends n bytes. No more than trusted is set aside before it is there.
func readN(br *bufio.Reader, b []byte, n int) ([]byte, error) {
	for n > 0 {
		part := min(n, max(trusted, len(b)))
		start := len(b)
		b = slices.Grow(b, part)[:start+part]
		if _, err := io.ReadFull(br, b[start:]); err != nil {
			return nil, cut(err)
		}
		n -= part
	}
	return b, nil
}

// readChunks reads a chunked body and its trailers (7.1).
func readChunks(br *bufio.Reader, limit int64) ([]byte, error) {
	var b []byte
	for {
		left := 1 << 10
		line, err := readLine(br, &left)
		if err != nil {
			return nil, err
		}
		size, err := chunkSize(line)
		if err != nil {
			return nil, err
		}
		if size == 0 {
			break
		}
		if size > limit-int64(len(b)) {
			return nil, ErrTooLarge
		}
		if b, err = readN(br, b, int(size)); err != nil {
			return nil, err
		}
		left = 2
		if line, err = readLine(br, &left); err != nil || len(line) > 0 {
			return nil, errors.New("a chunk is longer than it says")
		}
	}
	for left := 16 << 10; ; {
		line, err := readLine(br, &left)
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			return b, nil
		}
	}
}

// chunkSize reads the size before a chunk; extensions are left out.
func chunkSize(line []byte) (int64, error) {
	digits, _, _ := bytes.Cut(line, []byte{';'})
	digits = bytes.TrimRight(digits, " \t")
	var n int64
	for _, d := range digits {
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case d|0x20 >= 'a' && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return 0, fmt.Errorf("%.20q is no chunk size", line)
		}
		if n = n<<4 | int64(d); n > 1<<40 {
			return 0, ErrTooLarge
		}
	}
	if len(digits) == 0 {
		return 0, fmt.Errorf("%.20q is no chunk size", line)
	}
	return n, nil
}
