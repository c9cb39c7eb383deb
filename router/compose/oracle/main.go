// Command oracle composes every set of a folder with this repository's composition and with Apollo's
// (@apollo/composition, in Node) and compares: verdict, error codes, hints, the public schema, the
// join metadata, and whether each side reads the other's supergraph.
//
//	go run ./router/compose/oracle            compares, and fails on a difference without a reason
//	go run ./router/compose/oracle -record    also writes Apollo's answers into the sets
//	go run ./router/compose/oracle -random N -seed S
//	                                          compares N random sets: worlds of the property tests, and changes
//	                                          of these and of the folder's; prints each class of differences
//	                                          once, by a set made small, ready to be kept in the folder
//	go run ./router/compose/oracle -output FILE NAME=URL=SDL …
//	                                          only composes these with Apollo's, into FILE
//
// Differences we mean are in deviations.txt, each with its reason. Recorded answers let `go test`
// compare without Node. Enter at run; compare.go says what is compared, normal.go what is the same.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"storefront/router/compose"
)

type config struct {
	sets, deviations, cache, codes string
	output                         string
	subgraphs                      []string // NAME=URL=FILE
	record                         bool
	random                         int
	seed                           uint64
}

func main() {
	var cfg config
	flag.StringVar(&cfg.sets, "sets", "router/compose/testdata", "folder of .txtar files, a schema set each")
	flag.StringVar(&cfg.deviations, "deviations", "router/compose/oracle/deviations.txt", "the differences that are meant")
	flag.StringVar(&cfg.codes, "codes", "router/compose/testdata/published_codes.txt", "where -record writes the published codes")
	flag.StringVar(&cfg.cache, "cache", "", "folder for the npm packages (default: storefront-oracle in the user's cache folder)")
	flag.BoolVar(&cfg.record, "record", false, "write Apollo's answers into the sets")
	flag.IntVar(&cfg.random, "random", 0, "compare this many random sets instead of the folder's")
	flag.Uint64Var(&cfg.seed, "seed", 1, "what the random sets are made of: the same sets each time")
	flag.StringVar(&cfg.output, "output", "", "compose the subgraphs given as NAME=URL=FILE with Apollo's composition into this file")
	flag.Parse()
	cfg.subgraphs = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, cfg, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config, out io.Writer) error {
	if cfg.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for npm packages: %w; give one with -cache", err)
		}
		cfg.cache = filepath.Join(dir, "storefront-oracle")
	}
	if cfg.output != "" {
		return composeThere(ctx, cfg)
	}
	sets, err := readSets(cfg.sets)
	if err != nil {
		return err
	}
	meant, err := readDeviations(cfg.deviations)
	if err != nil {
		return err
	}
	if cfg.random > 0 {
		return runRandom(ctx, cfg, out, sets, meant)
	}
	for _, s := range sets {
		s.compose()
	}
	answers, err := askApollo(ctx, cfg.cache, sets)
	if err != nil {
		return err
	}
	if cfg.record {
		if err := record(cfg, sets, answers); err != nil {
			return err
		}
	}
	var found []deviation
	for i, s := range sets {
		found = append(found, s.compare(answers.Sets[i].answer())...)
		found = append(found, s.compareReading(&answers.Sets[i])...)
	}
	return report(out, sets, found, meant)
}

// composeThere writes the supergraph that Apollo's composition makes of the given subgraphs.
func composeThere(ctx context.Context, cfg config) error {
	s := &set{name: "given"}
	for _, arg := range cfg.subgraphs {
		parts := strings.SplitN(arg, "=", 3)
		if len(parts) != 3 {
			return fmt.Errorf("read subgraphs: %q is not NAME=URL=FILE", arg)
		}
		sdl, err := os.ReadFile(parts[2])
		if err != nil {
			return fmt.Errorf("read subgraphs: %w", err)
		}
		s.subgraphs = append(s.subgraphs, compose.Subgraph{Name: parts[0], URL: parts[1], SDL: string(sdl), File: parts[2]})
	}
	answers, err := askApollo(ctx, cfg.cache, []*set{s})
	if err != nil {
		return err
	}
	made := answers.Sets[0].Composed
	if len(made.Errors) > 0 {
		return fmt.Errorf("the subgraphs do not compose: %s", answers.Sets[0].answer().said)
	}
	if err := os.WriteFile(cfg.output, []byte(made.Supergraph+"\n"), 0o644); err != nil {
		return fmt.Errorf("write supergraph: %w", err)
	}
	return nil
}
