package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"storefront/router/internal/property/check"
	"storefront/router/internal/property/query"
	"storefront/router/internal/property/world"
)

type options struct {
	cases, perWorld, failures, workers, world int
	seed                                      uint64
	deferred                                  bool
	kept                                      bool
	shrink                                    time.Duration
	out                                       string
}

// report is what a run came to.
type report struct {
	mu       sync.Mutex
	started  time.Time
	cases    int
	hits     int64 // parts of answers that came from what was kept
	worlds   int
	invalid  int
	fetches  int
	errors   int // cases whose response has errors
	dropped  map[string]int
	features map[string]int
	failures int
	next     int
}

// run runs operations until there are enough, or too many differences; true when there was none.
func run(o options, w io.Writer) bool {
	r := &report{started: time.Now(), dropped: map[string]int{}, features: map[string]int{}}
	var wait sync.WaitGroup
	done := make(chan struct{})
	for range o.workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for {
				i, ok := r.take(o)
				if !ok {
					return
				}
				r.world(o, i, w)
			}
		}()
	}
	go func() {
		wait.Wait()
		close(done)
	}()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			r.print(w, true)
			return r.failures == 0
		case <-tick.C:
			r.print(w, false)
		}
	}
}

func (r *report) take(o options) (int, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.world >= 0 {
		r.next++
		return o.world, r.next == 1
	}
	i := r.next
	r.next++
	return i, r.cases < o.cases && r.failures < o.failures
}

// world runs the operations of one world.
func (r *report) world(o options, i int, w io.Writer) {
	made := world.Generate(o.seed<<32 + uint64(i))
	house, dropped, failure := check.Open(made)
	r.mu.Lock()
	r.worlds++
	if dropped != nil {
		r.dropped["composition"]++
		for _, code := range dropped.Codes {
			r.dropped[code]++
		}
	}
	r.mu.Unlock()
	if failure != nil {
		r.fail(o, i, -1, made, query.Query{}, failure, w)
		return
	}
	if house == nil {
		return
	}
	house.Defer = o.deferred
	if o.kept && i%2 == 1 {
		if err := house.Keep(); err != nil {
			r.fail(o, i, -1, made, query.Query{}, &check.Failure{Kind: "hints", Detail: err.Error()}, w)
			return
		}
		defer func() {
			house.Close()
			r.mu.Lock()
			r.hits += house.Kept()
			r.mu.Unlock()
		}()
	}
	for k := range o.perWorld {
		q := query.Generate(house.Supergraph.API(), o.seed<<32+uint64(i)<<8+uint64(k))
		out := house.Run(q)
		r.mu.Lock()
		r.cases++
		r.fetches += out.Fetches
		if out.Errors > 0 {
			r.errors++
		}
		if out.Invalid {
			r.cases--
			r.invalid++
		}
		if k == 0 {
			for _, f := range made.Features() {
				r.features[f]++
			}
		}
		r.mu.Unlock()
		if out.Failure != nil {
			r.fail(o, i, k, made, q, out.Failure, w)
			return
		}
	}
}

func (r *report) fail(o options, i, k int, made *world.World, q query.Query, f *check.Failure, w io.Writer) {
	r.mu.Lock()
	r.failures++
	enough := r.failures > o.failures
	r.mu.Unlock()
	if enough {
		return
	}
	if o.shrink > 0 {
		made, q, f = check.Shrink(made, q, f, o.shrink)
	}
	text := check.Archive(made, q)
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(w, "\n=== %s: seed %d, world %d, operation %d\n%s\n\n%s\n", f.Kind, o.seed, i, k, f.Detail, text)
	if o.out != "" {
		name := fmt.Sprintf("%s_%d_%d_%d.txtar", strings.ReplaceAll(f.Kind, " ", "_"), o.seed, i, k)
		if err := os.WriteFile(filepath.Join(o.out, name), text, 0o644); err != nil {
			fmt.Fprintln(w, err)
		}
	}
}

func (r *report) print(w io.Writer, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	took := time.Since(r.started).Seconds()
	fmt.Fprintf(w, "%d cases in %.0f s (%.0f/s), %d worlds, %d dropped, %d invalid operations, %.1f fetches per case, %d with errors, %d parts of answers from a cache, %d differences\n",
		r.cases, took, float64(r.cases)/took, r.worlds, r.dropped["composition"], r.invalid, float64(r.fetches)/float64(max(r.cases, 1)), r.errors, r.hits, r.failures)
	if !all {
		return
	}
	for _, group := range []map[string]int{r.dropped, r.features} {
		var names []string
		for name := range group {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(w, "  %-40s %d worlds\n", name, group[name])
		}
	}
}
