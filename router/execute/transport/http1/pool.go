package http1

// Which connections are kept, and how long.

import (
	"slices"
	"time"
)

// A connection that was used a moment ago is taken to be alive; an older one is looked at first.
const fresh = time.Second

// sweepEvery is how often kept connections are looked at, so that those the server has closed do not
// lie around.
const sweepEvery = 10 * time.Second

// take returns the connection used last, nil when none is kept. With careful it is looked at however
// short ago it was used.
func (c *Client) take(careful bool) (*conn, error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return nil, errClosed
		}
		n := len(c.idle)
		if n == 0 {
			c.mu.Unlock()
			return nil, nil
		}
		cn := c.idle[n-1]
		c.idle[n-1] = nil
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		unused := time.Since(cn.since)
		if unused < c.cfg.IdleTimeout && (unused < fresh && !careful || cn.alive()) {
			return cn, nil
		}
		cn.Close()
	}
}

// put keeps a connection for the next request.
func (c *Client) put(cn *conn) {
	cn.since = time.Now()
	c.mu.Lock()
	keep := !c.closed && len(c.idle) < c.cfg.MaxIdle
	if keep {
		c.idle = append(c.idle, cn)
		if c.sweeper == nil {
			c.sweeper = time.AfterFunc(min(sweepEvery, c.cfg.IdleTimeout), c.sweep)
		}
	}
	c.mu.Unlock()
	if !keep {
		cn.Close()
	}
}

// sweep closes connections that were unused for too long or that the server has closed.
func (c *Client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = slices.DeleteFunc(c.idle, func(cn *conn) bool {
		gone := time.Since(cn.since) >= c.cfg.IdleTimeout || !cn.alive()
		if gone {
			cn.Close()
		}
		return gone
	})
	c.sweeper = nil
	if len(c.idle) > 0 && !c.closed {
		c.sweeper = time.AfterFunc(min(sweepEvery, c.cfg.IdleTimeout), c.sweep)
	}
}

// Idle is how many connections are kept unused.
func (c *Client) Idle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.idle)
}

// Close closes the connections that are not in use; the others are closed after their request.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.sweeper != nil {
		c.sweeper.Stop()
	}
	for _, cn := range c.idle {
		cn.Close()
	}
	c.idle = nil
}
