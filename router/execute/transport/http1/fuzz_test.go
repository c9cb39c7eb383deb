package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzReadResponse: no bytes make the reader panic or read past its limit, and where net/http reads an
// answer that has an end of its own and ours does too, both read the same.
func FuzzReadResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 500\r\nConnection: close\r\n\r\nrest",
		"HTTP/1.1 204 No\r\nRetry-After: 1\r\nContent-Encoding: gzip\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1000
		got, keep, err := readResponse(bufio.NewReader(bytes.NewReader(data)), limit, 1<<10)
		if len(got.Body) > limit {
			t.Fatalf("%d bytes were read", len(got.Body))
		}
		if err != nil || !keep || bytes.HasPrefix(data, []byte("HTTP/1.1 1")) {
			return
		}
		want, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), &http.Request{Method: http.MethodPost})
		if err != nil {
			return
		}
		body, err := io.ReadAll(want.Body)
		if err == nil && (want.StatusCode != got.Status || !bytes.Equal(body, got.Body)) {
			t.Errorf("%q\nread as %d %q, by net/http as %d %q", data, got.Status, got.Body, want.StatusCode, body)
		}
	})
}
