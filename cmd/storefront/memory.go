package main

import (
	"runtime/debug"
	"time"
)

// How memory is given back: after so many clients have come or left, and not more often than that.
const (
	manyClients  = 1_000
	giveBackOnce = 10 * time.Second
)

// giveBack returns memory to the system once many clients have come to a router or left it: what it took to
// let them in is not needed to keep them. The runtime by itself does it minutes later. stop ends it.
func giveBack(clients func() int) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		var last time.Time
		for then, before := 0, 0; ; {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := clients()
			moving := abs(now-before) > now/20
			before = now
			if abs(now-then) >= max(manyClients, then/2) && !moving && time.Since(last) >= giveBackOnce {
				debug.FreeOSMemory()
				then, last = now, time.Now()
			}
		}
	}()
	return func() { close(done) }
}

func abs(n int) int { return max(n, -n) }
