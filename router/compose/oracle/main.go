// Command oracle composes every set of a folder with this repository's composition and with Apollo's
// (@apollo/composition, in Node) and compares: verdict, error codes, hints, the public schema, the
// join metadata, and whether each side reads the other's supergraph.
//
//	go run ./router/compose/oracle            compares, and fails on a difference without a reason
//	go run ./router/compose/oracle -record    also writes Apollo's answers into the sets
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
)

type config struct {
	sets, deviations, cache, codes string
	record                         bool
}

func main() {
	var cfg config
	flag.StringVar(&cfg.sets, "sets", "router/compose/testdata", "folder of .txtar files, a schema set each")
	flag.StringVar(&cfg.deviations, "deviations", "router/compose/oracle/deviations.txt", "the differences that are meant")
	flag.StringVar(&cfg.codes, "codes", "router/compose/testdata/published_codes.txt", "where -record writes the published codes")
	flag.StringVar(&cfg.cache, "cache", "", "folder for the npm packages (default: storefront-oracle in the user's cache folder)")
	flag.BoolVar(&cfg.record, "record", false, "write Apollo's answers into the sets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, cfg, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config, out io.Writer) error {
	sets, err := readSets(cfg.sets)
	if err != nil {
		return err
	}
	meant, err := readDeviations(cfg.deviations)
	if err != nil {
		return err
	}
	for _, s := range sets {
		s.compose()
	}
	if cfg.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a folder for npm packages: %w; give one with -cache", err)
		}
		cfg.cache = filepath.Join(dir, "storefront-oracle")
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
