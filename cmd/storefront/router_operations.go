package main

// Where a router keeps persisted operations: in what it was given, or in memory.

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/mongodb"
	"storefront/internal/operations"
	"storefront/internal/partners"
	redisedge "storefront/internal/redis"
	"storefront/internal/webhooks"
	"storefront/router/gateway"
)

// automaticInMemory is how many automatic persisted queries a router without Redis keeps.
const automaticInMemory = 10_000

// openStores connects to MongoDB, which has the published operations and the partners, and to Redis, which
// has the automatic operations. Without either rc has no store, which is the gateway's own, in memory.
func (c RouterConfig) openStores(ctx context.Context, rc *routerConfig) (closeStore func(context.Context) error, err error) {
	var closers []func(context.Context) error
	closeStore = func(ctx context.Context) error {
		var all []error
		for _, c := range closers {
			all = append(all, c(ctx))
		}
		return errors.Join(all...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeStore(context.WithoutCancel(ctx)))
		}
	}()
	if c.MongoDB == "" && c.Redis == "" {
		return closeStore, nil
	}
	var db *mongo.Database
	if c.MongoDB != "" {
		client, err := mongodb.Connect(ctx, c.MongoDB, "router", 20*time.Second)
		if err != nil {
			return closeStore, err
		}
		closers = append(closers, client.Disconnect)
		db = c.database(client, "router")
		if rc.partners, err = partners.NewStore(ctx, db, time.Now); err != nil {
			return closeStore, err
		}
		if rc.usage, err = c.openUsage(ctx, db); err != nil {
			return closeStore, err
		}
		rc.webhooks = webhooks.NewStore(db, c.key(signsWebhooks), time.Now)
	}
	var cache redis.UniversalClient
	own := &operationStore{}
	if c.Redis != "" {
		if cache, err = redisedge.Connect(ctx, c.Redis); err != nil {
			return closeStore, err
		}
		closers = append(closers, func(context.Context) error { return cache.Close() })
	} else if own.automatic, err = gateway.NewMemoryOperations(automaticInMemory); err != nil {
		return closeStore, err
	}
	if own.store, err = operations.NewStore(ctx, db, cache, c.key(signsOperations)); err != nil {
		return closeStore, err
	}
	rc.operations, rc.redis = own, cache
	return closeStore, nil
}

// operationStore gives the gateway's errors for what is not there.
type operationStore struct {
	store     *operations.Store
	automatic *gateway.MemoryOperations // nil where the store keeps the automatic ones as well
}

func (s *operationStore) Get(ctx context.Context, client, id string) (string, string, error) {
	query, name, err := s.store.Get(ctx, client, id)
	return query, name, gatewayError(err)
}

func (s *operationStore) PutAutomatic(ctx context.Context, sha, query string) error {
	if s.automatic != nil {
		return s.automatic.PutAutomatic(ctx, sha, query)
	}
	return s.store.PutAutomatic(ctx, sha, query)
}

func (s *operationStore) GetAutomatic(ctx context.Context, sha string) (string, error) {
	if s.automatic != nil {
		return s.automatic.GetAutomatic(ctx, sha)
	}
	query, err := s.store.GetAutomatic(ctx, sha)
	return query, gatewayError(err)
}

func gatewayError(err error) error {
	switch {
	case errors.Is(err, operations.ErrNotFound):
		return gateway.ErrOperationNotFound
	case errors.Is(err, operations.ErrRetired):
		return gateway.ErrOperationRetired
	case errors.Is(err, operations.ErrUnsigned):
		return gateway.ErrOperationUnsigned
	}
	return err
}
