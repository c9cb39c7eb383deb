// Package mongodb is the edge to the document database: connecting, indexes, and Aggregates, the one
// way in which a service keeps an aggregate together with its outbox.
//
// It keeps to what MongoDB, Amazon DocumentDB and the embedded store all do: conditional updates of one
// document and unique indexes; no transactions, no pipelines.
package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"storefront/internal/errs"
)

// Connect opens a client and waits until the server answers, at most timeout. An error says which
// address did not answer.
func Connect(ctx context.Context, uri, appName string, timeout time.Duration) (*mongo.Client, error) {
	opts := options.Client().ApplyURI(uri).SetAppName(appName).
		SetServerSelectionTimeout(5 * time.Second).
		SetConnectTimeout(5 * time.Second).
		SetTimeout(30 * time.Second).
		SetMaxPoolSize(64).
		SetWriteConcern(writeconcern.Majority()). // an acknowledged write survives a fail-over
		SetReadConcern(readconcern.Local()).
		SetRetryWrites(false) // Amazon DocumentDB has none; conditional updates are repeated by us
	if err := opts.Validate(); err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the MongoDB address is not valid; it looks like mongodb://host:27017")
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, fmt.Errorf("connect to MongoDB: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := client.Ping(ctx, nil); err != nil {
		client.Disconnect(context.WithoutCancel(ctx))
		return nil, errs.Wrap(errs.Unavailable, err, "no MongoDB answers at %v; start it or mend --mongodb-uri", opts.Hosts)
	}
	return client, nil
}

// Index is one index of a collection. Keys are field names; a leading "-" sorts downwards.
type Index struct {
	Name    string
	Keys    []string
	Unique  bool
	Partial bson.D        // only documents that match are in it
	Expire  time.Duration // documents go this long after the time in the first key; 0 keeps them
}

// EnsureIndexes makes indexes that are not there yet.
func EnsureIndexes(ctx context.Context, c *mongo.Collection, indexes ...Index) error {
	models := make([]mongo.IndexModel, len(indexes))
	for i, x := range indexes {
		keys := bson.D{}
		for _, k := range x.Keys {
			if k[0] == '-' {
				keys = append(keys, bson.E{Key: k[1:], Value: -1})
			} else {
				keys = append(keys, bson.E{Key: k, Value: 1})
			}
		}
		o := options.Index().SetName(x.Name)
		if x.Unique {
			o.SetUnique(true)
		}
		if x.Partial != nil {
			o.SetPartialFilterExpression(x.Partial)
		}
		if x.Expire > 0 {
			o.SetExpireAfterSeconds(int32(x.Expire / time.Second))
		}
		models[i] = mongo.IndexModel{Keys: keys, Options: o}
	}
	if len(models) == 0 {
		return nil
	}
	if _, err := c.Indexes().CreateMany(ctx, models); err != nil {
		return fmt.Errorf("make indexes of %s: %w", c.Name(), err)
	}
	return nil
}

// Wrap gives a driver's error its code: a database that is away, or whose primary is giving up, is
// Unavailable, a missing document NotFound; all else is internal.
func Wrap(err error, format string, args ...any) error {
	switch what := fmt.Sprintf(format, args...); {
	case err == nil:
		return nil
	case err == mongo.ErrNoDocuments:
		return errs.Wrap(errs.NotFound, err, "%s: not found", what)
	case mongo.IsNetworkError(err), mongo.IsTimeout(err), failsOver(err):
		return errs.Wrap(errs.Unavailable, fmt.Errorf("%s: %w", what, err), "the database is away; try again in a moment")
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// failsOver reports whether a server refuses because it is no primary any more, or is about to end: the codes
// are those of the specification "Server Discovery And Monitoring".
func failsOver(err error) bool {
	e, answered := errors.AsType[mongo.ServerError](err)
	if !answered {
		return false
	}
	return slices.ContainsFunc([]int{
		91,    // ShutdownInProgress
		189,   // PrimarySteppedDown
		10058, // LegacyNotPrimary
		10107, // NotWritablePrimary
		11600, // InterruptedAtShutdown
		11602, // InterruptedDueToReplStateChange
		13435, // NotPrimaryNoSecondaryOk
		13436, // NotPrimaryOrSecondary
	}, e.HasErrorCode)
}
