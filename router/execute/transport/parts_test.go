package transport

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParts(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
		end  error
	}{
		"each with a header": {"--b\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--\r\n", []string{`{"a":1}`, "{}"}, io.EOF},
		"without headers":    {"preamble\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", []string{"one", "two"}, io.EOF},
		"cut off":            {"--b\r\n\r\none\r\n--b\r\n\r\ntw", []string{"one"}, io.ErrUnexpectedEOF},
		"cut off behind one": {"--b\r\n\r\none\r\n--b", []string{"one"}, io.ErrUnexpectedEOF},
		"too large":          {"--b\r\n\r\n" + strings.Repeat("x", 10_000) + "\r\n--b", nil, errTooLarge},
		"no boundary":        {strings.Repeat("x", 10_000), nil, errTooLarge},
		"nothing":            {"", nil, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.body), iotest.OneByteReader(strings.NewReader(c.body)), iotest.DataErrReader(strings.NewReader(c.body))} {
				p := newPartReader(r, "b", 5000)
				var got []string
				for {
					body, err := p.next()
					if err != nil {
						if !errors.Is(err, c.end) {
							t.Errorf("it ends with %v, want %v", err, c.end)
						}
						break
					}
					got = append(got, string(body))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

// A part is there before anything follows its boundary.
func TestPartsComeAtOnce(t *testing.T) {
	out, in := io.Pipe()
	defer in.Close()
	go func() { _, _ = in.Write([]byte("--b\r\n\r\none\r\n--b")) }()
	if body, err := newPartReader(out, "b", 5000).next(); string(body) != "one" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}
