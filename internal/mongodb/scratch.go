package mongodb

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
)

// Scratch is a database that is one holder's for as long as the holder renews its lease. It is empty when
// it is taken and dropped when it is given back.
type Scratch struct {
	DB     *mongo.Database
	holder string
	lease  time.Duration
}

// The lease is a document of the scratch database itself.
const (
	scratchLeases = "scratch_lease"
	scratchLease  = "holder"
)

// TakeScratch takes db for holder and empties it; Conflict while somebody else holds it. Whoever holds it
// and does not renew it loses it after lease.
func TakeScratch(ctx context.Context, db *mongo.Database, holder string, lease time.Duration) (*Scratch, error) {
	s := &Scratch{DB: db, holder: holder, lease: lease}
	now := time.Now().UTC()
	_, err := db.Collection(scratchLeases).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: scratchLease}, {Key: "until", Value: bson.D{{Key: "$lt", Value: now}}}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "by", Value: holder}, {Key: "until", Value: now.Add(lease)}}}},
		options.UpdateOne().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return nil, errs.New(errs.Conflict, "the scratch database %s is in use; wait until the other replay has ended, or %s after it was killed", db.Name(), lease)
	}
	if err != nil {
		return nil, Wrap(err, "take the scratch database %s", db.Name())
	}
	names, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, Wrap(err, "empty the scratch database %s", db.Name())
	}
	for _, name := range names { // not the whole database: the lease stays
		if name == scratchLeases {
			continue
		}
		if err := db.Collection(name).Drop(ctx); err != nil {
			return nil, Wrap(err, "empty the scratch database %s", db.Name())
		}
	}
	return s, nil
}

// Renew extends the lease; Conflict when it was lost.
func (s *Scratch) Renew(ctx context.Context) error {
	res, err := s.DB.Collection(scratchLeases).UpdateOne(ctx, bson.D{{Key: "_id", Value: scratchLease}, {Key: "by", Value: s.holder}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: time.Now().UTC().Add(s.lease)}}}})
	if err != nil {
		return Wrap(err, "renew the lease of %s", s.DB.Name())
	}
	if res.MatchedCount == 0 {
		return errs.New(errs.Conflict, "the scratch database %s was taken by another replay", s.DB.Name())
	}
	return nil
}

// Drop gives the database up, unless it is somebody else's by now.
func (s *Scratch) Drop(ctx context.Context) error {
	if err := s.Renew(ctx); err != nil {
		return err
	}
	if err := s.DB.Drop(ctx); err != nil {
		return fmt.Errorf("drop %s: %w", s.DB.Name(), err)
	}
	return nil
}
