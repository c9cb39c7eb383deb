package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/mongodb"
	"storefront/internal/operations"
)

const operationsUsage = `storefront operations COMMAND --client NAME: the persisted operations of partners.

  publish MANIFEST   make a manifest the client's next release. It may be Apollo's, Relay's or one of GraphQL
                     Code Generator's client preset. Every operation is checked and planned first; if one is
                     not valid, none is published. Ids stay until they are retired
  diff MANIFEST      what publishing it would add and change, and which ids it no longer has
  list               releases and operations; without --client, of every client
  retire ID...       end operations: whoever calls one is told so`

// RouterData is where the router keeps what is told it by commands, and what that is signed with.
type RouterData struct {
	MongoFlags `group:"The running shop's when absent"`
	Secret     string `flag:"secret" env:"STOREFRONT_SECRET" help:"the shop's secret; read from the data folder when absent"`
	DataDir    string `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"the running shop's data folder"`
}

// connect connects to the router's database.
func (c *RouterData) connect(ctx context.Context) (db *mongo.Database, closeIt func(), err error) {
	if c.MongoDB == "" {
		shop, err := running(c.DataDir)
		if err != nil {
			return nil, nil, err
		}
		c.MongoDB, c.MongoPrefix = shop.MongoDB, shop.MongoPrefix
	}
	client, err := mongodb.Connect(ctx, c.MongoDB, "commands", 10*time.Second)
	if err != nil {
		return nil, nil, err
	}
	return c.database(client, "router"), func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }, nil
}

// open is connect for what is signed with the shop's secret.
func (c *RouterData) open(ctx context.Context) (db *mongo.Database, key func(purpose string) []byte, closeIt func(), err error) {
	if c.MongoDB == "" { // before the secret is missed
		if _, err := running(c.DataDir); err != nil {
			return nil, nil, nil, err
		}
	}
	if c.Secret == "" {
		if c.Secret, err = shopsSecret(c.DataDir); err != nil {
			return nil, nil, nil, err
		}
	}
	secret := SecretFlags{c.Secret}
	if err := secret.checkSecret(); err != nil {
		return nil, nil, nil, err
	}
	db, closeIt, err = c.connect(ctx)
	return db, secret.key, closeIt, err
}

// OperationsConfig is what the commands of `storefront operations` take.
type OperationsConfig struct {
	Client     string `flag:"client" help:"the partner's client id"`
	Supergraph string `flag:"supergraph" help:"supergraph file to check against; the built-in one when absent"`
	RouterData
}

// open returns the store of operations.
func (c *OperationsConfig) open(ctx context.Context) (*operations.Store, func(), error) {
	db, key, closeIt, err := c.RouterData.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	store, err := operations.NewStore(ctx, db, nil, key(signsOperations))
	if err != nil {
		closeIt()
		return nil, nil, err
	}
	return store, closeIt, nil
}

// signsOperations is what the key of published operations is for; see SecretFlags.key.
const signsOperations = "operations"

func runOperations(ctx context.Context, std stdio, args []string) error {
	var cfg OperationsConfig
	rest, err := flags.ParseArgs("operations", operationsUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	command := ""
	if len(rest) > 0 {
		command, rest = rest[0], rest[1:]
	}
	switch {
	case (command == "publish" || command == "diff") && (len(rest) != 1 || cfg.Client == ""):
		return errs.New(errs.BadInput, "write: storefront operations %s MANIFEST --client NAME", command)
	case command == "list" && len(rest) > 0:
		return errs.New(errs.BadInput, "write: storefront operations list [--client NAME]")
	case command == "retire" && (len(rest) == 0 || cfg.Client == ""):
		return errs.New(errs.BadInput, "write: storefront operations retire ID... --client NAME")
	case strings.ContainsFunc(cfg.Client, func(r rune) bool { return r < ' ' }):
		return errs.New(errs.BadInput, "--client %q has a control character in it", cfg.Client)
	}
	switch command {
	case "publish":
		return cfg.publish(ctx, std, rest[0])
	case "diff":
		return cfg.diff(ctx, std, rest[0])
	case "list":
		return cfg.list(ctx, std)
	case "retire":
		return cfg.retire(ctx, std, rest)
	}
	return errs.New(errs.BadInput, "operations: there is no command %q; write publish, diff, list or retire, see 'storefront operations --help'", command)
}

func readManifest(file string) (operations.Manifest, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return operations.Manifest{}, errs.Wrap(errs.BadInput, err, "cannot read the manifest")
	}
	return operations.ParseManifest(data)
}

