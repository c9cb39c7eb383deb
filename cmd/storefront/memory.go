package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	manyClients  = 1_000            // that have come or left, before anything is done about memory
	giveBackOnce = 10 * time.Second // not more often than that
	clientBytes  = 9 << 10          // what a client that waits holds, its goroutine's stack included: go run ./bench/live
	leastShare   = 0.25

	manyCollections = 2 // in a second
	calmAfter       = 5 // seconds without so many
)

// keepMemory fits a router's memory to the clients that it holds, once many have come or left. What it took to
// let them in or out is returned to the system, which the runtime by itself does minutes later. And the heap may
// grow by what requests leave behind, but not by as much again as is held for clients that wait: that is no
// garbage, nor does it make any. While requests leave so much behind that this would cost time, it may. stop ends
// it.
func keepMemory(clients func() int) (stop func()) {
	done := make(chan struct{})
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent) // GOGC's
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		var last time.Time
		set, fitting, calm := percent, percent, 0
		for then, before, collected := 0, 0, measured(collections); ; {
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
				fitting = int(float64(percent) * garbageShare(measured(liveHeap)+measured(stacks), now))
			}
			calm++
			all := measured(collections)
			if all-collected > manyCollections {
				calm = 0
			}
			collected = all
			next := percent
			if percent > 0 && calm >= calmAfter {
				next = fitting
			}
			if next != set { // it stops the world
				set = next
				debug.SetGCPercent(set)
			}
		}
	}()
	return func() {
		close(done)
		debug.SetGCPercent(percent)
	}
}

// garbageShare is how much of what a heap holds, in bytes, is not held for clients that wait.
func garbageShare(held uint64, clients int) float64 {
	if held == 0 {
		return 1
	}
	return min(1, max(leastShare, 1-float64(clients)*clientBytes/float64(held)))
}

// What is read of the runtime.
const (
	liveHeap    = "/gc/heap/live:bytes"
	stacks      = "/memory/classes/heap/stacks:bytes"
	collections = "/gc/cycles/total:gc-cycles"
)

func measured(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func abs(n int) int { return max(n, -n) }
