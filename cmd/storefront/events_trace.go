package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/embedded/traces"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/kafka"
)

// TraceConfig is what `storefront events trace` takes.
type TraceConfig struct {
	Wait   time.Duration `flag:"wait" default:"10s" help:"how long spans that are still on their way may take"`
	Traces string        `flag:"traces" help:"where 'up --traces' keeps its traces, http://host:port; the running shop's when absent"`
	OperatorFlags
}

const traceUsage = `storefront events trace ORDER: prints what followed from an order, event by event, each under the one whose handling
caused it; and, where 'storefront up --traces' keeps them, the spans of its trace: the client's request, the
services, the way through outbox and Kafka, each consumer, and the update on a client's screen.`

func runEventsTrace(ctx context.Context, std stdio, args []string) error {
	var cfg TraceConfig
	rest, err := flags.ParseArgs("events trace", traceUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errs.New(errs.BadInput, "write: storefront events trace ORDER, such as ord_...")
	}
	order := rest[0]
	if shop, err := running(cfg.DataDir); err == nil && cfg.Traces == "" {
		cfg.Traces = shop.Traces
	}
	config, err := cfg.reach(std)
	if err != nil {
		return err
	}
	records, err := eventsOf(ctx, config, order)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return errs.New(errs.NotFound, "there is no event of %q; an order's id begins with ord_", order)
	}
	printCauses(std.out, order, records)
	id := traceID(records[0])
	switch {
	case id == "":
		fmt.Fprintln(std.out, "\nThe order belongs to no trace.")
	case cfg.Traces == "":
		fmt.Fprintf(std.out, "\nIts trace is %s. Spans are not kept here: start the shop with --traces, or look where OTEL_EXPORTER_OTLP_ENDPOINT sends them.\n", id)
	default:
		spans, err := wholeTrace(ctx, cfg.Traces, id, cfg.Wait)
		if err != nil {
			return err
		}
		printSpans(std.out, id, spans)
	}
	return nil
}

// traceID is the trace that an event belongs to, "" for none.
func traceID(r *kafka.Record) string {
	parts := strings.Split(r.Header(events.HeaderTraceparent), "-")
	if len(parts) != 4 {
		return ""
	}
	return parts[1]
}

// printCauses prints events under the one that caused them. One whose cause is not among them stands alone.
func printCauses(w io.Writer, order string, records []*kafka.Record) {
	slices.SortStableFunc(records, func(a, b *kafka.Record) int { return timeOf(a).Compare(timeOf(b)) })
	known := map[string]bool{}
	for _, r := range records {
		known[r.Header(events.HeaderID)] = true
	}
	under := map[string][]*kafka.Record{}
	printed := map[string]bool{}
	for _, r := range records {
		if id := r.Header(events.HeaderID); !printed[id] { // each once, also when it was published twice
			printed[id] = true
			cause := r.Header(events.HeaderCause)
			if !known[cause] {
				cause = ""
			}
			under[cause] = append(under[cause], r)
		}
	}
	began := timeOf(records[0])
	fmt.Fprintf(w, "%s: %d events in %s\n\n", order, len(printed), timeOf(records[len(records)-1]).Sub(began).Round(time.Millisecond))
	var print func(cause string, depth int)
	print = func(cause string, depth int) {
		for _, r := range under[cause] {
			fmt.Fprintf(w, "%10s  %s%-14s %s\n", "+"+timeOf(r).Sub(began).Round(time.Millisecond).String(), strings.Repeat("  ", min(depth, maxIndent)),
				strings.TrimPrefix(r.Header(events.HeaderSource), events.Source), shortType(r.Header(events.HeaderType))+status(r))
			print(r.Header(events.HeaderID), depth+1)
		}
	}
	print("", 0)
}

const maxIndent = 24

func timeOf(r *kafka.Record) time.Time {
	at, err := time.Parse(time.RFC3339Nano, r.Header(events.HeaderTime))
	if err != nil {
		return r.Time
	}
	return at
}

func status(r *kafka.Record) string {
	e, err := events.Decode(r.Header(events.HeaderType), r.Value)
	if changed, ok := e.(events.OrderStatusChanged); err == nil && ok {
		return " " + changed.Status
	}
	return ""
}

// wholeTrace fetches a trace until nothing more comes to it.
func wholeTrace(ctx context.Context, url, id string, wait time.Duration) ([]traces.Span, error) {
	deadline := time.Now().Add(wait)
	for before := -1; ; {
		spans, err := traces.Fetch(ctx, url, id)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return nil, err
		}
		if len(spans) == before || time.Now().After(deadline) {
			return spans, err
		}
		before = len(spans)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func printSpans(w io.Writer, id string, spans []traces.Span) {
	known := map[string]bool{}
	var first, last time.Time
	for _, s := range spans {
		known[s.ID] = true
		if first.IsZero() || s.Start.Before(first) {
			first = s.Start
		}
		if s.End.After(last) {
			last = s.End
		}
	}
	under := map[string][]traces.Span{}
	for _, s := range spans {
		if !known[s.Parent] {
			s.Parent = ""
		}
		under[s.Parent] = append(under[s.Parent], s)
	}
	fmt.Fprintf(w, "\ntrace %s: %d spans in %s\n\n", id, len(spans), last.Sub(first).Round(time.Millisecond))
	var print func(parent string, depth int)
	print = func(parent string, depth int) {
		for _, s := range under[parent] {
			failed := ""
			if s.Failed {
				failed = "  FAILED"
			}
			fmt.Fprintf(w, "%10s %9s  %s%s%s%s\n", "+"+s.Start.Sub(first).Round(100*time.Microsecond).String(), s.End.Sub(s.Start).Round(10*time.Microsecond).String(),
				strings.Repeat("  ", min(depth, maxIndent)), s.Name, by(s), failed)
			print(s.ID, depth+1)
		}
	}
	print("", 0)
}

// by says who did a span's work, where its name does not.
func by(s traces.Span) string {
	group := strings.TrimPrefix(s.Attributes["messaging.consumer.group.name"], "storefront-")
	if who := cmp.Or(group, s.Attributes["subgraph"], s.Attributes["graphql.subgraph"]); who != "" {
		return " (" + who + ")"
	}
	return ""
}
