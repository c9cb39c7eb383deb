package main

import "testing"

func TestGarbageShare(t *testing.T) {
	for _, c := range []struct {
		held    uint64
		clients int
		want    float64
	}{
		{0, 0, 1},
		{100 * clientBytes, 0, 1},
		{100 * clientBytes, 50, 0.5},
		{100 * clientBytes, 100, leastShare},
		{100 * clientBytes, 1000, leastShare},
	} {
		if got := garbageShare(c.held, c.clients); got != c.want {
			t.Errorf("of %d bytes with %d clients: %g, want %g", c.held, c.clients, got, c.want)
		}
	}
}
