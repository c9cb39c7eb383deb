package gateway

import (
	"bytes"
	"context"
	"fmt"

	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// output is where a carrier writes to: each call a piece that the client gets at once, within a deadline.
type output interface{ write(b []byte) error }

// responseOutput is the response of a request that is being served.
type responseOutput struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

func (g *Gateway) outputTo(w http.ResponseWriter) *responseOutput {
	return &responseOutput{w, http.NewResponseController(w), g.cfg.WriteTimeout}
}

func (o *responseOutput) write(b []byte) error {
	_ = o.control.SetWriteDeadline(time.Now().Add(o.timeout))
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	if err := o.control.Flush(); err != nil {
		return err
	}
	_ = o.control.SetWriteDeadline(time.Time{}) // over HTTP/2 it would end the stream, also while there is nothing to write
	return nil
}

// detached is a subscription over HTTP/1.1 whose connection was taken from the server. It then costs no
// buffers, and one goroutine that waits for the client to leave; another is there only while there is
// something to write. Over HTTP/2 a stream cannot be taken, and is served where it came in.
type detached struct {
	g       *Gateway
	conn    net.Conn
	head    []byte // of the response, until it is written
	out     carrier
	feed    *feed
	info    RequestInfo
	started time.Time
	busy    atomic.Bool // somebody writes, or the stream is over
	over    sync.Once
}

// detach takes the connection of a request that is answered by a subscription; false when it cannot be had.
func (g *Gateway) detach(a *answer, r *http.Request, f *feed, info RequestInfo, started time.Time, make func(output) carrier) bool {
	if r.ProtoMajor != 1 || r.ProtoMinor != 1 {
		return false
	}
	conn, _, err := http.NewResponseController(a.w).Hijack()
	if err != nil {
		return false
	}
	_ = conn.SetDeadline(time.Time{}) // the server's own are over
	d := &detached{g: g, conn: conn, feed: f, info: info, started: started, head: head(a.w.Header())}
	d.info.Status = http.StatusOK
	d.out = make(d)
	go d.listen()
	d.busy.Store(true)
	if d.out.open() != nil {
		d.end(0)
		return true
	}
	g.pulse.add(d)
	d.busy.Store(false)
	f.onWake(d.wake)
	return true
}

// head is the beginning of a chunked response (RFC 9112, section 7.1).
func head(h http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\n")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Transfer-Encoding", "chunked")
	h.Set("Connection", "close")
	_ = h.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

func (d *detached) write(b []byte) error {
	frame := make([]byte, 0, len(d.head)+len(b)+16)
	frame = append(frame, d.head...)
	frame = fmt.Appendf(frame, "%x\r\n", len(b))
	frame = append(append(frame, b...), "\r\n"...)
	d.head = nil
	return d.send(frame)
}

func (d *detached) send(frame []byte) error {
	_ = d.conn.SetWriteDeadline(time.Now().Add(d.g.cfg.WriteTimeout))
	_, err := d.conn.Write(frame)
	return err
}

// listen waits for the client to leave; it has nothing more to say.
func (d *detached) listen() {
	var b [64]byte
	for {
		if _, err := d.conn.Read(b[:]); err != nil {
			d.feed.close() // which wakes the writer for the last time
			return
		}
	}
}

func (d *detached) wake() {
	if d.busy.CompareAndSwap(false, true) {
		go d.pump()
	}
}

// pump writes what waits. It has taken d.busy.
func (d *detached) pump() {
	for {
		over, problems := d.g.empty(context.Background(), d.feed, d.out)
		if over {
			d.end(problems)
			return // and stays busy: nothing is written any more
		}
		d.busy.Store(false)
		if d.feed.idle() || !d.busy.CompareAndSwap(false, true) {
			return
		}
	}
}

// beat shows a quiet client that the stream goes on.
func (d *detached) beat() {
	if !d.busy.CompareAndSwap(false, true) {
		return
	}
	go func() {
		if d.out.alive(d.feed.freshCursor()) != nil {
			d.end(0)
			return
		}
		d.pump()
	}()
}

// end closes the connection, whoever comes first.
func (d *detached) end(problems int) {
	d.over.Do(func() {
		d.g.pulse.remove(d)
		_ = d.send([]byte("0\r\n\r\n"))
		_ = d.conn.Close()
		d.feed.close()
		d.info.Errors, d.info.Duration = problems, time.Since(d.started)
		d.g.record(context.Background(), d.feed.who(), d.info)
	})
}

// pulse calls all who want to show signs of life, each once in a heartbeat, a few at a time.
type pulse struct {
	every   time.Duration
	mu      sync.Mutex
	slots   [pulseSlots]map[beater]struct{}
	at      map[beater]int
	running bool
}

const pulseSlots = 16

// beater shows that it is alive. It must not block.
type beater interface{ beat() }

func newPulse(every time.Duration) *pulse {
	p := &pulse{every: every, at: map[beater]int{}}
	for i := range p.slots {
		p.slots[i] = map[beater]struct{}{}
	}
	return p
}

func (p *pulse) add(b beater) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slot := rand.IntN(pulseSlots)
	p.slots[slot][b], p.at[b] = struct{}{}, slot
	if !p.running {
		p.running = true
		time.AfterFunc(p.every/pulseSlots, func() { p.beat(0) })
	}
}

func (p *pulse) remove(b beater) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slot, ok := p.at[b]; ok {
		delete(p.slots[slot], b)
		delete(p.at, b)
	}
}

// beat serves one slot, and then the next, as long as there is anybody.
func (p *pulse) beat(slot int) {
	p.mu.Lock()
	now := make([]beater, 0, len(p.slots[slot]))
	for b := range p.slots[slot] {
		now = append(now, b)
	}
	if len(p.at) == 0 {
		p.running = false
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	for _, b := range now {
		b.beat()
	}
	time.AfterFunc(p.every/pulseSlots, func() { p.beat((slot + 1) % pulseSlots) })
}
