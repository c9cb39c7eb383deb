package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"storefront/consumers"
	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/kafka"
	"storefront/internal/telemetry"
)

// OperatorFlags are where commands that look at events find them.
type OperatorFlags struct {
	KafkaFlags `group:"Kafka; the running shop's when absent"`
	DataDir    string `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"the running shop's data folder"`
	LogFlags   `group:"Logs"`
}

// reach is how Kafka is reached: at the brokers that are named, else at the running shop's.
func (c *OperatorFlags) reach(std stdio) (kafka.Config, error) {
	if len(c.Brokers) == 0 {
		shop, err := running(c.DataDir)
		if err != nil {
			return kafka.Config{}, err
		}
		c.Brokers, c.KafkaNamespace = shop.Brokers, shop.KafkaNamespace
	}
	config := c.kafkaConfig(telemetry.NewLogger(std.err, c.LogLevel))
	if err := config.Validate(); err != nil {
		return kafka.Config{}, errs.Wrap(errs.BadInput, err, "cannot connect to Kafka")
	}
	return config, nil
}

// TailConfig is what `storefront events tail` takes.
type TailConfig struct {
	Since time.Duration `flag:"since" help:"begin with what happened this long ago; 0 with what happens from now on"`
	All   bool          `flag:"all" help:"begin with the oldest event"`
	Type  string        `flag:"type" help:"only events whose type has this in its name, such as order or payment.failed"`
	Key   string        `flag:"key" help:"only events of this aggregate, such as ord_..."`
	Limit int           `flag:"limit" help:"end after so many; 0 goes on until Ctrl-C"`
	JSON  bool          `flag:"json" help:"one JSON object a line, with headers"`
	OperatorFlags
}

const tailUsage = `storefront events tail [TOPIC...]: prints events as they happen, of all topics or of those named.
Payment tokens and addresses of mail are left out.`

