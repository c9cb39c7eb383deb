// Package mongo keeps reviews, ratings, uploads and purchases in MongoDB. All indexes are declared in New.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/subgraphs/reviews"
)

// Store implements reviews.Store.
type Store struct {
	reviews   *mongodb.Aggregates[reviews.Review, *reviews.Review]
	ratings   *mongodb.Aggregates[reviews.Rating, *reviews.Rating]
	purchases *mongodb.Aggregates[reviews.Purchase, *reviews.Purchase]
	uploads   *mongodb.Aggregates[reviews.Uploads, *reviews.Uploads]
}

var _ reviews.Store = (*Store)(nil)

// New makes the indexes and returns the store.
func New(ctx context.Context, db *mongo.Database, now func() time.Time) (*Store, error) {
	const source = "/storefront/reviews"
	s := &Store{
		reviews:   mongodb.NewAggregates[reviews.Review](db.Collection("reviews"), source, now),
		ratings:   mongodb.NewAggregates[reviews.Rating](db.Collection("ratings"), source, now),
		purchases: mongodb.NewAggregates[reviews.Purchase](db.Collection("purchases"), source, now),
		uploads:   mongodb.NewAggregates[reviews.Uploads](db.Collection("uploads"), source, now),
	}
	err := errors.Join(
		s.reviews.EnsureIndexes(ctx,
			mongodb.Index{Name: "newest", Keys: []string{"productId", "status", "-createdAt", "-_id"}},
			mongodb.Index{Name: "rating_desc", Keys: []string{"productId", "status", "-rating", "-createdAt", "-_id"}},
			mongodb.Index{Name: "rating_asc", Keys: []string{"productId", "status", "rating", "-createdAt", "-_id"}},
			mongodb.Index{Name: "status", Keys: []string{"status", "createdAt", "_id"}},
			mongodb.Index{Name: "uncounted", Keys: []string{"uncountedSince"},
				Partial: bson.D{{Key: "uncountedSince", Value: bson.D{{Key: "$exists", Value: true}}}}}),
		s.ratings.EnsureIndexes(ctx),
		mongodb.EnsureIndexes(ctx, s.purchases.Collection(), mongodb.Index{Name: "bought", Keys: []string{"customer", "products"}}),
		mongodb.EnsureIndexes(ctx, s.uploads.Collection(), mongodb.Index{Name: "due", Keys: []string{"dueAt"},
			Partial: bson.D{{Key: "dueAt", Value: bson.D{{Key: "$exists", Value: true}}}}}),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare reviews' database: %w", err)
	}
	return s, nil
}

// Outboxes are what the relay publishes.
func (s *Store) Outboxes() []outbox.Store { return []outbox.Store{s.reviews, s.ratings} }

// Review implements reviews.Store.
func (s *Store) Review(ctx context.Context, id string) (reviews.Review, error) {
	return s.reviews.Get(ctx, id)
}

// Reviews implements reviews.Store.
func (s *Store) Reviews(ctx context.Context, ids []string) (map[string]reviews.Review, error) {
	if len(ids) == 0 {
		return map[string]reviews.Review{}, nil
	}
	return s.reviews.GetMany(ctx, ids)
}

// UpdateReview implements reviews.Store.
func (s *Store) UpdateReview(ctx context.Context, id string, change func(*reviews.Review) ([]outbox.Event, error)) (reviews.Review, error) {
	return s.reviews.Update(ctx, id, change)
}

// UpsertReview implements reviews.Store.
func (s *Store) UpsertReview(ctx context.Context, id string, change func(*reviews.Review, bool) ([]outbox.Event, error)) (reviews.Review, error) {
	return s.reviews.Upsert(ctx, id, change)
}

// Uncounted implements reviews.Store.
func (s *Store) Uncounted(ctx context.Context, t time.Time, limit int) ([]reviews.Review, error) {
	return s.reviews.Find(ctx, bson.D{{Key: "uncountedSince", Value: bson.D{{Key: "$lt", Value: t}}}},
		options.Find().SetSort(bson.D{{Key: "uncountedSince", Value: 1}}).SetLimit(int64(limit)))
}

// Ratings implements reviews.Store.
func (s *Store) Ratings(ctx context.Context, ids []string) (map[string]reviews.Rating, error) {
	return s.ratings.GetMany(ctx, ids)
}

