// Command federation (bench) measures the router alone, over four subgraphs in processes of their own:
//
//	go run ./bench/federation
//
// The scenarios have the shape of the open gateway benchmark: one operation that goes from users over
// reviews, products, reviews and authors to reviews and products, and from top products to inventory
// and reviews, with an answer of about 87 KB, sent by 50 clients, each waiting for its answer; once with
// an authorization header of its own for every request and once with the same for all. Then a query of
// one subgraph, against net/http/httputil's ReverseProxy before that subgraph. Every answer is compared
// with the first. With -router, any other router's command is measured on the same machine in the same
// run: {supergraph} and {addr} in it are replaced.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type config struct {
	clients  int
	duration time.Duration
	rounds   int
	binary   string
	others   []string
	profile  string
	linger   time.Duration
}

func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == "subgraph" {
		return serve(ctx, args[1], args[2])
	}
	if len(args) == 3 && args[0] == "proxy" {
		return proxy(ctx, args[1], args[2])
	}
	var cfg config
	flags := flag.NewFlagSet("federation", flag.ExitOnError)
	flags.IntVar(&cfg.clients, "clients", 50, "connections, each sending one request after another")
	flags.DurationVar(&cfg.duration, "duration", 10*time.Second, "of one round of one scenario")
	flags.IntVar(&cfg.rounds, "rounds", 2, "rounds, each through every scenario and router, so that all see the same machine")
	flags.StringVar(&cfg.binary, "storefront", "", "the storefront binary; built when empty")
	flags.Func("router", `another router to measure: NAME=COMMAND ARGS, with {supergraph} and {addr}; repeatable`, func(s string) error {
		cfg.others = append(cfg.others, s)
		return nil
	})
	flags.StringVar(&cfg.profile, "profile", "", "write a CPU profile of the router under the joined query to this file")
	flags.DurationVar(&cfg.linger, "memory", 60*time.Second, "how long the joined query runs before memory is read; 0 to leave it out")
	flags.Parse(args)
	return bench(ctx, cfg)
}

// serve runs one of the four services.
func serve(ctx context.Context, name, addr string) error {
	s, err := newService(name)
	if err != nil {
		return err
	}
	return listen(ctx, addr, s)
}

// proxy runs what a router that does nothing would be.
func proxy(ctx context.Context, to, addr string) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000}}
	return listen(ctx, addr, p)
}

// listen serves until ctx ends.
func listen(ctx context.Context, addr string, h http.Handler) error {
	s := &http.Server{Addr: addr, Handler: h}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// build compiles the storefront binary into dir.
func build(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "storefront")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, "storefront/cmd/storefront")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build storefront: %w", err)
	}
	return out, nil
}

// fields splits a command; its arguments hold no spaces.
func fields(command string, replace ...string) []string {
	return strings.Fields(strings.NewReplacer(replace...).Replace(command))
}
