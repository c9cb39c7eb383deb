// Command storefront is the whole shop backend in one binary: `storefront up` runs everything, `serve`
// and `router` run one part each, the other commands are for people who run it.
//
// Only flags and wiring live here: each command has a file, with its Config and its run function.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/telemetry"
)

type command struct {
	name, summary string
	run           func(ctx context.Context, std stdio, args []string) error
}

// stdio is what a command may touch of the process it runs in.
type stdio struct {
	out, err io.Writer
	env      func(string) string
}

func commands() []command {
	return []command{
		{"up", "run everything in this process, on embedded services or on those you name", runUp},
		{"serve", "run one service: its subgraph, its consumers, its outbox relay", runServe},
		{"router", "run the router", runRouter},
		{"compose", "compose schema/ into the supergraph", runCompose},
		{"plan", "print the plan of an operation", runPlan},
		{"token", "print an access token of a demo person", runToken},
		{"import", "import products from Shopify CSV, electronics JSON or Online Retail lines", runImport},
		{"replay-orders", "replay invoices as orders", runReplay},
		{"verify", "check that orders, stock and payments agree", runVerify},
		{"operations", "publish persisted operations for partners", runOperations},
		{"partners", "say how much partners may ask, and give them keys", runPartners},
		{"usage", "tell who uses a field, and who still uses deprecated ones", runUsage},
		{"webhooks", "deliver partners' subscriptions by signed calls", runWebhooks},
		{"events", "look at the events between services, and make their topics and rights", runEvents},
		{"health", "ask a running router or service whether it can do its work", runHealth},
	}
}

func main() {
	libraries := telemetry.NewLogger(os.Stderr, "warn")
	slog.SetDefault(libraries)
	redis.SetLogger(redisLog{libraries})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, stdio{os.Stdout, os.Stderr, os.Getenv}, os.Args[1:])
	stop()
	switch {
	case err == nil, errors.Is(err, flags.ErrHelp):
	case errs.Is(err, errs.BadInput):
		fmt.Fprintln(os.Stderr, fatal(err))
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, fatal(err))
		os.Exit(1)
	}
}

// fatal is the last that a command says. Addresses in it may have had passwords.
func fatal(err error) string { return "storefront: " + telemetry.Scrub(err.Error()) }

// redisLog gives go-redis's own words the form of ours. What matters of them comes back as an error.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis client", "message", fmt.Sprintf(format, args...))
}

func run(ctx context.Context, std stdio, args []string) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprintln(std.out, "Storefront, a federated GraphQL backend for online shops.\n\nUsage: storefront COMMAND [flags]\n\nCommands:")
		for _, c := range commands() {
			fmt.Fprintf(std.out, "  %-14s %s\n", c.name, c.summary)
		}
		fmt.Fprintln(std.out, "\n'storefront COMMAND --help' lists a command's flags. Start with 'storefront up'.")
		return nil
	}
	if args[0] == "--version" || args[0] == "version" {
		if len(args) > 1 {
			return errs.New(errs.BadInput, "version: %q is not expected; write: storefront version", args[1])
		}
		fmt.Fprintln(std.out, version())
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, std, args[1:])
		}
	}
	return errs.New(errs.BadInput, "there is no command %q; 'storefront help' lists them", args[0])
}
