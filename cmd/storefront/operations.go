package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/mongodb"
	"storefront/internal/operations"
	redisedge "storefront/internal/redis"
	"storefront/router/operation"
	"storefront/router/planner"
	"storefront/router/supergraph"
	"storefront/schema"
)

// OperationsConfig is what `storefront operations publish FILE` takes.
type OperationsConfig struct {
	Client     string `flag:"client" help:"the partner's OIDC client id"`
	Supergraph string `flag:"supergraph" help:"supergraph file to check against; the built-in one when absent"`
	MongoFlags `group:"The running shop's when absent"`
	RedisFlags `group:"The running shop's when absent"`
	DataDir    string `flag:"data-dir" env:"STOREFRONT_DATA_DIR" default:".storefront" help:"the running shop's data folder"`
}

const operationsUsage = `storefront operations publish MANIFEST --client NAME: publishes a partner's persisted operations from a
manifest in Apollo's format. Every operation is checked and planned first; if one is not valid, none is published.`

func runOperations(ctx context.Context, std stdio, args []string) error {
	var cfg OperationsConfig
	rest, err := flags.ParseArgs("operations", operationsUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(rest) != 2 || rest[0] != "publish" || cfg.Client == "" {
		return errs.New(errs.BadInput, "write: storefront operations publish MANIFEST --client NAME")
	}
	data, err := os.ReadFile(rest[1])
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "cannot read the manifest")
	}
	manifest, err := operations.ParseManifest(data)
	if err != nil {
		return err
	}
	if err := checkOperations(cfg.Supergraph, manifest); err != nil {
		return err
	}
	if cfg.MongoDB == "" || cfg.Redis == "" {
		shop, err := running(cfg.DataDir)
		if err != nil {
			return err
		}
		cfg.MongoDB, cfg.MongoPrefix, cfg.Redis = shop.MongoDB, shop.MongoPrefix, shop.Redis
	}
	mongo, err := mongodb.Connect(ctx, cfg.MongoDB, "operations", 10*time.Second)
	if err != nil {
		return err
	}
	defer mongo.Disconnect(context.WithoutCancel(ctx))
	redis, err := redisedge.Connect(ctx, cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.Close()
	store, err := operations.NewStore(ctx, cfg.database(mongo, "router"), redis)
	if err != nil {
		return err
	}
	added, replaced, err := store.Publish(ctx, cfg.Client, manifest.Operations, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "published %d operations for %s: %d new, %d replaced\n", added+replaced, cfg.Client, added, replaced)
	return nil
}

// checkOperations validates and plans each operation, and reports all that fail.
func checkOperations(file string, m operations.Manifest) error {
	sdl := schema.Supergraph
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return errs.Wrap(errs.BadInput, err, "cannot read the supergraph")
		}
		sdl = string(b)
	}
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return inFile(supergraphName(file), err)
	}
	var wrong []string
	for _, o := range m.Operations {
		op, mistakes := operation.Prepare(sg, o.Body, o.Name, operation.DefaultLimits())
		if len(mistakes) > 0 {
			wrong = append(wrong, fmt.Sprintf("  %s (%s): %v", o.Name, o.ID, mistakes))
			continue
		}
		if _, err := planner.Plan(sg, op); err != nil {
			wrong = append(wrong, fmt.Sprintf("  %s (%s): %v", o.Name, o.ID, err))
		}
	}
	if len(wrong) > 0 {
		return errs.New(errs.BadInput, "%d of %d operations are not valid; nothing was published:\n%s", len(wrong), len(m.Operations), strings.Join(wrong, "\n"))
	}
	return nil
}
