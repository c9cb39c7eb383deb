package mongodb

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"storefront/internal/errs"
	"storefront/internal/outbox"
)

// Leases keep the assignment of a service's outboxes in one document of the service's own database:
// whoever reaches the outboxes reaches it.
type Leases struct{ c *mongo.Collection }

var _ outbox.Leases = Leases{}

// NewLeases returns the leases in a service's database.
func NewLeases(db *mongo.Database) Leases { return Leases{db.Collection("leases")} }

const relayLease = "relay"

// Update reads, changes and writes the document on the condition that nobody has written meanwhile.
func (l Leases) Update(ctx context.Context, change func(*outbox.Assignment)) error {
	for range maxTries {
		var a outbox.Assignment
		err := l.c.FindOne(ctx, bson.D{{Key: "_id", Value: relayLease}}).Decode(&a)
		exists := !errors.Is(err, mongo.ErrNoDocuments)
		if err != nil && exists {
			return Wrap(err, "read the leases")
		}
		if a.Holders == nil {
			a.Holders = map[string]time.Time{}
		}
		read := a.Version
		change(&a)
		a.Version = read + 1
		if !exists {
			doc, err := fields(a)
			if err != nil {
				return err
			}
			_, err = l.c.InsertOne(ctx, append(bson.D{{Key: "_id", Value: relayLease}}, doc...))
			if mongo.IsDuplicateKeyError(err) {
				continue
			}
			return Wrap(err, "write the leases")
		}
		res, err := l.c.UpdateOne(ctx, bson.D{{Key: "_id", Value: relayLease}, {Key: "version", Value: read}},
			bson.D{{Key: "$set", Value: a}})
		if err != nil {
			return Wrap(err, "write the leases")
		}
		if res.MatchedCount == 1 {
			return nil
		}
	}
	return errs.New(errs.Unavailable, "too many at once are changing the leases; try again")
}
