package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
)

// smallBuffers takes a connection from the server with buffers that hold a small message each: there are many
// sockets, most of them quiet.
type smallBuffers struct {
	http.ResponseWriter
	conn net.Conn // once it is taken
}

func (w *smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	sent, _ := rw.Reader.Peek(rw.Reader.Buffered())
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(sent)), conn), max(256, len(sent)))
	_, _ = in.Peek(len(sent)) // where the accepting code looks for it
	w.conn = conn
	return conn, bufio.NewReadWriter(in, bufio.NewWriterSize(conn, 1024)), nil
}
