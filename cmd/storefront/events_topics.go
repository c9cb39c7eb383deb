package main

import (
	"context"
	"fmt"
	"strings"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/telemetry"
)

// TopicsConfig is what `storefront events topics` takes.
type TopicsConfig struct {
	KafkaFlags `group:"Kafka"`
	TopicFlags `group:"Kafka"`
	LogFlags   `group:"Logs"`
}

const topicsUsage = `storefront events topics: makes the topics that are not there: those of events, of dead letters and of what groups
try again. For clusters where services may not make topics themselves; run it before they start, with the
credentials of admin (see storefront events acls). Topics that are there are left as they are.`

func runEventsTopics(ctx context.Context, std stdio, args []string) error {
	var cfg TopicsConfig
	if err := flags.Parse("events topics", topicsUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	if len(cfg.Brokers) == 0 {
		return errs.New(errs.BadInput, "give --kafka-brokers (or its environment variable)")
	}
	config := cfg.kafkaConfig(telemetry.NewLogger(std.err, cfg.LogLevel))
	if err := config.Validate(); err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot connect to Kafka")
	}
	topics := consumers.Topics(int32(cfg.Partitions), int16(cfg.Replication))
	if err := config.Admin().EnsureTopics(ctx, topics); err != nil {
		return errs.Wrap(errs.Unavailable, err, "Kafka at %s does not let us make topics", strings.Join(cfg.Brokers, ","))
	}
	fmt.Fprintf(std.out, "%d topics are there\n", len(topics))
	return nil
}
