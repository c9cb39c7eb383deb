package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// process is a child that listens on an address of loopback.
type process struct {
	cmd     *exec.Cmd
	addr    string
	metrics string // the address of its metrics, where it is not addr
}

// start runs a program until stop; args may hold {addr}, where it is to listen.
func start(ctx context.Context, program string, args ...string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	p := &process{addr: addr}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "{addr}", p.addr)
	}
	p.cmd = exec.CommandContext(ctx, program, args...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 5 * time.Second
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return p, p.listening(ctx)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

func (p *process) url(path string) string { return "http://" + p.addr + path }

// listening waits until the address takes connections.
func (p *process) listening(ctx context.Context) error {
	for range 300 {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("nothing listens on %s", p.addr)
}

func (p *process) stop() {
	if p.cmd.Process != nil {
		p.cmd.Process.Signal(os.Interrupt)
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "bench: stop:", err)
	}
}

// usage is what a process has used since it started.
type usage struct {
	cpu     time.Duration // user and system
	peak    int64         // bytes of memory, the most so far
	now     int64         // bytes of memory
	mallocs int64         // allocations on the heap, where it has Go's metrics; else 0
}

// usage reads Linux's /proc and, where there is one, the process' /metrics.
func (p *process) usage() (usage, error) {
	var u usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return u, fmt.Errorf("read what a process uses: %w", err)
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name may hold spaces
	f := strings.Fields(after)
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return u, err
	}
	u.cpu = time.Duration(user+system) * 10 * time.Millisecond // in ticks of 1/100 s, see proc(5)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return u, fmt.Errorf("read what a process uses: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmHWM:":
			u.peak = kb << 10
		case "VmRSS:":
			u.now = kb << 10
		}
	}
	u.mallocs = mallocs("http://" + cmp.Or(p.metrics, p.addr) + "/metrics")
	return u, nil
}

func mallocs(url string) int64 {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "go_memstats_mallocs_total "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err == nil {
				return int64(n)
			}
		}
	}
	return 0
}

// loadAverage is the machine's over one minute, as Linux counts it.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
