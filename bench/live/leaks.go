package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// silent opens sockets that say nothing, and looks how long the router keeps them.
func (w *world) silent(ctx context.Context, out io.Writer, sockets int) error {
	p := w.routers[1]
	before := p.memory()
	var opened, closed atomic.Int64
	var longest atomic.Int64
	var all sync.WaitGroup
	most := 0
	looking := make(chan struct{})
	go func() {
		defer close(looking)
		for closed.Load() < int64(sockets)/2 && ctx.Err() == nil {
			most = max(most, p.memory())
			time.Sleep(50 * time.Millisecond)
		}
	}()
	gate := make(chan struct{}, 500) // connecting at once
	for range sockets {
		gate <- struct{}{}
		all.Go(func() {
			conn, err := upgrade(ctx, p.addr)
			<-gate
			if err != nil {
				return
			}
			defer conn.Close()
			began := time.Now()
			opened.Add(1)
			_ = conn.SetReadDeadline(began.Add(20 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err == nil || !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
				closed.Add(1)
			}
			for took := int64(time.Since(began)); ; {
				so := longest.Load()
				if took <= so || longest.CompareAndSwap(so, took) {
					return
				}
			}
		})
	}
	all.Wait()
	<-looking
	after := w.settled()
	fmt.Fprintf(out, "%d sockets that say nothing: %d opened, %d closed by the router, the last after %.1f s; memory %.0f MiB before, %.0f with them, %.0f after\n",
		sockets, opened.Load(), closed.Load(), time.Duration(longest.Load()).Seconds(), mib(before), mib(most), mib(after))
	if closed.Load() != opened.Load() || opened.Load() < int64(sockets) {
		return fmt.Errorf("%d of %d silent sockets were not closed, or not opened", int64(sockets)-closed.Load(), sockets)
	}
	return nil
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// upgrade opens a WebSocket by hand, so that nothing answers for it.
func upgrade(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n", addr)
	if err == nil {
		var res *http.Response
		if res, err = http.ReadResponse(bufio.NewReaderSize(conn, 512), nil); err == nil && res.StatusCode != http.StatusSwitchingProtocols {
			err = fmt.Errorf("upgrade: %s", res.Status)
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// churn connects, subscribes and disconnects, and looks what the router is left with.
func (w *world) churn(ctx context.Context, out io.Writer, times int) error {
	before := w.gauges(ctx)
	c := &counts{times: map[int][]time.Duration{}, notes: map[string]int{}, begun: time.Now()}
	var all sync.WaitGroup
	gate := make(chan struct{}, 100)
	var failed atomic.Int64
	for n := range times {
		gate <- struct{}{}
		all.Go(func() {
			defer func() { <-gate }()
			limit, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			s := &subscriber{w: w, key: n % w.keys, who: n % w.keys, over: w.protocols[n%len(w.protocols)], router: 1, counts: c, stall: &atomic.Bool{}, version: -1, first: true}
			got := false
			_ = s.connect(limit, func() { got = true; cancel() })
			if !got {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	var after map[string]float64
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(time.Second) {
		after = w.gauges(ctx)
		if after["go_goroutines"] <= before["go_goroutines"]+10 && after["storefront_live_partitions"] == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(out, "%d connects, subscriptions and disconnects, %d failed: goroutines %.0f before, %.0f after; watches %.0f; partitions read %.0f\n", times, failed.Load(),
		before["go_goroutines"], after["go_goroutines"], after["storefront_live_watches"], after["storefront_live_partitions"])
	if failed.Load() > 0 || after["go_goroutines"] > before["go_goroutines"]+10 || after["storefront_live_watches"] > 0 || after["storefront_live_partitions"] > 0 {
		return errors.New("something is left behind")
	}
	return nil
}

// gauges are sums of the router's metrics over their labels.
func (w *world) gauges(ctx context.Context) map[string]float64 {
	sums := map[string]float64{}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.routers[1].debug+"/metrics", nil)
	if err != nil {
		return sums
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return sums
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if n, err := strconv.ParseFloat(value[strings.LastIndexByte(value, ' ')+1:], 64); ok && err == nil {
			sums[name] += n
		}
	}
	return sums
}

// settled is the memory of the router once it does not fall any more.
func (w *world) settled() int {
	least := w.routers[1].memory()
	for quiet := 0; quiet < 15; {
		time.Sleep(time.Second)
		quiet++
		if now := w.routers[1].memory(); now < least*98/100 {
			least, quiet = now, 0
		}
	}
	return least
}

func mib(bytes int) float64 { return float64(bytes) / (1 << 20) }
