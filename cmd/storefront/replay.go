package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"storefront/internal/client"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/identity"
	"storefront/internal/replay"
	"storefront/internal/telemetry"
)

// ReplayConfig is what `storefront replay-orders` takes.
type ReplayConfig struct {
	ShopFlags
	File        string        `flag:"file" help:"Online Retail lines, CSV or CSV.gz"`
	Speed       string        `flag:"speed" default:"max" help:"max, or how much faster than then, such as 60x"`
	Limit       int           `flag:"limit" default:"0" help:"the first invoices of the file, 0 for all"`
	StockShare  float64       `flag:"stock-share" default:"0.9" help:"share of what the invoices ask for that is put on stock, 0 to 1"`
	Concurrency int           `flag:"concurrency" default:"8" help:"customers that order at once"`
	Settle      time.Duration `flag:"settle" default:"30m" help:"how long orders may take to become final at the end"`
}

const replayUsage = `storefront replay-orders --file FILE: replays the invoices of an Online Retail file as orders of their
customers. Products and stock are put in first. The same command again goes on where it stopped, and places nothing twice.`

func runReplay(ctx context.Context, std stdio, args []string) error {
	var cfg ReplayConfig
	rest, err := flags.ParseArgs("replay-orders", replayUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if cfg.File == "" && len(rest) == 1 {
		cfg.File, rest = rest[0], nil
	}
	speed, err := cfg.check(rest)
	if err != nil {
		return err
	}
	if err := cfg.complete(); err != nil {
		return err
	}
	invoices, err := replay.Read(cfg.File, cfg.Limit)
	if err != nil {
		return err
	}
	occasion := fmt.Sprintf("%s:%d:%g", invoices.Name, cfg.Limit, cfg.StockShare)
	result, err := replay.Run(ctx, replay.Config{
		Invoices: invoices, Staff: cfg.staff(2 * cfg.Concurrency), Guest: client.New(cfg.Router+"/graphql", cfg.Concurrency, nil),
		Customer:   func(number string) string { return identity.UserID(cfg.Issuer, "retail-"+number) },
		GuestToken: func(invoice string) string { return cfg.sign("guest " + invoice)[:32] },
		Journal:    filepath.Join(cfg.DataDir, "replay", cfg.sign("journal " + invoices.Name)[:12]+".jsonl"),
		Speed:      speed, StockShare: cfg.StockShare, Occasion: occasion, Concurrency: cfg.Concurrency, Settle: cfg.Settle,
		Out: std.err, Terminal: telemetry.IsTerminal(std.err),
	})
	result.Print(std.out)
	if err != nil {
		return fmt.Errorf("%w; run the same command again to go on", err)
	}
	return nil
}

func (cfg ReplayConfig) check(rest []string) (speed float64, err error) {
	switch {
	case cfg.File == "" || len(rest) > 0:
		return 0, errs.New(errs.BadInput, "name one file: storefront replay-orders --file FILE")
	case cfg.Limit < 0 || cfg.StockShare < 0 || cfg.StockShare > 1:
		return 0, errs.New(errs.BadInput, "--limit is not below 0, --stock-share between 0 and 1")
	case cfg.Concurrency < 1 || cfg.Concurrency > 256:
		return 0, errs.New(errs.BadInput, "--concurrency is between 1 and 256")
	case cfg.Speed == "max":
		return 0, nil
	}
	speed, err = strconv.ParseFloat(strings.TrimSuffix(cfg.Speed, "x"), 64)
	if err != nil || speed <= 0 {
		return 0, errs.New(errs.BadInput, "--speed %q: write max, or a factor such as 60x", cfg.Speed)
	}
	return speed, nil
}

// sign makes what only this shop's command line can: the tokens of guests, the journal's name. A shop
// that was begun afresh has another secret, so its journal is another too.
func (cfg ReplayConfig) sign(what string) string {
	mac := hmac.New(sha256.New, []byte(cfg.Key))
	mac.Write([]byte(what))
	sum := mac.Sum(nil)
	if strings.HasPrefix(what, "journal") {
		return hex.EncodeToString(sum)
	}
	return base32.StdEncoding.EncodeToString(sum)
}
