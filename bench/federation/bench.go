package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

// scenario is one load on one kind of query.
type scenario struct {
	name   string
	query  string
	unique bool
	proxy  bool // the reverse proxy takes part
}

func scenarios() []scenario {
	return []scenario{
		{name: "joined, own authorization each", query: file("joined.graphql"), unique: true},
		{name: "joined, one authorization", query: file("joined.graphql")},
		{name: "one subgraph", query: file("single.graphql"), unique: true, proxy: true},
	}
}

// runner is a router, or the proxy, being measured.
type runner struct {
	name    string
	process *process
	path    string
	proxy   bool
	debug   string // where its profiles are, "" for nowhere
}

func bench(ctx context.Context, cfg config) error {
	dir, err := os.MkdirTemp("", "federation-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if cfg.binary == "" {
		fmt.Fprintln(os.Stderr, "building storefront ...")
		if cfg.binary, err = build(ctx, dir); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	urls := map[string]string{}
	var subgraphs []*process
	for _, name := range subgraphNames {
		p, err := start(ctx, self, "subgraph", name, "{addr}")
		if err != nil {
			return err
		}
		defer p.stop()
		subgraphs = append(subgraphs, p)
		urls[name] = p.url("/graphql")
	}
	sdl, err := supergraphOf(urls)
	if err != nil {
		return err
	}
	supergraph := filepath.Join(dir, "supergraph.graphqls")
	if err := os.WriteFile(supergraph, []byte(sdl), 0o600); err != nil {
		return err
	}
	runners, err := startRouters(ctx, cfg, self, supergraph, urls["accounts"])
	for _, r := range runners {
		defer r.process.stop()
	}
	if err != nil {
		return err
	}
	if err := table(ctx, os.Stdout, cfg, runners, subgraphs); err != nil {
		return err
	}
	if cfg.profile != "" {
		if err := profile(ctx, cfg, runners[0]); err != nil {
			return err
		}
	}
	if cfg.linger > 0 {
		if err := memory(ctx, os.Stdout, cfg, runners); err != nil {
			return err
		}
	}
	return planning(os.Stdout, sdl)
}

func startRouters(ctx context.Context, cfg config, self, supergraph, accounts string) ([]*runner, error) {
	var all []*runner
	add := func(name, path string, proxy bool, command ...string) error {
		p, err := start(ctx, command[0], command[1:]...)
		if p != nil && p.cmd.Process != nil {
			all = append(all, &runner{name: name, process: p, path: path, proxy: proxy})
		}
		return err
	}
	debug, err := freeAddr()
	if err != nil {
		return nil, err
	}
	args := []string{cfg.binary, "router", "--supergraph", supergraph, "--listen", "{addr}", "--forward-header", "authorization", "--log-level", "warn", "--debug-listen", debug}
	if err := add("storefront", "/graphql", false, args...); err != nil {
		return all, err
	}
	all[0].debug, all[0].process.metrics = "http://"+debug, debug
	for _, other := range cfg.others {
		name, command, _ := strings.Cut(other, "=")
		if err := add(name, "/graphql", false, fields(command, "{supergraph}", supergraph)...); err != nil {
			return all, err
		}
	}
	return all, add("ReverseProxy", "/graphql", true, self, "proxy", strings.TrimSuffix(accounts, "/graphql"), "{addr}")
}

// sum adds up what one runner did in one scenario over all rounds.
type sum struct {
	requests int
	elapsed  time.Duration
	p50, p99 time.Duration // of the last round
	cpu      time.Duration
	beneath  time.Duration // CPU of the subgraphs
	mallocs  int64
	peak     int64
	bytes    int
}

// table runs every scenario on every router, round by round, and prints what it saw.
func table(ctx context.Context, w io.Writer, cfg config, runners []*runner, subgraphs []*process) error {
	before := loadAverage() // what else the machine does: the bench itself shows in the second
	all := scenarios()
	sums := make([][]sum, len(all))
	for i := range sums {
		sums[i] = make([]sum, len(runners))
	}
	for round := range cfg.rounds {
		for i, sc := range all {
			for j, r := range runners {
				if r.proxy && !sc.proxy {
					continue
				}
				fmt.Fprintf(os.Stderr, "round %d of %d: %s, %s\n", round+1, cfg.rounds, sc.name, r.name)
				if err := sums[i][j].measure(ctx, cfg, sc, r, subgraphs); err != nil {
					return err
				}
			}
		}
	}
	fmt.Fprintf(w, "%d clients, %d rounds of %v each; load average before %s, after %s\n\n", cfg.clients, cfg.rounds, cfg.duration, before, loadAverage())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "scenario\trouter\tanswer\trequests/s\tp50\tp99\tCPU s per 1,000\tsubgraphs' CPU\tallocations per request\tpeak memory\t")
	for i, sc := range all {
		for j, r := range runners {
			s := sums[i][j]
			if s.requests == 0 {
				continue
			}
			fmt.Fprintf(t, "%s\t%s\t%.1f KB\t%.0f\t%.1f ms\t%.1f ms\t%.3f\t%.3f\t%s\t%.0f MiB\t\n", sc.name, r.name, float64(s.bytes)/1000,
				float64(s.requests)/s.elapsed.Seconds(), ms(s.p50), ms(s.p99), s.cpu.Seconds()/float64(s.requests)*1000,
				s.beneath.Seconds()/float64(s.requests)*1000, perRequest(s.mallocs, s.requests), float64(s.peak)/(1<<20))
		}
	}
	return t.Flush()
}

