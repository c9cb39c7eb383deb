package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/kafka"
)

// LagConfig is what `storefront events lag` takes.
type LagConfig struct {
	Watch time.Duration `flag:"watch" help:"print it again this often, until Ctrl-C"`
	All   bool          `flag:"all" help:"partitions without lag, too"`
	OperatorFlags
}

const lagUsage = `storefront events lag: prints how many events each consumer group has not done yet, by topic. Events that a group
tries again later count in its retry topic.`

func runEventsLag(ctx context.Context, std stdio, args []string) error {
	var cfg LagConfig
	if err := flags.Parse("events lag", lagUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	config, err := cfg.reach(std)
	if err != nil {
		return err
	}
	for {
		if err := printLag(ctx, std.out, config, cfg.All); err != nil {
			return err
		}
		if cfg.Watch <= 0 {
			return nil
		}
		select {
		case <-time.After(cfg.Watch):
			fmt.Fprintln(std.out)
		case <-ctx.Done():
			return nil
		}
	}
}

func printLag(ctx context.Context, w io.Writer, config kafka.Config, all bool) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GROUP\tTOPIC\tPARTITION\tDONE UP TO\tEND\tBEHIND")
	total := int64(0)
	for _, group := range consumers.Groups() {
		lags, err := config.Admin().Lag(ctx, group.ID, group.Topics)
		if err != nil {
			return errs.Wrap(errs.Unavailable, err, "cannot ask Kafka for the lag of %s", group.ID)
		}
		for _, l := range lags {
			total += l.Records
			if l.Records > 0 || all {
				fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\n", group.ID, l.Topic, l.Partition, max(l.Committed, 0), l.Newest, l.Records)
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s  %d events behind in all groups\n", time.Now().UTC().Format("15:04:05"), total)
	return nil
}
