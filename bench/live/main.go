// Command live (bench) shows what subscribers get when much happens and routers die:
//
//	go run ./bench/live
//
// Two routers, each a process, feed 10,000 subscribers over WebSocket, server-sent events and responses in
// parts from one Kafka topic, in which 1,000 events a second are published for 60 s. After a quarter of that
// one client in a hundred stops reading; after half of it one router is killed, and its clients go on at the
// other with their cursors; then that one is given a new supergraph. Some subscribe to what is not theirs.
// Every subscriber counts what it missed, got twice, got in the wrong order and should not have seen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type config struct {
	subscribers int
	keys        int
	rate        int
	duration    time.Duration
	stalled     int // one in so many
	strangers   int
	brokers     string
	binary      string
	profile     string
	protocols   []protocol
	silent      int
	churn       int
}

func run(ctx context.Context, out io.Writer, args []string) error {
	var c config
	flags := flag.NewFlagSet("live", flag.ExitOnError)
	flags.IntVar(&c.subscribers, "subscribers", 10_000, "subscriptions, each on a connection of its own")
	flags.IntVar(&c.keys, "keys", 2_500, "things that are watched and change")
	flags.IntVar(&c.rate, "rate", 1_000, "events a second")
	flags.DurationVar(&c.duration, "duration", time.Minute, "of publishing")
	flags.IntVar(&c.stalled, "stalled", 100, "one client in so many stops reading")
	flags.IntVar(&c.strangers, "strangers", 100, "subscribers to things that are somebody else's")
	flags.StringVar(&c.brokers, "kafka-brokers", "", "a Kafka cluster; an embedded one when empty")
	flags.StringVar(&c.binary, "storefront", "", "the storefront binary; built when empty")
	flags.StringVar(&c.profile, "profile", "", "write a CPU profile of the router that stays to this file")
	flags.IntVar(&c.silent, "silent", 0, "instead of all that, open so many sockets that say nothing")
	flags.IntVar(&c.churn, "churn", 0, "instead of all that, connect, subscribe and disconnect so many times")
	names := flags.String("protocols", "ws,sse,multipart", "that subscribers use in turn")
	flags.Parse(args)
	for name := range strings.SplitSeq(*names, ",") {
		p := slices.Index([]string{"ws", "sse", "multipart"}, name)
		if p < 0 {
			return fmt.Errorf("-protocols: %q is none of ws, sse, multipart", name)
		}
		c.protocols = append(c.protocols, protocol(p))
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %s", flags.Arg(0))
	}
	if c.keys < 1 || c.subscribers < 1 || c.rate < 1 || c.stalled < 1 {
		return errors.New("subscribers, keys, rate and stalled must be at least 1")
	}
	w, err := newWorld(ctx, c)
	if err != nil {
		return err
	}
	defer w.close()
	switch {
	case c.silent > 0:
		return w.silent(ctx, out, c.silent)
	case c.churn > 0:
		return w.churn(ctx, out, c.churn)
	}
	return w.show(ctx, out)
}