func (s *sum) measure(ctx context.Context, cfg config, sc scenario, r *runner, subgraphs []*process) error {
	url := r.process.url(r.path)
	want, err := ask(ctx, url, sc.query)
	if err != nil {
		return err
	}
	l := load{url: url, query: sc.query, clients: cfg.clients, duration: cfg.duration / 10, unique: sc.unique, want: want}
	if _, err := l.run(ctx); err != nil { // warm
		return err
	}
	before, err := r.process.usage()
	if err != nil {
		return err
	}
	beneath, err := cpuOf(subgraphs)
	if err != nil {
		return err
	}
	l.duration = cfg.duration
	f, err := l.run(ctx)
	if err != nil {
		return err
	}
	after, err := r.process.usage()
	if err != nil {
		return err
	}
	beneathAfter, err := cpuOf(subgraphs)
	if err != nil {
		return err
	}
	s.beneath += beneathAfter - beneath
	s.requests += f.requests
	s.elapsed += f.elapsed
	s.p50, s.p99 = f.p50, f.p99
	s.cpu += after.cpu - before.cpu
	s.mallocs += after.mallocs - before.mallocs
	s.peak = after.peak
	s.bytes = len(want)
	return nil
}

// cpuOf is what processes have used together.
func cpuOf(processes []*process) (time.Duration, error) {
	var sum time.Duration
	for _, p := range processes {
		u, err := p.usage()
		if err != nil {
			return 0, err
		}
		sum += u.cpu
	}
	return sum, nil
}

func perRequest(mallocs int64, requests int) string {
	if mallocs == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(mallocs)/float64(requests))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quiet is how long a router is left alone before its memory is read again.
const quiet = 15 * time.Second

// memory runs the joined query for a minute and prints what each router holds then, and after a while
// without requests.
func memory(ctx context.Context, w io.Writer, cfg config, runners []*runner) error {
	sc := scenarios()[0]
	fmt.Fprintln(w)
	for _, r := range runners {
		if r.proxy {
			continue
		}
		fmt.Fprintf(os.Stderr, "memory after %v: %s\n", cfg.linger, r.name)
		l := load{url: r.process.url(r.path), query: sc.query, clients: cfg.clients, duration: cfg.linger, unique: true}
		f, err := l.run(ctx)
		if err != nil {
			return err
		}
		u, err := r.process.usage()
		if err != nil {
			return err
		}
		select {
		case <-time.After(quiet):
		case <-ctx.Done():
			return ctx.Err()
		}
		later, err := r.process.usage()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: memory after %v of the joined query: %.0f MiB, after %v without requests: %.0f MiB, peak %.0f MiB (%d requests)\n", r.name, cfg.linger,
			float64(u.now)/(1<<20), quiet, float64(later.now)/(1<<20), float64(u.peak)/(1<<20), f.requests)
	}
	return nil
}

// profile writes a CPU profile of the router while it answers the joined query.
func profile(ctx context.Context, cfg config, r *runner) error {
	sc := scenarios()[0]
	done := make(chan error, 1)
	go func() {
		l := load{url: r.process.url(r.path), query: sc.query, clients: cfg.clients, duration: cfg.duration, unique: true}
		_, err := l.run(ctx)
		done <- err
	}()
	url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", r.debug, max(1, int(cfg.duration.Seconds())-1))
	resp, err := http.Get(url)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer resp.Body.Close()
	out, err := os.Create(cfg.profile)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := out.Close(); err != nil {
		return err
	}
	return <-done
}
