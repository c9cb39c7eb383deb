package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/kafka"
)

// counts are what all subscribers found.
type counts struct {
	missed, repeated, disordered, seen atomic.Int64
	resumed, broken                    atomic.Int64

	mu    sync.Mutex
	begun time.Time
	times map[int][]time.Duration // by second since publishing began
	notes map[string]int
}

func (c *counts) took(now time.Time, since time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	second := int(now.Sub(c.begun).Seconds())
	c.times[second] = append(c.times[second], since)
}

func (c *counts) note(err error) {
	text := err.Error()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.notes) < 20 || c.notes[text] > 0 {
		c.notes[text]++
	}
}

// between gives p50, p99, the worst, and how many there were from one second to another.
func (c *counts) between(from, to float64) (p50, p99, worst time.Duration, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []time.Duration
	for second, times := range c.times {
		if float64(second) >= from && float64(second) < to {
			all = append(all, times...)
		}
	}
	if len(all) == 0 {
		return 0, 0, 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], all[len(all)-1], len(all)
}

// show runs all of it and prints what was found; an error when anything was missed, repeated, out of order or
// seen without a right.
func (w *world) show(ctx context.Context, out io.Writer) error {
	c := &counts{times: map[int][]time.Duration{}, notes: map[string]int{}, begun: time.Now()}
	var before, heldBefore [2]int
	for i, p := range w.routers {
		before[i], heldBefore[i] = p.memory(), p.held()
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var stall atomic.Bool
	var running, ready sync.WaitGroup
	total := w.subscribers + w.strangers
	ready.Add(total)
	began := time.Now()
	subscribers := make([]*subscriber, total)
	gate := make(chan struct{}, 200) // connecting at once
	for n := range total {
		key := n % w.keys
		s := &subscriber{w: w, key: key, who: key, over: w.protocols[n%len(w.protocols)], router: n / len(w.protocols) % 2, counts: c, stall: &stall}
		switch {
		case n >= w.subscribers:
			s.who = (key + 1) % w.keys
		case n%w.stalled == w.stalled-1:
			s.willStall = true
		}
		subscribers[n] = s
		gate <- struct{}{}
		running.Go(func() { s.run(watching, sync.OnceFunc(func() { <-gate; ready.Done() })) })
	}
	ready.Wait()
	fmt.Fprintf(out, "%d subscribers connected in %s, over %v in turn; %d more watch what is not theirs\n",
		w.subscribers, time.Since(began).Round(time.Millisecond), w.protocols, w.strangers)
	w.settled()
	memory, held := 0, 0
	for i, p := range w.routers {
		memory += p.memory() - before[i]
		held += p.held() - heldBefore[i]
	}
	fmt.Fprintf(out, "memory: %.1f KB a subscriber are held, heap and stacks; with what the collector leaves free %.1f KB (both routers %.0f MiB, %.0f MiB before)\n",
		float64(held)/float64(total)/1024, float64(memory)/float64(total)/1024, float64(before[0]+before[1]+memory)/(1<<20), float64(before[0]+before[1])/(1<<20))
	quarter := w.duration / 4
	var acts sync.WaitGroup
	act := func(after time.Duration, what string, do func() error) {
		acts.Go(func() {
			select {
			case <-time.After(after):
			case <-ctx.Done():
				return
			}
			fmt.Fprintf(out, "%4.0f s: %s\n", time.Since(c.begun).Seconds(), what)
			if err := do(); err != nil {
				c.note(err)
			}
		})
	}
	c.mu.Lock()
	c.begun, c.times = time.Now(), map[int][]time.Duration{}
	c.mu.Unlock()
	act(quarter, fmt.Sprintf("one client in %d stops reading", w.stalled), func() error { stall.Store(true); return nil })
	act(2*quarter, "one router is killed; its clients go on at the other", func() error { w.routers[0].kill(); return nil })
	act(3*quarter, "the other is given a new supergraph", w.compose)
	if w.profile != "" {
		act(0, "profile of the router that stays", func() error { return w.takeProfile(ctx) })
	}
	published, err := w.publish(ctx)
	acts.Wait()
	if err != nil {
		return err
	}
	// All that can still come has come when the thing's last version is known to everybody.
	deadline := time.Now().Add(30 * time.Second)
	late := 0
	for late = w.late(subscribers); late > 0 && time.Now().Before(deadline) && ctx.Err() == nil; late = w.late(subscribers) {
		time.Sleep(100 * time.Millisecond)
	}
	end := w.routers[1].memory()
	stop()
	running.Wait()
	for _, s := range subscribers {
		if s.who == s.key && !s.willStall {
			c.missed.Add(int64(max(w.things.versions[s.key]-s.version, 0)))
		}
	}
	fmt.Fprintf(out, "%d events in %s; connections broke %d times, %d subscriptions went on from a cursor\n", published, w.duration, c.broken.Load(), c.resumed.Load())
	seconds := w.duration.Seconds()
	for _, part := range []struct {
		what     string
		from, to float64
	}{
		{"all are well", 1, seconds / 4}, {"some are stalled", seconds / 4, seconds / 2},
		{"one router is killed", seconds / 2, seconds/2 + 3}, {"all at the other", seconds/2 + 3, seconds * 3 / 4}, {"with a new supergraph", seconds * 3 / 4, seconds},
	} {
		p50, p99, worst, n := c.between(part.from, part.to)
		fmt.Fprintf(out, "from produce to socket, %-22s p50 %8.2f ms   p99 %8.2f ms   worst %8.1f ms   %7d messages, %.0f/s\n",
			part.what+":", ms(p50), ms(p99), ms(worst), n, float64(n)/(part.to-part.from))
	}
	fmt.Fprintf(out, "memory of the router that stayed: %.0f MiB\n", float64(end)/(1<<20))
	fmt.Fprintf(out, "missed %d, repeated %d, out of order per key %d, seen without right %d\n", c.missed.Load(), c.repeated.Load(), c.disordered.Load(), c.seen.Load())
	for text, n := range c.notes {
		fmt.Fprintf(out, "  %d times: %s\n", n, text)
	}
	if bad := c.missed.Load() + c.repeated.Load() + c.disordered.Load() + c.seen.Load(); bad > 0 {
		return fmt.Errorf("%d messages are not as they should be", bad)
	}
	return ctx.Err()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// late counts the subscribers that do not know the last version of their thing yet. It only looks.
func (w *world) late(subscribers []*subscriber) (n int) {
	w.things.mu.Lock()
	defer w.things.mu.Unlock()
	for _, s := range subscribers {
		if s.who == s.key && !s.willStall && s.last.Load() < int64(w.things.versions[s.key]) {
			n++
		}
	}
	return n
}

// publish publishes at the rate, evenly, and returns when all of it is acknowledged.
func (w *world) publish(ctx context.Context) (int, error) {
	const every = 10 * time.Millisecond
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var under sync.WaitGroup
	var failed atomic.Pointer[error]
	published, key := 0, 0
	for began := time.Now(); time.Since(began) < w.duration && ctx.Err() == nil && failed.Load() == nil; <-ticker.C {
		due := int(time.Since(began).Seconds() * float64(w.rate))
		var batch []kafka.Message
		for ; published < due; published++ {
			batch = append(batch, w.change(key))
			key = (key + 1) % w.keys
		}
		under.Go(func() {
			if err := w.producer.Publish(ctx, batch); err != nil {
				failed.Store(&err)
			}
		})
	}
	under.Wait()
	if err := failed.Load(); err != nil {
		return published, *err
	}
	return published, nil
}

// takeProfile keeps what the router that stays does while everything happens.
func (w *world) takeProfile(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", w.routers[1].debug, int(w.duration.Seconds())), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	f, err := os.Create(w.profile)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, res.Body)
	return err
}
