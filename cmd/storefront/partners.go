package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/operations"
	"storefront/internal/partners"
)

const partnersUsage = `storefront partners COMMAND: what is agreed with partners, and their keys.

  set NAME               how much a partner may ask, of all or of one --operation; what is not given stays
  list                   partners, their limits and keys
  key create NAME        another key for one that something was agreed with or that has published operations; its
                         secret is shown this once. Two may be valid at the same time, so that a new one is in use
                         everywhere before the old one is revoked
  key list NAME          a partner's keys, and when each was used last
  key revoke NAME KEY    end a key; every router knows within 3 s, and closes the streams opened with it

A key is sent as "authorization: Bearer sfk_..." or "x-api-key: sfk_...", and in a WebSocket's connection_init.`

// PartnersConfig is what the commands of `storefront partners` take.
type PartnersConfig struct {
	Requests  string   `flag:"requests" help:"requests a partner may send: a rate such as 600/m, none, or default for the router's"`
	Cost      string   `flag:"cost" help:"cost of its operations, a rate such as 60000/m, none, or default for the router's"`
	Operation string   `flag:"operation" help:"id of a published operation that --requests and --cost are for, beside the partner's own"`
	Priority  string   `flag:"priority" oneof:"critical normal low" help:"how soon the router refuses its operations when it has too much to do: critical (last), normal or low (first); normal when nothing was agreed"`
	Scopes    []string `flag:"scope" help:"scope that the partner's keys carry; repeatable, none takes all away"`
	Days      int      `flag:"days" default:"365" max:"36500" help:"how long a new key is valid; 0 is for ever"`
	RouterData

	published *operations.Store
}

func runPartners(ctx context.Context, std stdio, args []string) error {
	var cfg PartnersConfig
	rest, err := flags.ParseArgs("partners", partnersUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	var run func(context.Context, stdio, *partners.Store, []string) error
	want, form := 0, ""
	command := strings.Join(rest[:min(1, len(rest))], "")
	if command == "key" {
		command = strings.Join(rest[:min(2, len(rest))], " ")
	}
	switch command {
	case "set":
		run, want, form = cfg.set, 1, "set NAME [--operation ID] --requests RATE --cost RATE"
	case "list":
		run, form = cfg.list, "list"
	case "key create":
		run, want, form = cfg.createKey, 1, "key create NAME [--days N]"
	case "key list":
		run, want, form = cfg.listKeys, 1, "key list NAME"
	case "key revoke":
		run, want, form = cfg.revokeKey, 2, "key revoke NAME KEY"
	default:
		return errs.New(errs.BadInput, "partners: there is no command %q; write set, list, key create, key list or key revoke, see 'storefront partners --help'", command)
	}
	rest = rest[len(strings.Fields(command)):]
	if len(rest) != want || command == "set" && cfg.Requests == "" && cfg.Cost == "" && cfg.Priority == "" && len(cfg.Scopes) == 0 {
		return errs.New(errs.BadInput, "write: storefront partners %s", form)
	}
	db, key, closeIt, err := cfg.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	if cfg.published, err = operations.NewStore(ctx, db, nil, key(signsOperations)); err != nil {
		return err
	}
	store, err := partners.NewStore(ctx, db, time.Now)
	if err != nil {
		return err
	}
	return run(ctx, std, store, rest)
}

func (c *PartnersConfig) set(ctx context.Context, std stdio, store *partners.Store, args []string) error {
	given := func(limit *string, value string) {
		switch value {
		case "":
		case "default":
			*limit = ""
		default:
			*limit = value
		}
	}
	p, err := store.Set(ctx, args[0], func(p *partners.Partner) {
		switch {
		case len(c.Scopes) == 1 && c.Scopes[0] == "none":
			p.Scopes = nil
		case len(c.Scopes) > 0:
			p.Scopes = c.Scopes
		}
		p.Priority = cmp.Or(c.Priority, p.Priority)
		if c.Operation == "" {
			given(&p.Limits.Requests, c.Requests)
			given(&p.Limits.Cost, c.Cost)
			return
		}
		limits := p.OperationLimits(c.Operation)
		given(&limits.Requests, c.Requests)
		given(&limits.Cost, c.Cost)
		p.SetOperation(c.Operation, limits)
	})
	if err != nil {
		return err
	}
	printPartners(std, p)
	return c.tellUnpublished(ctx, std, p.Name)
}

// tellUnpublished says that nothing is published under the id of --operation: what was agreed may be for another one.
func (c *PartnersConfig) tellUnpublished(ctx context.Context, std stdio, name string) error {
	if c.Operation == "" {
		return nil
	}
	list, err := c.published.List(ctx, name)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(o operations.Published) bool { return o.ID == c.Operation && o.RetiredAt == nil }) {
		fmt.Fprintf(std.err, "note: %s has published no operation with the id %q so far; 'storefront operations list --client %s' shows them\n", name, c.Operation, name)
	}
	return nil
}