func runEventsTail(ctx context.Context, std stdio, args []string) error {
	var cfg TailConfig
	topics, err := flags.ParseArgs("events tail", tailUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if topics, err = topicsNamed(topics); err != nil {
		return err
	}
	config, err := cfg.reach(std)
	if err != nil {
		return err
	}
	start := kafka.Start{Oldest: cfg.All}
	if cfg.Since > 0 {
		start.Since = time.Now().Add(-cfg.Since)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	printed := 0
	g, ctx := errgroup.WithContext(ctx)
	for _, topic := range topics {
		reader, err := config.OpenReader(ctx, topic, start)
		if err != nil {
			return errs.Wrap(errs.Unavailable, err, "cannot read %s", topic)
		}
		defer reader.Close()
		g.Go(func() error {
			for {
				select {
				case r, ok := <-reader.Records():
					if !ok {
						return reader.Err()
					}
					if cfg.Key != "" && r.Key != cfg.Key || !strings.Contains(r.Header(events.HeaderType), cfg.Type) {
						continue
					}
					mu.Lock()
					if cfg.Limit == 0 || printed < cfg.Limit {
						printEvent(std.out, r, cfg.JSON)
					}
					if printed++; printed == cfg.Limit {
						stop()
					}
					mu.Unlock()
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
	return g.Wait()
}

// topicsNamed checks names of topics; none means all.
func topicsNamed(names []string) ([]string, error) {
	if len(names) == 0 {
		return events.Topics(), nil
	}
	for _, name := range names {
		if !slices.Contains(events.Topics(), strings.TrimSuffix(name, events.DeadLetterSuffix)) {
			return nil, errs.New(errs.BadInput, "there is no topic %q; topics are %s, and each with %s behind it", name, strings.Join(events.Topics(), ", "), events.DeadLetterSuffix)
		}
	}
	return names, nil
}

func printEvent(w io.Writer, r *kafka.Record, asJSON bool) {
	if asJSON {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = h.Value
		}
		line, err := json.Marshal(map[string]any{"topic": r.Topic, "partition": r.Partition, "offset": r.Offset, "key": r.Key,
			"time": r.Time.UTC(), "headers": headers, "value": json.RawMessage(shown(r.Value))})
		if err == nil {
			fmt.Fprintf(w, "%s\n", line)
		}
		return
	}
	fmt.Fprintf(w, "%s  %s/%d/%d  %s  %s  %s\n", r.Time.UTC().Format("2006-01-02 15:04:05.000"), r.Topic, r.Partition, r.Offset,
		shortType(r.Header(events.HeaderType)), r.Key, shown(r.Value))
}

func shortType(t string) string { return strings.TrimPrefix(t, "storefront.") }

// shown is an event's JSON without what is nobody's business.
func shown(value []byte) []byte {
	var v any
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	if d.Decode(&v) != nil {
		quoted, _ := json.Marshal(telemetry.Scrub(string(value)))
		return quoted
	}
	text, err := json.Marshal(withoutSecrets(v))
	if err != nil {
		return []byte("null")
	}
	return text
}

func withoutSecrets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if key == "paymentToken" || key == "email" || key == "phone" {
				v[key] = "[redacted]"
			} else {
				v[key] = withoutSecrets(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutSecrets(v[i])
		}
	case string:
		return telemetry.Scrub(v)
	}
	return v
}

// GetConfig is what `storefront events get` takes.
type GetConfig struct {
	JSON bool `flag:"json" help:"one JSON object a line"`
	OperatorFlags
}

const getUsage = `storefront events get KEY | TOPIC/PARTITION/OFFSET: prints all events of one aggregate, such as ord_..., in the
order of their times, or the one event at an offset, with its headers.`

func runEventsGet(ctx context.Context, std stdio, args []string) error {
	var cfg GetConfig
	rest, err := flags.ParseArgs("events get", getUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return errs.New(errs.BadInput, "write: storefront events get KEY, such as ord_..., or TOPIC/PARTITION/OFFSET, such as order-events/3/141")
	}
	config, err := cfg.reach(std)
	if err != nil {
		return err
	}
	if place := strings.Split(rest[0], "/"); len(place) == 3 {
		r, err := recordAt(ctx, config, place)
		if err != nil {
			return err
		}
		printWhole(std.out, r, cfg.JSON)
		return nil
	}
	records, err := eventsOf(ctx, config, rest[0])
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return errs.New(errs.NotFound, "there is no event with the key %q", rest[0])
	}
	for _, r := range records {
		printEvent(std.out, r, cfg.JSON)
	}
	return nil
}

// eventsOf reads all events with a key, from all topics, by time.
func eventsOf(ctx context.Context, config kafka.Config, key string) ([]*kafka.Record, error) {
	var mu sync.Mutex
	var records []*kafka.Record
	g, ctx := errgroup.WithContext(ctx)
	for _, topic := range events.Topics() {
		g.Go(func() error {
			return consumers.ReadAll(ctx, config, topic, kafka.Start{Oldest: true}, func(r *kafka.Record) error {
				if r.Key == key {
					mu.Lock()
					records = append(records, r)
					mu.Unlock()
				}
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "cannot read the events")
	}
	slices.SortStableFunc(records, func(a, b *kafka.Record) int { return a.Time.Compare(b.Time) })
	return records, nil
}

func recordAt(ctx context.Context, config kafka.Config, place []string) (*kafka.Record, error) {
	partition, err1 := strconv.ParseInt(place[1], 10, 32)
	offset, err2 := strconv.ParseInt(place[2], 10, 64)
	if err1 != nil || err2 != nil {
		return nil, errs.New(errs.BadInput, "%q is not TOPIC/PARTITION/OFFSET, such as order-events/3/141", strings.Join(place, "/"))
	}
	if _, err := topicsNamed(place[:1]); err != nil {
		return nil, err
	}
	there, err := config.Admin().TopicOffsets(ctx, place[0])
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "cannot read %s", place[0])
	}
	ends, ok := there[int32(partition)]
	if !ok || offset < ends.Oldest || offset >= ends.Newest {
		return nil, errs.New(errs.NotFound, "%s has no such record; partition %d goes from %d to %d", place[0], partition, ends.Oldest, ends.Newest-1)
	}
	reader, err := config.OpenReader(ctx, place[0], kafka.Start{Offsets: map[int32]int64{int32(partition): offset}})
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, err, "cannot read %s", place[0])
	}
	defer reader.Close()
	for {
		select {
		case r, ok := <-reader.Records():
			if !ok {
				return nil, reader.Err()
			}
			if r.Partition == int32(partition) {
				return r, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func printWhole(w io.Writer, r *kafka.Record, asJSON bool) {
	if asJSON {
		printEvent(w, r, true)
		return
	}
	fmt.Fprintf(w, "%s/%d/%d  %s\nkey %s\n", r.Topic, r.Partition, r.Offset, r.Time.UTC().Format(time.RFC3339Nano), r.Key)
	for _, h := range r.Headers {
		fmt.Fprintf(w, "%s: %s\n", h.Key, h.Value)
	}
	var out bytes.Buffer
	if json.Indent(&out, shown(r.Value), "", "  ") == nil {
		fmt.Fprintf(w, "\n%s\n", out.String())
	}
}
