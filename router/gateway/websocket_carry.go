package gateway

import (
	"context"
	"maps"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// wsCarry takes a feed's messages to its socket. It has a goroutine only while there is something to take.
type wsCarry struct {
	s       *socket
	op      *wsOperation
	ctx     context.Context // ends with the operation
	feed    *feed
	info    RequestInfo
	started time.Time
	busy    atomic.Bool
}

func (c *wsCarry) wake() {
	if c.busy.CompareAndSwap(false, true) {
		go c.pump()
	}
}

func (c *wsCarry) pump() {
	for {
		m, open, end := c.feed.take()
		switch {
		case m != nil:
			if c.ctx.Err() == nil && !c.s.write(wsMessage{ID: c.op.id, Type: "next", Payload: m.body}) {
				c.s.drop()
			}
		case open:
			c.busy.Store(false)
			if c.feed.idle() || !c.busy.CompareAndSwap(false, true) {
				return
			}
		default:
			c.finish(end)
			return // and stays busy: nothing comes any more
		}
	}
}

func (c *wsCarry) finish(end *failure) {
	switch {
	case c.ctx.Err() != nil:
	case end != nil && end.closes == websocket.StatusGoingAway:
		c.s.goAway()
	case end != nil && end.closes != 0:
		c.s.close(end.closes, end.errors[0].Message)
	case end != nil:
		c.info.Status, c.info.Errors = end.status, len(end.errors)
		c.s.fail(c.op, c.feed.told(end))
	default:
		c.s.complete(c.op)
	}
	c.s.forget(c.op)
	c.feed.close()
	c.info.Duration = time.Since(c.started)
	c.s.g.record(c.ctx, c.feed.who(), c.info)
}

// goAway closes the connection of a router that drains. A ping before it has the cursor of each
// subscription, for clients that would otherwise go on from their last message.
func (s *socket) goAway() {
	cursors := map[string]string{}
	s.mu.Lock()
	for id, op := range s.running {
		if op.feed != nil {
			cursors[id] = ""
		}
	}
	running := maps.Clone(s.running)
	s.mu.Unlock()
	for id := range cursors {
		if cursors[id] = running[id].feed.freshCursor(); cursors[id] == "" {
			delete(cursors, id)
		}
	}
	if len(cursors) > 0 {
		s.write(wsMessage{Type: "ping", Payload: marshal(map[string]any{"reason": codeDraining, "cursors": cursors})})
	}
	s.close(websocket.StatusGoingAway, "Going away")
}