// known refuses a name that nobody has heard of: a key of one that was mistyped is good for nothing, and looks well.
func (c *PartnersConfig) known(ctx context.Context, store *partners.Store, name string) error {
	if p, err := store.Find(ctx, name); err != nil || p.Version > 0 {
		return err
	}
	if list, err := c.published.List(ctx, name); err != nil || len(list) > 0 {
		return err
	}
	return errs.New(errs.NotFound, "there is no partner %s: nothing is agreed with it, and it has published nothing; mend the name, or write 'storefront partners set %s --requests 600/m' first", name, name)
}

func (c *PartnersConfig) list(ctx context.Context, std stdio, store *partners.Store, _ []string) error {
	list, err := store.List(ctx)
	if err != nil {
		return err
	}
	printPartners(std, list...)
	return nil
}

func printPartners(std stdio, list ...partners.Partner) {
	t := newTable(std.out, "PARTNER", "OPERATION", "REQUESTS", "COST", "PRIORITY", "KEYS", "SCOPES")
	for _, p := range list {
		valid := 0
		for _, k := range p.Keys {
			if k.Valid(time.Now()) {
				valid++
			}
		}
		t.row(p.Name, "all", cmp.Or(p.Limits.Requests, "default"), cmp.Or(p.Limits.Cost, "default"), cmp.Or(p.Priority, "normal"), valid, strings.Join(p.Scopes, " "))
		for _, o := range p.Operations {
			t.row(p.Name, o.ID, o.Requests, o.Cost, "", "", "")
		}
	}
	t.print()
}

func (c *PartnersConfig) createKey(ctx context.Context, std stdio, store *partners.Store, args []string) error {
	if err := c.known(ctx, store, args[0]); err != nil {
		return err
	}
	secret, k, err := store.CreateKey(ctx, args[0], time.Duration(c.Days)*24*time.Hour)
	if err != nil {
		return err
	}
	until := "for ever"
	if k.ExpiresAt != nil {
		until = "until " + k.ExpiresAt.Format(time.RFC3339)
	}
	fmt.Fprintf(std.err, "key %s of %s, valid %s; this is the only time that its secret is shown:\n", k.ID, args[0], until)
	fmt.Fprintln(std.out, secret)
	return nil
}

func (c *PartnersConfig) listKeys(ctx context.Context, std stdio, store *partners.Store, args []string) error {
	p, err := store.Find(ctx, args[0])
	if err != nil {
		return err
	}
	date := func(t *time.Time) string {
		if t == nil || t.IsZero() {
			return "-"
		}
		return t.UTC().Format(time.RFC3339)
	}
	t := newTable(std.out, "KEY", "VALID", "CREATED", "EXPIRES", "REVOKED", "LAST USED")
	for _, k := range p.Keys {
		used := p.Used[k.ID]
		t.row(k.ID, k.Valid(time.Now()), date(&k.CreatedAt), date(k.ExpiresAt), date(k.RevokedAt), date(&used))
	}
	t.print()
	return nil
}

func (c *PartnersConfig) revokeKey(ctx context.Context, std stdio, store *partners.Store, args []string) error {
	if err := store.RevokeKey(ctx, args[0], args[1]); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "revoked %s of %s\n", args[1], args[0])
	return nil
}
