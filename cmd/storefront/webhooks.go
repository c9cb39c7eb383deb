package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/operations"
	"storefront/internal/webhooks"
	"storefront/router/gateway"
)

const webhooksUsage = `storefront webhooks COMMAND: results of partners' subscriptions, delivered by signed HTTPS calls after
https://www.standardwebhooks.com.

  create PARTNER URL --operation ID   deliver the results of one of its published subscriptions; prints the secret
                                      that calls are signed with. The first result is the state as it is
  list                                webhooks, of all partners or of --partner, and how they are doing
  replay ID --from CURSOR             deliver again what came after a cursor (each message has its own), and go on
                                      with a webhook that is disabled; without --from, begin with the state as it is
  disable ID                          deliver no more
  verify --secret-of-webhook SECRET   for who receives: reads a call from standard input, its three webhook- headers,
                                      an empty line and the body, and says whether it is the shop's. With --receive
                                      it is a receiver itself, and prints the calls that come

A receiver has 15 s to answer with a status of 200 to 299. Else the same message, with the same webhook-id, comes
again, ever less often, for 24 h; after that, or after status 410, the webhook is disabled.`

// WebhooksConfig is what the commands of `storefront webhooks` take.
type WebhooksConfig struct {
	Operation  string `flag:"operation" help:"id of a published subscription"`
	Variables  string `flag:"variables" default:"{}" help:"its variables, a JSON object"`
	Supergraph string `flag:"supergraph" help:"supergraph file to check the variables by; the built-in one when absent"`
	Partner    string `flag:"partner" help:"list only this partner's"`
	From       string `flag:"from" help:"cursor of the last message that is not wanted again"`
	Signing    string `flag:"secret-of-webhook" env:"STOREFRONT_WEBHOOK_SECRET" help:"whsec_..., as create has printed it"`
	Receive    string `flag:"receive" help:"with verify: wait for calls at this address, such as 127.0.0.1:4030"`
	Calls      int    `flag:"calls" default:"0" help:"with --receive: end after so many; 0 goes on until Ctrl-C"`
	RouterData
}

func runWebhooks(ctx context.Context, std stdio, args []string) error {
	var cfg WebhooksConfig
	rest, err := flags.ParseArgs("webhooks", webhooksUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	command := ""
	if len(rest) > 0 {
		command, rest = rest[0], rest[1:]
	}
	forms := map[string]struct {
		args int
		form string
	}{"create": {2, "create PARTNER URL --operation ID --variables JSON"}, "list": {0, "list [--partner NAME]"}, "replay": {1, "replay ID --from CURSOR"},
		"disable": {1, "disable ID"}, "verify": {0, "verify --secret-of-webhook SECRET"}}
	form, known := forms[command]
	if !known {
		return errs.New(errs.BadInput, "webhooks: there is no command %q; write create, list, replay, disable or verify, see 'storefront webhooks --help'", command)
	}
	if len(rest) != form.args || command == "create" && cfg.Operation == "" || command == "verify" && cfg.Signing == "" {
		return errs.New(errs.BadInput, "write: storefront webhooks %s", form.form)
	}
	if command == "verify" && cfg.Receive != "" {
		return receiveCalls(ctx, std, cfg.Receive, cfg.Signing, cfg.Calls)
	}
	if command == "verify" {
		return verifyCall(std, os.Stdin, cfg.Signing)
	}
	db, key, closeIt, err := cfg.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	store := webhooks.NewStore(db, key(signsWebhooks), time.Now)
	switch command {
	case "create":
		published, err := operations.NewStore(ctx, db, nil, key(signsOperations))
		if err != nil {
			return err
		}
		return cfg.create(ctx, std, store, published, rest[0], rest[1])
	case "replay":
		if cfg.From != "" && gateway.CheckCursor(key(signsCursors), cfg.From) != nil {
			return errs.New(errs.BadInput, "--from %s is no cursor of this shop's; each message of a webhook has one, to be given as it is", cfg.From)
		}
		if err := store.Replay(ctx, rest[0], cfg.From); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s goes on from there within seconds\n", rest[0])
		return nil
	case "disable":
		if err := store.Disable(ctx, rest[0]); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "%s is disabled; 'storefront webhooks replay' enables it again\n", rest[0])
		return nil
	}
	return cfg.list(ctx, std, store)
}

// What the keys of webhooks and of cursors are for; see SecretFlags.key.
const (
	signsWebhooks = "webhooks"
	signsCursors  = "cursor"
)

func (c *WebhooksConfig) create(ctx context.Context, std stdio, store *webhooks.Store, published *operations.Store, partner, address string) error {
	list, err := published.List(ctx, partner)
	if err != nil {
		return err
	}
	kind := ""
	var chosen operations.Operation
	for _, o := range list {
		if o.ID == c.Operation && o.RetiredAt == nil {
			kind, chosen = o.Type, o.Operation
		}
	}
	switch kind {
	case "":
		return errs.New(errs.BadInput, "%s has published no operation with the id %q; 'storefront operations list --client %s' shows them", partner, c.Operation, partner)
	case "subscription":
	default:
		return errs.New(errs.BadInput, "%s is a %s; a webhook delivers the results of a subscription", c.Operation, kind)
	}
	sg, err := supergraphOf(c.Supergraph)
	if err != nil {
		return err
	}
	if err := checkVariables(sg, chosen, c.Variables); err != nil {
		return err
	}
	w, err := store.Create(ctx, partner, address, c.Operation, c.Variables)
	if err != nil {
		return err
	}
	if strings.HasPrefix(address, "http:") {
		fmt.Fprintln(std.err, "without TLS, only receivers in the networks of the router's --webhook-allow are called")
	}
	fmt.Fprintf(std.err, "webhook %s of %s; its calls are signed with:\n", w.ID, partner)
	fmt.Fprintln(std.out, store.Secret(w.ID))
	return nil
}

func (c *WebhooksConfig) list(ctx context.Context, std stdio, store *webhooks.Store) error {
	list, err := store.List(ctx, c.Partner)
	if err != nil {
		return err
	}
	t := newTable(std.out, "WEBHOOK", "PARTNER", "OPERATION", "URL", "STATE", "DELIVERED", "ATTEMPTS", "CURSOR", "LAST ERROR")
	for _, w := range list {
		state, attempts := "active", 0
		if w.LastError != "" {
			state = "failing"
		}
		if w.Pending != nil && w.Pending.Attempts > 0 {
			state, attempts = "retrying", w.Pending.Attempts
		}
		if w.DisabledAt != nil {
			state = "disabled"
		}
		t.row(w.ID, w.Partner, w.Operation, w.URL, state, w.Delivered, attempts, w.Cursor, w.LastError)
	}
	t.print()
	return nil
}