// SaveRating implements reviews.Store. It sets the one mark alone, so that it brings none back that
// was taken off meanwhile.
func (s *Store) SaveRating(ctx context.Context, r reviews.Rating, reviewID string, events ...outbox.Event) (bool, error) {
	if r.Version == 0 {
		err := s.ratings.Insert(ctx, &r, events...)
		if _, taken := errors.AsType[*mongodb.Duplicate](err); taken {
			return false, nil
		}
		return err == nil, err
	}
	update := bson.D{{Key: "$set", Value: bson.D{
		{Key: "histogram", Value: r.Histogram}, {Key: "marks." + reviewID, Value: r.Marks[reviewID]}, {Key: "version", Value: r.Version + 1}}}}
	if len(events) > 0 {
		entries, now, err := s.ratings.Entries(ctx, events...)
		if err != nil {
			return false, err
		}
		update = append(update, mongodb.Push(entries, now)...)
	}
	res, err := s.ratings.Collection().UpdateOne(ctx, bson.D{{Key: "_id", Value: r.ProductID}, {Key: "version", Value: r.Version}}, update)
	if err != nil {
		return false, mongodb.Wrap(err, "save rating of %s", r.ProductID)
	}
	if res.MatchedCount == 1 && len(events) > 0 {
		s.ratings.Wake(r.ProductID)
	}
	return res.MatchedCount == 1, nil
}

// Unmark implements reviews.Store.
func (s *Store) Unmark(ctx context.Context, productID, reviewID string, seq int) error {
	_, err := s.ratings.Collection().UpdateOne(ctx,
		bson.D{{Key: "_id", Value: productID}, {Key: "marks." + reviewID + ".seq", Value: bson.D{{Key: "$lte", Value: seq}}}},
		bson.D{{Key: "$unset", Value: bson.D{{Key: "marks." + reviewID, Value: ""}}}})
	return mongodb.Wrap(err, "unmark rating of %s", productID)
}

// UpsertUploads implements reviews.Store.
func (s *Store) UpsertUploads(ctx context.Context, owner string, change func(*reviews.Uploads) error) (reviews.Uploads, error) {
	return s.uploads.Upsert(ctx, owner, func(u *reviews.Uploads, _ bool) ([]outbox.Event, error) {
		u.ID = owner
		return nil, change(u)
	})
}

// DueUploads implements reviews.Store.
func (s *Store) DueUploads(ctx context.Context, t time.Time, limit int) ([]reviews.Uploads, error) {
	return s.uploads.Find(ctx, bson.D{{Key: "dueAt", Value: bson.D{{Key: "$lte", Value: t}}}},
		options.Find().SetSort(bson.D{{Key: "dueAt", Value: 1}}).SetLimit(int64(limit)))
}

// UpsertPurchase implements reviews.Store.
func (s *Store) UpsertPurchase(ctx context.Context, id string, change func(*reviews.Purchase, bool) ([]outbox.Event, error)) (reviews.Purchase, error) {
	return s.purchases.Upsert(ctx, id, change)
}

// Bought implements reviews.Store.
func (s *Store) Bought(ctx context.Context, customer, productID string) (bool, error) {
	_, err := s.purchases.FindOne(ctx, bson.D{{Key: "customer", Value: customer}, {Key: "products", Value: productID}, {Key: "delivered", Value: true}})
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// What a database that is built anew from events needs.

// PutRating writes a rating as it is.
func (s *Store) PutRating(ctx context.Context, r reviews.Rating) error { return s.ratings.Put(ctx, &r) }

// PutReview writes a review as it is.
func (s *Store) PutReview(ctx context.Context, r reviews.Review) error { return s.reviews.Put(ctx, &r) }

// EachReview reads all reviews.
func (s *Store) EachReview(ctx context.Context, each func(reviews.Review) error) error {
	cursor, err := s.reviews.Collection().Find(ctx, bson.D{})
	if err != nil {
		return mongodb.Wrap(err, "read reviews")
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var r reviews.Review
		if err := cursor.Decode(&r); err != nil {
			return mongodb.Wrap(err, "read reviews")
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return mongodb.Wrap(cursor.Err(), "read reviews")
}
