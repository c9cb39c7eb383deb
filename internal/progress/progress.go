// Package progress shows how far long work has come: a bar that redraws itself on a terminal, one line
// for each tenth elsewhere. Enter at New.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Bar is one piece of work. It is safe for concurrent use.
type Bar struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	what     string
	done     int
	total    int
	began    time.Time
	drawn    time.Time
	tenth    int
	note     string
	finished bool
}

// New begins work of total steps, and draws on w.
func New(w io.Writer, terminal bool, what string, total int) *Bar {
	b := &Bar{w: w, terminal: terminal, what: what, total: total, began: time.Now()}
	if terminal {
		b.draw()
	}
	return b
}

// Add says that n more steps are done.
func (b *Bar) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(b.done+n, b.note)
}

// Set says that done steps are done, and shows a note behind the bar.
func (b *Bar) Set(done int, note string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(done, note)
}

func (b *Bar) set(done int, note string) {
	b.done, b.note = min(done, b.total), note
	if b.finished {
		return
	}
	if b.terminal {
		if time.Since(b.drawn) > 80*time.Millisecond || b.done == b.total {
			b.draw()
		}
		return
	}
	if tenth := b.share(10); tenth > b.tenth {
		b.tenth = tenth
		b.line()
	}
}

// Done ends the work; the last state stays on the screen.
func (b *Bar) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished {
		return
	}
	b.finished = true
	if b.terminal {
		b.draw()
		fmt.Fprintln(b.w)
	} else if b.tenth < 10 && b.total > 0 {
		b.line()
	}
}

func (b *Bar) share(of int) int {
	if b.total == 0 {
		return of
	}
	return b.done * of / b.total
}

func (b *Bar) line() {
	fmt.Fprintf(b.w, "%s: %d of %d (%d %%)%s\n", b.what, b.done, b.total, b.share(100), b.suffix())
}

func (b *Bar) draw() {
	const width = 30
	b.drawn = time.Now()
	full := b.share(width)
	left := ""
	if took := time.Since(b.began); b.done > 0 && b.done < b.total && took > time.Second {
		left = " " + (took * time.Duration(b.total-b.done) / time.Duration(b.done)).Round(time.Second).String() + " left"
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s [%s%s] %d/%d%s%s", b.what, strings.Repeat("=", full), strings.Repeat(" ", width-full), b.done, b.total, b.suffix(), left)
}

func (b *Bar) suffix() string {
	if b.note == "" {
		return ""
	}
	return ", " + b.note
}
