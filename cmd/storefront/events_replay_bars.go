package main

import (
	"fmt"
	"sync"
	"time"

	"storefront/internal/progress"
	"storefront/internal/telemetry"
)

// replayBars shows one bar per phase of a replay. Only the first reading and the first comparison are
// long; later passes over what happened meanwhile get a bar when they are as well.
type replayBars struct {
	std   stdio
	model string

	mu    sync.Mutex
	bar   *progress.Bar
	phase string
	total int
	seen  map[string]bool
	began time.Time
}

// worthABar is from how many steps on a later pass is shown.
const worthABar = 2000

func newReplayBars(std stdio, model string) *replayBars {
	return &replayBars{std: std, model: model, seen: map[string]bool{}}
}

// show says how far a phase is.
func (b *replayBars) show(phase string, done, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if phase != b.phase || total != b.total {
		if b.bar != nil {
			b.bar.Done()
		}
		b.bar, b.phase, b.total, b.began = nil, phase, total, time.Now()
		if !b.seen[phase] || total >= worthABar {
			b.bar = progress.New(b.std.err, telemetry.IsTerminal(b.std.err), b.model+", "+phase, total)
		}
		b.seen[phase] = true
	}
	if b.bar == nil {
		return
	}
	note := ""
	if took := time.Since(b.began); took > 500*time.Millisecond {
		note = fmt.Sprintf("%.0f/s", float64(done)/took.Seconds())
	}
	b.bar.Set(done, note)
}

func (b *replayBars) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Done()
	}
	b.bar, b.phase = nil, ""
}
