package eventstream_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"storefront/internal/eventstream"
)

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []eventstream.Event
	}{
		"names, data, ids": {"event: next\nid: 1\ndata: {\"a\":1}\n\nevent:complete\ndata:\n\n",
			[]eventstream.Event{{Name: "next", Data: `{"a":1}`, ID: "1"}, {Name: "complete", ID: "1"}}},
		"comments and empty lines":     {": hello\n\n\n:\n\ndata: x\n\n", []eventstream.Event{{Data: "x"}}},
		"several lines":                {"data: a\ndata:  b\ndata\n\n", []eventstream.Event{{Data: "a\n b\n"}}},
		"every end of a line":          {"data: a\r\n\r\ndata: b\r\rdata: c\n\n", []eventstream.Event{{Data: "a"}, {Data: "b"}, {Data: "c"}}},
		"an id alone":                  {"id: 7\n\nid: 7\n\ndata: x\n\n", []eventstream.Event{{ID: "7"}, {Data: "x", ID: "7"}}},
		"what is cut off is no event":  {"data: a\n\ndata: b\n", []eventstream.Event{{Data: "a"}}},
		"fields that nobody knows":     {"retry: 10\nfoo: bar\ndata: a\n\n", []eventstream.Event{{Data: "a"}}},
		"a colon belongs to the value": {"data: a: b\n\n", []eventstream.Event{{Data: "a: b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := eventstream.NewReader(iotest.OneByteReader(strings.NewReader(c.stream)), 100)
			var got []eventstream.Event
			for {
				e, err := r.Next()
				if err != nil {
					if !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Fatal(err)
					}
					break
				}
				got = append(got, e)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestEventsAreBounded(t *testing.T) {
	for name, stream := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", 200) + "\n\n",
		"many lines": strings.Repeat("data: xxxxxxxxxx\n", 20) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := eventstream.NewReader(strings.NewReader(stream), 100).Next(); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %q, %v", e, err)
			}
		})
	}
}
