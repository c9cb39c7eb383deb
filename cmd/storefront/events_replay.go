package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/id"
	"storefront/internal/kafka"
	"storefront/internal/mongodb"
	"storefront/internal/telemetry"
)

// EventsReplayConfig is what `storefront events replay` takes.
type EventsReplayConfig struct {
	Compare  bool          `flag:"compare" help:"only compare; the live state stays as it is"`
	Since    string        `flag:"since" help:"read from this time on, RFC 3339 or how long ago, on top of a copy of the live state; everything when absent"`
	Offset   []string      `flag:"offset" help:"read from TOPIC/PARTITION/OFFSET on, such as order-events/3/141, on top of a copy of the live state; repeatable; partitions not named are read from their ends"`
	Passes   int           `flag:"passes" default:"10" help:"how often what changed meanwhile is looked at again, at most"`
	Wait     time.Duration `flag:"wait" default:"10s" help:"--compare: how long what is under way may take to agree"`
	Examples int           `flag:"examples" default:"5" help:"differences to print"`
	MailFrom string        `flag:"mail-from" env:"STOREFRONT_MAIL_FROM" default:"Storefront <shop@storefront.example>" help:"sender of mails, whose name is in what people are told"`
	Router   string        `flag:"router" env:"STOREFRONT_ROUTER" help:"search: the router, http://host:port; the running shop's when absent"`
	Currency string        `flag:"currency" env:"STOREFRONT_CURRENCY" default:"EUR" help:"search: the currency in which prices are compared"`

	MongoFlags `group:"MongoDB; the running shop's when absent"`
	OperatorFlags
}

const eventsReplayUsage = `storefront events replay MODEL...: rebuilds what a service keeps because of events from the topics, beside the live
state, compares the two, and replaces what differs, document by document, while the shop goes on. Nothing is
sent, charged or booked. With --compare it replaces nothing and fails when there are differences. MODEL is one of
%s
or all. The search index is in the memory of each products process, which rebuilds it at every start: it can be
compared, and a restart replaces it. The MongoDB user needs a scratch database of the name of the service's with
_replay behind it, which is dropped afterwards.`

func runEventsReplay(ctx context.Context, std stdio, args []string) error {
	var cfg EventsReplayConfig
	var list []string
	for _, m := range consumers.ReadModels() {
		list = append(list, fmt.Sprintf("  %-14s %s", m.Name, m.About))
	}
	names, err := flags.ParseArgs("events replay", fmt.Sprintf(eventsReplayUsage, strings.Join(list, "\n")), &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	models, err := modelsNamed(names)
	if err != nil {
		return err
	}
	start, err := cfg.start()
	if err != nil {
		return err
	}
	if cfg.Passes < 1 || cfg.Examples < 0 || cfg.Wait < 0 {
		return errs.New(errs.BadInput, "--passes is at least 1, --examples and --wait are not below 0")
	}
	if cfg.MongoDB == "" {
		shop, err := running(cfg.DataDir)
		if err != nil {
			return err
		}
		cfg.MongoDB, cfg.MongoPrefix = shop.MongoDB, shop.MongoPrefix
	}
	config, err := cfg.reach(std)
	if err != nil {
		return err
	}
	client, err := mongodb.Connect(ctx, cfg.MongoDB, "replay", 5*time.Second)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "no shop's database answers; start one with 'storefront up'")
	}
	defer client.Disconnect(context.WithoutCancel(ctx))
	wrong := 0
	for _, m := range models {
		n, err := cfg.replay(ctx, std, client, config, m, start)
		if err != nil {
			return fmt.Errorf("replay %s: %w", m.Name, err)
		}
		wrong += n
	}
	if wrong > 0 {
		return fmt.Errorf("%d differences", wrong)
	}
	return nil
}

