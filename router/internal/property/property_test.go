package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestFixedSeeds runs worlds of a few seeds; go run ./router/internal/property runs as many as one likes.
func TestFixedSeeds(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		var out bytes.Buffer
		if !run(options{deferred: true, kept: true, cases: 600, perWorld: 10, failures: 1, workers: 2, world: -1, seed: seed, shrink: 5 * time.Second}, &out) {
			t.Errorf("%s", out.String())
		}
		if strings.Contains(out.String(), " 0 parts of answers from a cache") {
			t.Errorf("nothing that was kept was used:\n%s", out.String())
		}
	}
}
