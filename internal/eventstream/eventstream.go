// Package eventstream reads server-sent events, as the HTML specification's section 9.2 has them. It knows
// nothing of GraphQL. Enter at NewReader.
package eventstream

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Event is one event. One that only brings the id on has neither name nor data.
type Event struct {
	Name string // "" for a message
	Data string // its lines, with a line feed between
	ID   string // the last one that was sent; it stays until another one comes
}

// Reader reads a stream's events. It is for one goroutine.
type Reader struct {
	lines *bufio.Scanner
	limit int
	id    string
}

// NewReader reads events of at most limit bytes each.
func NewReader(r io.Reader, limit int) *Reader {
	s := bufio.NewScanner(r)
	s.Buffer(nil, limit)
	s.Split(line)
	return &Reader{lines: s, limit: limit}
}

// Next waits for the next event. Comments and empty events are passed over. It fails with
// io.ErrUnexpectedEOF where the stream ends: the protocol on top says when that is right.
func (r *Reader) Next() (Event, error) {
	var e Event
	var data strings.Builder
	something, moved := false, false
	for r.lines.Scan() {
		text := r.lines.Text()
		if text == "" {
			if something || moved {
				e.ID, e.Data = r.id, strings.TrimSuffix(data.String(), "\n")
				return e, nil
			}
			continue
		}
		name, value, _ := strings.Cut(text, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			e.Name, something = value, true
		case "data":
			if data.Len()+len(value) > r.limit {
				return e, fmt.Errorf("read event: it is larger than %d bytes", r.limit)
			}
			data.WriteString(value)
			data.WriteByte('\n')
			something = true
		case "id":
			moved = moved || value != r.id
			r.id = value
		}
	}
	if err := r.lines.Err(); err != nil {
		return e, fmt.Errorf("read event: %w", err)
	}
	return e, io.ErrUnexpectedEOF
}

// line splits at CR, LF and both together.
func line(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0:
		return 0, nil, nil
	case data[i] == '\n' || i+1 < len(data) && data[i+1] != '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data):
		return i + 2, data[:i], nil
	case atEOF:
		return i + 1, data[:i], nil
	}
	return 0, nil, nil // whether a line feed follows is not known yet
}
