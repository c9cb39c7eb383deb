package main

import (
	"runtime/debug"
	"time"
)

// How memory is given back: after so many clients have left, and not more often than that.
const (
	manyClients  = 1_000
	giveBackOnce = 10 * time.Second
)

// giveBack returns memory to the system after many clients have left a router at once, which the runtime by
// itself does minutes later. stop ends it.
func giveBack(clients func() int) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		var last time.Time
		for most := 0; ; {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := clients()
			most = max(most, now)
			if most-now >= manyClients && now < most/2 && time.Since(last) >= giveBackOnce {
				debug.FreeOSMemory()
				most, last = now, time.Now()
			}
		}
	}()
	return func() { close(done) }
}
