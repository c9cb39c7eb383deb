package main

import (
	"runtime/debug"
	"time"
)

// How memory is given back: after so many clients have left, and not more often than that.
const (
	manyClients = 1_000
	giveBackAt  = 10 * time.Second
)

// giveBack returns memory to the system after many clients have left a router at once, which the runtime by
// itself does minutes later. stop ends it.
func giveBack(clients func() int) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(giveBackAt)
		defer ticker.Stop()
		for most := 0; ; {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := clients()
			most = max(most, now)
			if most-now >= manyClients && now < most/2 {
				debug.FreeOSMemory()
				most = now
			}
		}
	}()
	return func() { close(done) }
}
