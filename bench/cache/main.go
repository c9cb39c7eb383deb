// Command cache measures what the router's cache of subgraphs' answers is worth, and how soon a change is seen
// with it. It starts two shops of its own, one with the cache and one without, on embedded services:
//
//	go run ./bench/cache
//
// It prints requests per second, p50 and p99 of the catalogue query over both, in turns, and their ratio; then,
// with the cache, the time from the answer to a mutation of staff's until a visitor's query shows the change, of
// prices and of stock, and how often a query showed an older value after a newer one.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.clients, "clients", 16, "clients that send the catalogue query at once")
	flag.DurationVar(&o.round, "round", 5*time.Second, "how long each shop is measured in each round")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the shops take turns")
	flag.IntVar(&o.changes, "changes", 120, "changes of a price, and of stock")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	clients, rounds, changes int
	round                    time.Duration
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "storefront-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "storefront")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/storefront").CombinedOutput(); err != nil {
		return fmt.Errorf("build the shop; run this in the repository: %w\n%s", err, out)
	}
	with, err := open(ctx, program, filepath.Join(dir, "with"), "64")
	if err != nil {
		return err
	}
	defer with.close()
	without, err := open(ctx, program, filepath.Join(dir, "without"), "0")
	if err != nil {
		return err
	}
	defer without.close()
	if err := catalogue(ctx, o, without, with); err != nil {
		return err
	}
	without.close()
	return changes(ctx, o, with)
}

// shop is a running one.
type shop struct {
	Router, Issuer string
	cmd            *exec.Cmd
}

// open starts a shop and waits until it is ready.
func open(ctx context.Context, program, dir, cacheMB string) (*shop, error) {
	s := &shop{}
	s.cmd = exec.CommandContext(ctx, program, "up", "--data-dir", dir, "--listen", "127.0.0.1:0", "--base-port", "0", "--cache-mb", cacheMB, "--log-level", "error")
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.WaitDelay = 20 * time.Second
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a shop: %w", err)
	}
	for range 1200 {
		if b, err := os.ReadFile(filepath.Join(dir, "addresses.json")); err == nil && json.Unmarshal(b, s) == nil && ready(ctx, s.Router) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	s.close()
	return nil, fmt.Errorf("the shop was not ready in time")
}

// close stops the shop. It may be called again.
func (s *shop) close() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(os.Interrupt)
		_ = s.cmd.Wait()
	}
}