func (c *OperationsConfig) publish(ctx context.Context, std stdio, file string) error {
	m, err := readManifest(file)
	if err != nil {
		return err
	}
	weights, err := checkOperations(c.Supergraph, m)
	if err != nil {
		return err
	}
	store, closeIt, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	d, release, err := store.Publish(ctx, c.Client, m, time.Now())
	if err != nil {
		return err
	}
	printWeights(std.out, weights)
	if d.None() {
		fmt.Fprintf(std.out, "release %d of %s is this manifest already; nothing has changed\n", release.Number, c.Client)
		return nil
	}
	fmt.Fprintf(std.out, "published release %d of %s, a manifest of %s: %d new, %d changed, %d as before\n",
		release.Number, c.Client, m.Format, len(d.Added), len(d.Changed), d.Same)
	if n := len(d.Missing); n > 0 {
		fmt.Fprintf(std.out, "%d published before are not in it and stay; 'storefront operations diff' names them, 'retire' ends them\n", n)
	}
	return nil
}

func (c *OperationsConfig) diff(ctx context.Context, std stdio, file string) error {
	m, err := readManifest(file)
	if err != nil {
		return err
	}
	store, closeIt, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	d, err := store.Diff(ctx, c.Client, m)
	if err != nil {
		return err
	}
	for _, o := range d.Added {
		fmt.Fprintf(std.out, "+ %s %s\n", o.ID, o.Name)
	}
	for _, o := range d.Changed {
		fmt.Fprintf(std.out, "~ %s %s\n", o.ID, o.Name)
	}
	for _, o := range d.Missing {
		fmt.Fprintf(std.out, "- %s %s, of release %d: stays until it is retired\n", o.ID, o.Name, o.Release)
	}
	fmt.Fprintf(std.out, "%d new, %d changed, %d as before, %d no longer in it\n", len(d.Added), len(d.Changed), d.Same, len(d.Missing))
	return nil
}

func (c *OperationsConfig) list(ctx context.Context, std stdio) error {
	store, closeIt, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	releases, err := store.Releases(ctx, c.Client)
	if err != nil {
		return err
	}
	published, err := store.List(ctx, c.Client)
	if err != nil {
		return err
	}
	t := newTable(std.out, "CLIENT", "RELEASE", "PUBLISHED", "FORMAT", "OPERATIONS", "SIGNATURE")
	for _, r := range releases {
		t.row(r.Client, r.Number, r.At.Format(time.RFC3339), r.Format, r.Operations, map[bool]string{true: "holds", false: "does not hold"}[r.Signed])
	}
	t.print()
	fmt.Fprintln(std.out)
	t = newTable(std.out, "CLIENT", "ID", "NAME", "KIND", "RELEASE", "RETIRED")
	for _, o := range published {
		retired := "-"
		if o.RetiredAt != nil {
			retired = o.RetiredAt.UTC().Format(time.RFC3339)
		}
		t.row(o.Client, o.ID, o.Name, o.Type, o.Release, retired)
	}
	t.print()
	return nil
}

func (c *OperationsConfig) retire(ctx context.Context, std stdio, ids []string) error {
	store, closeIt, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	if err := store.Retire(ctx, c.Client, ids, time.Now()); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "retired %d operations of %s; every router knows within 10 s\n", len(ids), c.Client)
	return nil
}
