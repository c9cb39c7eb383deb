// Command clients has real GraphQL clients use a real shop, as apps do: Apollo Client, urql with graphql-ws,
// graphql-sse, EventSource, Relay, and the server audits of graphql-http, all of npm, in Node.
//
//	go run ./internal/clients              starts `storefront up` on free ports, runs all of js/, prints a table
//	go run ./internal/clients -only sse    only the scripts that have this in their names
//
// Each script of js/ is an app of one client. It gets addresses and tokens on standard input and writes what it has
// checked, mode by mode, to standard output. Packages are installed into a cache folder, by js/package-lock.json. The
// command fails when a check does. Enter at run; shop.go starts the shop, node.go runs scripts, table.go prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

type config struct {
	cache, storefront, only string
}

// scripts are those of js/ that are run, each by itself, in this order.
func scripts() []string {
	return []string{"audits", "apollo", "apollo_live", "apollo3", "urql", "sse", "eventsource", "relay", "subgraph"}
}

func main() {
	var cfg config
	flag.StringVar(&cfg.cache, "cache", "", "folder for the npm packages (default: storefront-clients in the user's cache folder)")
	flag.StringVar(&cfg.storefront, "storefront", "", "the storefront binary; built when absent")
	flag.StringVar(&cfg.only, "only", "", "run only the scripts whose name has this in it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config, out io.Writer) (err error) {
	chosen := slices.DeleteFunc(scripts(), func(name string) bool { return !strings.Contains(name, cfg.only) })
	if len(chosen) == 0 {
		return fmt.Errorf("no script has %q in its name; there are %s", cfg.only, strings.Join(scripts(), ", "))
	}
	if cfg.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for npm packages: %w; give one with -cache", err)
		}
		cfg.cache = filepath.Join(dir, "storefront-clients")
	}
	n, err := install(ctx, cfg.cache)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.remove()) }()
	s, err := openShop(ctx, cfg.storefront)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var rows []row
	for _, name := range chosen {
		rows = append(rows, n.run(ctx, name, s)...)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return report(out, rows)
}
