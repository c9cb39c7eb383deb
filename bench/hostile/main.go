// Command hostile sends a router requests that are meant to hurt it, over every transport that it has, beside a
// client that sends a plain query all the time. It prints how long they took, the middle and the worst of several, and
// fails when one took too long or got the wrong verdict. It starts a router with its default limits, batches of two
// allowed, and a subgraph; --url names another router, which has to serve the schema of internal/hostile.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"strings"
	"time"

	"storefront/internal/hostile"
	"storefront/internal/server"
	"storefront/router/compose"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

type config struct {
	url, only, transport, profile string
	times, rows                   int
	limit                         time.Duration
}

func main() {
	var cfg config
	flag.StringVar(&cfg.url, "url", "", "a router, http://host:port/graphql; one is started when absent")
	flag.IntVar(&cfg.times, "times", 5, "how often each request is sent over each transport")
	flag.IntVar(&cfg.rows, "rows", 5, "how many of the slowest requests are listed for each transport; 0 for all")
	flag.StringVar(&cfg.only, "only", "", "send only requests whose name has this in it")
	flag.StringVar(&cfg.transport, "transport", "", "only over transports whose name has this in it")
	flag.DurationVar(&cfg.limit, "limit", 250*time.Millisecond, "fail when one takes longer")
	flag.StringVar(&cfg.profile, "cpuprofile", "", "write a CPU profile into this file")
	flag.Parse()
	if err := run(context.Background(), cfg); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config) error {
	if cfg.profile != "" {
		f, err := os.Create(cfg.profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if cfg.url == "" {
		started, stop, err := startRouter()
		if err != nil {
			return err
		}
		defer stop()
		cfg.url = started
	}
	var tables []table
	for _, over := range hostile.Transports() {
		if !strings.Contains(over.Name, cfg.transport) {
			continue
		}
		t := table{over: over.Name}
		for _, c := range hostile.Cases() {
			if !strings.Contains(c.Name, cfg.only) {
				continue
			}
			r, ok, err := measure(ctx, cfg, over, c)
			if err != nil {
				return fmt.Errorf("over %s: %w", over.Name, err)
			}
			if !ok {
				t.unsendable++
				continue
			}
			t.rows = append(t.rows, r)
		}
		tables = append(tables, t)
	}
	return print(tables, cfg)
}

// startRouter starts a subgraph and a router before it, which listens as the real one does.
func startRouter() (url string, stop func(), err error) {
	subgraph := httptest.NewServer(hostile.Subgraph())
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "hostile", URL: subgraph.URL, SDL: hostile.SDL()}})
	if len(mistakes) > 0 {
		return "", nil, mistakes
	}
	sg, err := supergraph.Parse(made.SupergraphSDL)
	if err != nil {
		return "", nil, err
	}
	reach, err := transport.New(transport.To(map[string]string{"hostile": subgraph.URL}), transport.Options{})
	if err != nil {
		return "", nil, err
	}
	limits := operation.DefaultLimits()
	limits.MaxListItems = 0 // it would refuse what is meant to be met by what comes after
	g, err := gateway.New(gateway.Config{Limits: limits, Supergraph: sg, Transport: reach, MaxBatch: 2})
	if err != nil {
		return "", nil, err
	}
	router, err := server.Start(server.Config{Name: "router", Addr: "127.0.0.1:0", Handler: g.Handler(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", nil, err
	}
	return router.URL("/graphql"), func() { _ = router.Shutdown(context.Background()); subgraph.Close() }, nil
}
