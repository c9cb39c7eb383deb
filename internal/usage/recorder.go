package usage

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Recorder adds up what a router is told, and writes it down once in a while. It tells so many clients' operations
// apart in a day, and as many names in their variables, whatever anybody sends; of what is more, only the fields are counted. It is safe for concurrent use.
type Recorder struct {
	cfg RecorderConfig

	mu    sync.Mutex
	uses  map[used]*Use     // and, by name, of what variables named
	known map[used]struct{} // of the day
	named map[used]struct{} // likewise, of what variables named
	day   int
	other map[string]*Use // by field
	late  []Use           // that could not be written
}

// RecorderConfig is what a Recorder is made of.
type RecorderConfig struct {
	Add   func(context.Context, []Use) (done int, err error) // as Store.Add
	Most  int                                                // clients' operations in a day, and names in their variables
	Every time.Duration
	Now   func() time.Time
	Log   *slog.Logger
}

type used struct{ client, version, operation, id, input string }

// lastTime is what the last writing may take when a router stops.
const lastTime = 5 * time.Second

// NewRecorder returns a recorder that writes nothing down until Run.
func NewRecorder(cfg RecorderConfig) *Recorder {
	return &Recorder{cfg: cfg, uses: map[used]*Use{}, known: map[used]struct{}{}, named: map[used]struct{}{}, other: map[string]*Use{}}
}

// Add counts one run of an operation, and of what its variables named. fields are not changed afterwards, by neither side.
func (r *Recorder) Add(client, version, operation, id string, fields, inputs []string) {
	now := r.cfg.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(r.known, used{client, version, operation, id, ""}, fields, now)
	for i := range inputs {
		r.add(r.named, used{client, version, operation, id, inputs[i]}, inputs[i:i+1:i+1], now)
	}
}

// add counts one use of fields. known are those that are told apart today.
func (r *Recorder) add(known map[used]struct{}, k used, fields []string, now time.Time) {
	u := r.uses[k]
	if u == nil && r.knows(known, k, now) {
		u = &Use{Client: k.client, Version: k.version, Operation: k.operation, ID: k.id, Fields: fields, Input: k.input != ""}
		r.uses[k] = u
	}
	if u != nil {
		u.Count, u.Last = u.Count+1, now
		return
	}
	for _, f := range fields {
		o := r.other[f]
		if o == nil {
			o = &Use{Client: Other, Operation: Other, ID: Other, Fields: []string{f}}
			r.other[f] = o
		}
		o.Count, o.Last = o.Count+1, now
	}
}

// knows reports whether something is one of those that are told apart today.
func (r *Recorder) knows(known map[used]struct{}, k used, now time.Time) bool {
	if day := now.UTC().YearDay(); day != r.day {
		r.day = day
		clear(r.known)
		clear(r.named)
	}
	if _, ok := known[k]; !ok && len(known) >= r.cfg.Most {
		return false
	}
	known[k] = struct{}{}
	return true
}

// Run writes down until ctx ends, and once more then.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.Write(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTime)
			defer cancel()
			r.Write(last)
			return
		}
	}
}

// Write writes down what was counted. What cannot be written waits for the next time, as far as there is room.
func (r *Recorder) Write(ctx context.Context) {
	r.mu.Lock()
	batch := r.late
	for _, u := range r.uses {
		batch = append(batch, *u)
	}
	for _, u := range r.other {
		batch = append(batch, *u)
	}
	r.uses, r.other, r.late = map[used]*Use{}, map[string]*Use{}, nil
	r.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	done, err := r.cfg.Add(ctx, batch)
	if err == nil {
		return
	}
	rest := batch[done:]
	lost := max(0, len(rest)-2*r.cfg.Most)
	r.mu.Lock()
	r.late = rest[lost:]
	r.mu.Unlock()
	r.cfg.Log.Warn("usage of operations cannot be written down; it is tried again", "waiting", len(rest)-lost, "lost", lost, "error", err)
}
