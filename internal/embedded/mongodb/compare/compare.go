// Command compare holds the embedded document store against a MongoDB, or a server that speaks for one:
// it sends both the same random commands, of the operators that our stores use and their combinations,
// by eight clients at once, and compares every answer and the state that is left.
//
//	go run ./internal/embedded/mongodb/compare -uri mongodb://127.0.0.1:27017 -operations 100000 -seed 1
//
// Each client has keys of its own in collections that all share, and one collection for itself, whose
// indexes it changes. After each write it looks at what it wrote. At the end all contend for the same
// documents; then only sums and outcomes are compared (contend.go). What the other server does otherwise
// than MongoDB documents is in deviations.go; any other difference is the embedded server's fault.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	embedded "storefront/internal/embedded/mongodb"
)

type config struct {
	uri        string
	operations int
	seed       uint64
	show       int
}

func main() {
	var c config
	flag.StringVar(&c.uri, "uri", "", "the server to compare with, mongodb://host:27017")
	flag.IntVar(&c.operations, "operations", 100_000, "how many commands to send to each")
	flag.Uint64Var(&c.seed, "seed", 1, "what the random commands begin with")
	flag.IntVar(&c.show, "show", 20, "how many differences to print")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, c, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// run compares and prints what it found; differences are an error.
func run(ctx context.Context, c config, out io.Writer) error {
	if c.uri == "" {
		return errors.New("give the server to compare with by -uri")
	}
	server, err := embedded.Start(ctx, embedded.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer server.Close()
	began := time.Now()
	w, err := newWorkload(ctx, server.URI(), c.uri, c.seed)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.run(ctx, c.operations); err != nil {
		return err
	}
	w.report(out, c.show)
	fmt.Fprintf(out, "seed %d: %d commands to each server in %s, %d differences, %d known deviations\n",
		c.seed, w.sent, time.Since(began).Round(time.Second), len(w.differences), w.known)
	if len(w.differences) > 0 {
		return fmt.Errorf("%d differences", len(w.differences))
	}
	return nil
}

func connect(uri string) (*mongo.Client, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetServerSelectionTimeout(5 * time.Second).SetTimeout(time.Minute).SetRetryWrites(false))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", uri, err)
	}
	return client, nil
}
