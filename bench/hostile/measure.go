package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"storefront/internal/hostile"
)

// row is what was measured with one request over one transport.
type row struct {
	name    string
	bytes   int
	verdict string
	took    series
	near    series        // the plain query beside it
	cpu     time.Duration // of this process, for each time it was sent
	wrong   string
}

type series []time.Duration

func (s series) worst() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return slices.Max(s)
}

func (s series) middle() time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

// measure sends one request several times, each time as one that the router has not seen yet. It is false for a
// request that cannot be sent over this transport.
func measure(ctx context.Context, cfg config, over hostile.Transport, c hostile.Case) (r row, ok bool, err error) {
	as, ok := over.As(c)
	if !ok {
		return r, false, nil
	}
	r = row{name: c.Name, bytes: len(c.Body), verdict: cmp.Or(c.Code, "answered")}
	if as.TooLarge {
		r.verdict = "too large"
	}
	cpu := cpuTime()
	beside, stop := context.WithCancel(ctx)
	var plain sync.WaitGroup
	var plainErr error
	plain.Go(func() { r.near, plainErr = askPlain(beside, cfg.url) })
	for i := range cfg.times {
		fresh, _ := over.As(c.Fresh(i))
		took, wrong, askErr := ask(ctx, cfg.url, over, fresh)
		if err = askErr; err != nil {
			break
		}
		r.took, r.wrong = append(r.took, took), cmp.Or(r.wrong, wrong)
	}
	stop()
	plain.Wait()
	r.cpu = (cpuTime() - cpu) / time.Duration(cfg.times)
	return r, true, errors.Join(err, plainErr)
}

// ask sends a request by a client of its own, which is ready when the clock starts.
func ask(ctx context.Context, url string, over hostile.Transport, c hostile.Case) (took time.Duration, wrong string, err error) {
	client, err := over.Open(ctx, url)
	if err != nil {
		return 0, "", err
	}
	defer client.Close()
	began := time.Now()
	a, err := client.Ask(ctx, c)
	if err != nil {
		return 0, "", err
	}
	return time.Since(began), c.Fits(a), nil
}

// pause is between two plain queries, so that they are no load themselves.
const pause = 3 * time.Millisecond

// askPlain asks a plain query over and over until ctx ends, at least once.
func askPlain(ctx context.Context, url string) (took series, err error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for first := true; first || ctx.Err() == nil; first = false {
		began := time.Now()
		a, err := hostile.Post(context.WithoutCancel(ctx), client, url, hostile.Plain())
		if err != nil {
			return took, err
		}
		if wrong := hostile.Plain().Fits(a); wrong != "" {
			return took, fmt.Errorf("the plain query beside: %s", wrong)
		}
		took = append(took, time.Since(began))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return took, nil
}

// cpuTime is what this process has used so far: router, subgraph and clients together.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
