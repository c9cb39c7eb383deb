package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// errStale: a connection ended before the first byte of an answer came.
var errStale = errors.New("the connection was closed before an answer came")

// inline is up to which size a request is written before its answer is read. A larger one may fill the
// socket's buffers while the server already answers and does not read on, so both happen at once.
const inline = 64 << 10

// lateWrite is how long a request may still take to be written once its answer is there.
const lateWrite = 50 * time.Millisecond

// readers hold answers' bytes while they are parsed; a kept connection has none.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

type conn struct {
	net.Conn
	raw       net.Conn // below TLS
	since     time.Time
	interrupt func()
}

func newConn(c, raw net.Conn) *conn {
	return &conn{Conn: c, raw: raw, interrupt: func() { raw.SetDeadline(time.Unix(1, 0)) }}
}

func (cn *conn) alive() bool { return !readable(cn.raw) }

// roundTrip sends a request and reads its answer. keep says that the connection is as it was before.
func (cn *conn) roundTrip(ctx context.Context, r Request, maxHeader int) (resp Response, keep bool, err error) {
	deadline, _ := ctx.Deadline()
	if err := cn.SetDeadline(deadline); err != nil {
		return resp, false, fmt.Errorf("%w: %w", errStale, err)
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, cn.interrupt)
		defer func() { keep = stop() && keep }() // one that was interrupted is of no more use
	}
	var wrote chan error
	var failed error // to write
	if len(r.Wire) <= inline {
		_, failed = cn.Write(r.Wire)
	} else {
		wrote = make(chan error, 1)
		go func() {
			_, err := cn.Write(r.Wire)
			wrote <- err
		}()
	}
	br := readers.Get().(*bufio.Reader)
	br.Reset(cn)
	// Also after a failed write: the server may have answered and closed before it read all (9.5).
	resp, keep, err = readResponse(br, r.MaxBody, maxHeader)
	keep = keep && br.Buffered() == 0
	br.Reset(nil)
	readers.Put(br)
	if wrote != nil {
		if err == nil { // where the answer came early, the rest of the request is not wanted
			cn.SetWriteDeadline(time.Now().Add(lateWrite))
		} else {
			cn.Close()
		}
		failed = <-wrote
	}
	if failed != nil {
		keep = false
		if err != nil && wrote == nil {
			err = fmt.Errorf("%w: %w", err, failed)
		}
	}
	return resp, keep, err
}

// noAnswer is the error of a read before the first byte of an answer.
func noAnswer(err error) error {
	if errors.Is(err, io.EOF) {
		return errStale
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return err
	}
	return fmt.Errorf("%w: %w", errStale, err)
}
