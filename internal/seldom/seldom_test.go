package seldom

import (
	"strconv"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := New(time.Minute, func() time.Time { return now })
	next := func(kind string, wantLeft int, want bool) {
		t.Helper()
		if left, ok := l.Next(kind); ok != want || left != wantLeft {
			t.Errorf("a line of %q: %v after %d, want %v after %d", kind, ok, left, want, wantLeft)
		}
	}
	next("a", 0, true)
	next("a", 0, false)
	next("a", 0, false)
	next("b", 0, true)
	now = now.Add(time.Minute)
	next("a", 2, true)
	next("a", 0, false)
	next("b", 0, true)
}

// Names that others choose do not make it grow.
func TestLinesAreBounded(t *testing.T) {
	l := New(time.Minute, time.Now)
	written := 0
	for i := range 10 * maxKinds {
		if _, ok := l.Next(strconv.Itoa(i)); ok {
			written++
		}
	}
	if written > maxKinds+1 || len(l.kinds) > maxKinds+1 {
		t.Errorf("%d lines written, %d kinds remembered", written, len(l.kinds))
	}
}
