package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"storefront/consumers"
	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/kafka"
	"storefront/internal/progress"
	"storefront/internal/telemetry"
)

// DeadLettersConfig is what `storefront events dlq` takes.
type DeadLettersConfig struct {
	All   bool   `flag:"all" help:"retry, drop: every dead letter that the other flags let through, instead of those named"`
	Topic string `flag:"topic" help:"only of this topic, such as order-events"`
	Group string `flag:"group" help:"only those that this group gave up, such as storefront-orders"`
	Type  string `flag:"type" help:"only events whose type has this in its name"`
	JSON  bool   `flag:"json" help:"list: one JSON object a line, with the event itself"`
	OperatorFlags
}

const deadLettersUsage = `storefront events dlq list | retry ID... | drop ID...: dead letters are events that a group could not handle.
  list    prints those that nobody has dealt with, each with its ID and why it was given up
  retry   gives them back to the group that gave them up, once what was wrong is mended
  drop    settles them without that: nobody will handle them
--all instead of IDs takes all that --topic, --group and --type let through.`

func runEventsDeadLetters(ctx context.Context, std stdio, args []string) error {
	var cfg DeadLettersConfig
	rest, err := flags.ParseArgs("events dlq", deadLettersUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return errs.New(errs.BadInput, "write: storefront events dlq list, retry or drop")
	}
	verb, ids := rest[0], rest[1:]
	switch {
	case verb != "list" && verb != "retry" && verb != "drop":
		return errs.New(errs.BadInput, "events dlq: there is no %q; write list, retry or drop", verb)
	case verb == "list" && len(ids) > 0:
		return errs.New(errs.BadInput, "events dlq list takes no IDs")
	case verb != "list" && cfg.All == (len(ids) > 0):
		return errs.New(errs.BadInput, "events dlq %s: name the dead letters by their IDs, or give --all, not both", verb)
	}
	topics := events.Topics()
	if cfg.Topic != "" {
		if topics, err = topicsNamed([]string{cfg.Topic}); err != nil {
			return err
		}
	}
	config, err := cfg.reach(std)
	if err != nil {
		return err
	}
	letters, err := consumers.DeadLetters(ctx, config, topics)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "cannot read the dead letters")
	}
	var chosen []consumers.DeadLetter
	for _, d := range letters {
		if (cfg.Group == "" || d.Group == cfg.Group) && strings.Contains(d.Type, cfg.Type) {
			chosen = append(chosen, d)
		}
	}
	if verb == "list" {
		return listDeadLetters(std, chosen, cfg.JSON)
	}
	if !cfg.All {
		if chosen, err = named(chosen, ids); err != nil {
			return err
		}
	}
	return settle(ctx, std, config, verb, chosen)
}

func named(letters []consumers.DeadLetter, ids []string) ([]consumers.DeadLetter, error) {
	byID := map[string]consumers.DeadLetter{}
	for _, d := range letters {
		byID[d.ID] = d
	}
	var chosen []consumers.DeadLetter
	for _, id := range ids {
		d, ok := byID[id]
		if !ok {
			return nil, errs.New(errs.NotFound, "there is no dead letter %q, or it is dealt with; 'storefront events dlq list' prints all; nothing was done", id)
		}
		chosen = append(chosen, d)
	}
	return chosen, nil
}

func settle(ctx context.Context, std stdio, config kafka.Config, verb string, letters []consumers.DeadLetter) error {
	producer, err := kafka.NewProducer(config)
	if err != nil {
		return err
	}
	defer producer.Close()
	bar := progress.New(std.err, telemetry.IsTerminal(std.err), verb, len(letters))
	for i, d := range letters {
		act := d.Retry
		if verb == "drop" {
			act = d.Drop
		}
		if err := act(ctx, producer); err != nil {
			return errs.Wrap(errs.Unavailable, err, "%d of %d done", i, len(letters))
		}
		bar.Add(1)
	}
	bar.Done()
	done := map[string]string{"retry": "given back to their groups", "drop": "dropped"}[verb]
	fmt.Fprintf(std.out, "%d dead letters %s\n", len(letters), done)
	return nil
}

func listDeadLetters(std stdio, letters []consumers.DeadLetter, asJSON bool) error {
	if asJSON {
		lines := json.NewEncoder(std.out)
		for _, d := range letters {
			if err := lines.Encode(map[string]any{"id": d.ID, "group": d.Group, "event": d.Event, "type": d.Type, "key": d.Key, "attempts": d.Attempts,
				"error": telemetry.Scrub(d.Error), "at": d.At, "from": d.From, "value": json.RawMessage(shown(d.Value))}); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tGIVEN UP\tBY\tTYPE\tKEY\tTRIES\tWHY")
	for _, d := range letters {
		why, _, _ := strings.Cut(telemetry.Scrub(d.Error), "\n")
		if len(why) > 120 {
			why = strings.ToValidUTF8(why[:120], "") + "…"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", d.ID, d.At.Format(time.DateTime), d.Group, shortType(d.Type), d.Key, d.Attempts, why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d dead letters\n", len(letters))
	return nil
}
