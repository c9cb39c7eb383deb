package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// protocol is how a subscriber is connected.
type protocol int

const (
	overWebSocket protocol = iota
	overEvents
	overParts
)

func (p protocol) String() string { return [...]string{"graphql-transport-ws", "SSE", "multipart"}[p] }

const query = `subscription($id: ID!) { changes(id: $id) { id version at } }`

// subscriber watches one thing over one connection, and comes back with its cursor when that breaks.
type subscriber struct {
	w         *world
	key       int
	who       int // whose rights it has; the thing's owner but for strangers
	over      protocol
	router    int
	counts    *counts
	willStall bool
	stall     *atomic.Bool // those that will stop reading then

	version int // of the last message; -1 before the first
	last    atomic.Int64
	cursor  string // behind it
	first   bool
}

// run goes on until ctx ends.
func (s *subscriber) run(ctx context.Context, ready func()) {
	s.version, s.first = -1, true
	for ctx.Err() == nil {
		err := s.connect(ctx, ready)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errStalled):
			return
		case err != nil:
			s.counts.note(err)
		}
		s.counts.broken.Add(1)
		// Elsewhere, when this router is dead; not all at once.
		select {
		case <-time.After(time.Duration(rand.Int64N(int64(time.Second)))):
		case <-ctx.Done():
			return
		}
		if s.w.routers[s.router].dead.Load() {
			s.router = 1 - s.router
		}
	}
}

var errStalled = errors.New("stopped reading")

func (s *subscriber) connect(ctx context.Context, ready func()) error {
	if s.over == overWebSocket {
		return s.webSocket(ctx, ready)
	}
	return s.http(ctx, ready)
}

// payload is the request.
func (s *subscriber) payload() string {
	extensions := ""
	if s.cursor != "" {
		extensions = `,"extensions":{"resume":"` + s.cursor + `"}`
		s.counts.resumed.Add(1)
	}
	return fmt.Sprintf(`{"query":%q,"variables":{"id":%q}%s}`, query, keyOf(s.key), extensions)
}

func (s *subscriber) webSocket(ctx context.Context, ready func()) error {
	conn, _, err := websocket.Dial(ctx, "ws://"+s.w.routers[s.router].addr+"/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"X-Guest-Token": {tokenOf(s.who)}}})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	for _, text := range []string{`{"type":"connection_init"}`, `{"type":"subscribe","id":"1","payload":` + s.payload() + `}`} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return err
		}
	}
	for {
		if s.stalling() {
			<-ctx.Done() // the connection stays open
			return errStalled
		}
		_, data, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(data, []byte(`{"type":"next"`)):
			s.take(data, ready)
		case bytes.HasPrefix(data, []byte(`{"type":"ping"`)):
			if err := conn.Write(ctx, websocket.MessageText, []byte(`{"type":"pong"}`)); err != nil {
				return err
			}
		case bytes.HasPrefix(data, []byte(`{"type":"error"`)):
			return fmt.Errorf("refused: %s", data)
		}
	}
}

// http reads lines as they come: both formats have a whole message in one.
func (s *subscriber) http(ctx context.Context, ready func()) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.w.routers[s.router].addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	body, accept := s.payload(), "text/event-stream"
	if s.over == overParts {
		accept = "multipart/mixed;subscriptionSpec=1.0, application/json"
	}
	_, err = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: %s\r\nX-Guest-Token: %s\r\nContent-Length: %d\r\n\r\n%s",
		s.w.routers[s.router].addr, accept, tokenOf(s.who), len(body), body)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 2048)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("answered %d %s", res.StatusCode, text)
	}
	lines := bufio.NewReaderSize(res.Body, 1024)
	for {
		if s.stalling() {
			<-ctx.Done() // the connection stays open
			return errStalled
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return err
		}
		if bytes.Contains(line, []byte(`"errors"`)) {
			return fmt.Errorf("refused: %s", line)
		}
		if bytes.Contains(line, []byte(`"changes"`)) {
			s.take(line, ready)
		}
	}
}

func (s *subscriber) stalling() bool { return s.willStall && s.stall.Load() }

// take holds a message to what was told before.
func (s *subscriber) take(data []byte, ready func()) {
	now := time.Now()
	if cursor := between(data, `"cursor":"`, `"`); cursor != "" {
		s.cursor = cursor
	}
	if s.who != s.key {
		if !bytes.Contains(data, []byte(`"changes":null`)) {
			s.counts.seen.Add(1)
		}
		s.begin(ready)
		return
	}
	version, err := strconv.Atoi(between(data, `"version":`, ",}"))
	if err != nil {
		s.counts.note(fmt.Errorf("not understood: %s", data))
		return
	}
	switch {
	case s.version < 0 || version == s.version+1:
	case version == s.version:
		s.counts.repeated.Add(1)
	case version < s.version:
		s.counts.disordered.Add(1)
	default:
		s.counts.missed.Add(int64(version - s.version - 1))
	}
	s.version = max(s.version, version)
	s.last.Store(int64(s.version))
	at, _ := strconv.ParseInt(between(data, `"at":"`, `"`), 10, 64)
	if at > 0 {
		s.counts.took(now, time.Duration(now.UnixNano()-at))
	}
	s.begin(ready)
}

func (s *subscriber) begin(ready func()) {
	if s.first {
		s.first = false
		ready()
	}
}

// between is what follows a text, up to one of the ends; "" when the text is not there.
func between(data []byte, begin, ends string) string {
	i := bytes.Index(data, []byte(begin))
	if i < 0 {
		return ""
	}
	rest := string(data[i+len(begin):])
	if end := strings.IndexAny(rest, ends); end >= 0 {
		return rest[:end]
	}
	return rest
}