func modelsNamed(names []string) ([]consumers.ReadModel, error) {
	all := consumers.ReadModels()
	if len(names) == 1 && names[0] == "all" {
		return all, nil
	}
	var known []string
	for _, m := range all {
		known = append(known, m.Name)
	}
	var chosen []consumers.ReadModel
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, errs.New(errs.BadInput, "events replay: there is no read model %q; there are %s, and all", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	if len(chosen) == 0 {
		return nil, errs.New(errs.BadInput, "name what to rebuild: %s, or all", strings.Join(known, ", "))
	}
	return chosen, nil
}

// start is where the topics are read from, nil for their beginning.
func (c EventsReplayConfig) start() (*consumers.ReplayStart, error) {
	if c.Since == "" && len(c.Offset) == 0 {
		return nil, nil
	}
	var s consumers.ReplayStart
	if c.Since != "" {
		if ago, err := time.ParseDuration(c.Since); err == nil && ago > 0 {
			s.Since = time.Now().Add(-ago)
		} else if s.Since, err = time.Parse(time.RFC3339, c.Since); err != nil {
			return nil, errs.New(errs.BadInput, "--since %q: write a time such as 2026-03-04T10:00:00Z, or how long ago, such as 36h", c.Since)
		}
	}
	for _, text := range c.Offset {
		place := strings.Split(text, "/")
		if len(place) != 3 {
			return nil, errs.New(errs.BadInput, "--offset %q is not TOPIC/PARTITION/OFFSET, such as order-events/3/141", text)
		}
		partition, err1 := strconv.ParseInt(place[1], 10, 32)
		offset, err2 := strconv.ParseInt(place[2], 10, 64)
		if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
			return nil, errs.New(errs.BadInput, "--offset %q is not TOPIC/PARTITION/OFFSET, such as order-events/3/141", text)
		}
		if _, err := topicsNamed(place[:1]); err != nil {
			return nil, err
		}
		if s.Offsets == nil {
			s.Offsets = map[string]map[int32]int64{}
		}
		if s.Offsets[place[0]] == nil {
			s.Offsets[place[0]] = map[int32]int64{}
		}
		s.Offsets[place[0]][int32(partition)] = offset
	}
	return &s, nil
}

// A replay that was killed gives its scratch database up after scratchLease.
const (
	scratchLease = time.Minute
	scratchRenew = scratchLease / 4
)

// replay does one model, and returns how many differences are left.
func (c EventsReplayConfig) replay(ctx context.Context, std stdio, client *mongo.Client, config kafka.Config, m consumers.ReadModel, start *consumers.ReplayStart) (int, error) {
	if m.Views == nil {
		return c.replaySearch(ctx, std, config, m, start)
	}
	live := c.database(client, m.Service)
	scratch, err := mongodb.TakeScratch(ctx, client.Database(live.Name()+"_replay"), id.New("rpl"), scratchLease)
	if err != nil {
		return 0, err
	}
	left := 0
	err = consumers.Hold(ctx, scratch, scratchRenew, func(ctx context.Context) error {
		bars := newReplayBars(std, m.Name)
		defer bars.done()
		r, err := consumers.NewReplay(ctx, consumers.ReplayConfig{Model: m, Kafka: config, Shadow: mongodb.Shadow{Live: live, Scratch: scratch.DB},
			Start: start, MailFrom: c.MailFrom, Log: telemetry.NewLogger(std.err, c.LogLevel), Progress: bars.show})
		if err != nil {
			return err
		}
		if c.Compare {
			found, err := r.Compare(ctx, c.Wait)
			bars.done()
			if err != nil {
				return err
			}
			left = len(found.Differences)
			fmt.Fprintf(std.out, "%s: %d records, %s\n", m.Name, r.Read(), found)
			c.print(std, found, r)
			return nil
		}
		s, err := r.Swap(ctx, c.Passes)
		bars.done()
		if err != nil {
			return err
		}
		left = len(s.Left)
		fmt.Fprintf(std.out, "%s: %d records, %s; %d replaced, %d left\n", m.Name, r.Read(), s.Found, s.Replaced, left)
		c.print(std, s.Found, r)
		if left > 0 {
			fmt.Fprintln(std.out, "  left, since they changed all the time, or since the service made them and no event tells of them:")
			c.print(std, consumers.Comparison{Differences: s.Left}, r)
		}
		return nil
	})
	return left, err
}

func (c EventsReplayConfig) print(std stdio, found consumers.Comparison, r *consumers.Replay) {
	for _, d := range found.Differences[:min(c.Examples, len(found.Differences))] {
		fmt.Fprintln(std.out, " ", telemetry.Scrub(d.String()))
	}
	if failed := r.Failed(); len(failed) > 0 {
		fmt.Fprintf(std.out, "  %d events cannot be handled, and had no effect; the live service has them among its dead letters (storefront events dlq):\n", len(failed))
		for _, text := range failed[:min(c.Examples, len(failed))] {
			fmt.Fprintln(std.out, "   ", telemetry.Scrub(text))
		}
	}
}
