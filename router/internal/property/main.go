// Command property holds the router to its one promise: what it answers over subgraphs is what one plain
// server of the whole graph would answer. It makes random worlds, composes them, runs random operations
// both ways, and prints every difference, shrunk, in the format of router/execute/testdata.
//
//	go run ./router/internal/property -cases 100000 -seed 1
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.cases, "cases", 100_000, "operations to run")
	flag.Uint64Var(&o.seed, "seed", 1, "what the worlds and operations follow from")
	flag.IntVar(&o.perWorld, "operations", 20, "operations per world")
	flag.IntVar(&o.failures, "failures", 1, "differences to shrink and print before it stops")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "worlds run at once")
	flag.IntVar(&o.world, "world", -1, "run this world alone")
	flag.DurationVar(&o.shrink, "shrink", 20*time.Second, "time to shrink one difference; 0 prints it as it is")
	flag.BoolVar(&o.deferred, "defer", true, "run a third of the operations with fragments deferred as well")
	flag.BoolVar(&o.kept, "cache", true, "keep what subgraphs answer in every second world, and run its queries twice")
	flag.StringVar(&o.out, "out", "", "a folder for the files of differences, besides printing them")
	flag.Parse()
	if !run(o, os.Stdout) {
		fmt.Println("FAIL")
		os.Exit(1)
	}
}
