// Package watch tells when a file has other content than before.
//
// It looks again and again rather than asking the operating system to be told: that works on every file
// system, mounted volumes and replaced links included. A file that is still being written is not read
// half: content counts once it was the same at two looks. Enter at File.Run.
package watch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"time"
)

// File is a file to watch.
type File struct {
	Path  string
	Every time.Duration    // between two looks
	Known []byte           // its content so far
	Look  <-chan os.Signal // look at once, and take what is there; nil for never

	Changed func(content []byte) // called by Run, one at a time
	Failed  func(err error)      // the file cannot be read; called once until that changes
}

// Run watches until ctx ends.
func (f File) Run(ctx context.Context) {
	w := &watching{File: f, taken: sha256.Sum256(f.Known)}
	ticker := time.NewTicker(f.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look(false)
		case <-f.Look:
			w.look(true)
		}
	}
}

type watching struct {
	File
	taken   [sha256.Size]byte // of the content that Changed was called with last
	seen    [sha256.Size]byte // of the content at the last look, where settled is false
	settled bool
	stamp   stamp
	failing string
}

// stamp changes when a file is written, as far as its file system can tell.
type stamp struct {
	modified time.Time
	size     int64
}

// look reads the file where it may have changed; at once takes what is there without a second look.
func (w *watching) look(atOnce bool) {
	info, err := os.Stat(w.Path)
	if err != nil {
		w.fail(err)
		return
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == w.stamp && w.settled && !atOnce {
		return
	}
	content, err := os.ReadFile(w.Path)
	if err != nil {
		w.fail(err)
		return
	}
	w.failing = ""
	sum := sha256.Sum256(content)
	again := now == w.stamp && sum == w.seen
	w.stamp, w.seen, w.settled = now, sum, again || atOnce
	if sum != w.taken && w.settled {
		w.taken = sum
		w.Changed(content)
	}
}

func (w *watching) fail(err error) {
	w.stamp, w.settled = stamp{}, false
	if text := err.Error(); text != w.failing {
		w.failing = text
		w.Failed(fmt.Errorf("watch file: %w", err))
	}
}
