package mongo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/subgraphs/orders"
)

// A use of a code is a document: {code, free}, or {code, cart, at, settled} once a cart has it; at goes when there
// is an order. A code that may be used n times never has more than n of them, since they are counted in the code's
// document before they are made, a few at a time; and a cart has one at most, by a unique index. So each step is
// one conditional update of one document, and none is in the way of another.

const (
	usesAtOnce = 64  // made at a time
	usesSeen   = 100 // free ones looked at
	holdTries  = 200
)

func of(code, cartID string) bson.D {
	return bson.D{{Key: "code", Value: code}, {Key: "cart", Value: cartID}}
}

func (s *Store) HoldDiscount(ctx context.Context, name, cartID string, at time.Time) (bool, error) {
	if held, err := s.holdsAlready(ctx, name, cartID, at); held || err != nil {
		return held, err
	}
	for range holdTries {
		c, err := s.code(ctx, name)
		if err != nil {
			return false, err
		}
		if c.Used > c.Slots { // it has uses from before they were documents
			if held, err := s.holdAgain(ctx, name, cartID, at); held || err != nil {
				return held, err
			}
		}
		if held, err := s.takeFree(ctx, name, cartID, at); held || err != nil {
			return held, err
		}
		switch room := c.room(); {
		case c.Made < c.Slots:
			err = s.makeUses(ctx, c)
		case room == 0: // the last one may be this cart's, by another call
			return s.holdsAlready(ctx, name, cartID, at)
		default: // where another was first, the next look shows what it has made
			_, err = s.discounts.UpdateOne(ctx, bson.D{{Key: "_id", Value: name}, {Key: "used", Value: c.Used}},
				bson.D{{Key: "$inc", Value: bson.D{{Key: "used", Value: room}, {Key: "slots", Value: room}}}})
		}
		if err != nil {
			return false, mongodb.Wrap(err, "make uses of discount %s", name)
		}
	}
	return false, errs.New(errs.Unavailable, "too many at once are using the code %s; try again", name)
}

func (s *Store) holdsAlready(ctx context.Context, name, cartID string, at time.Time) (bool, error) {
	res, err := s.uses.UpdateOne(ctx, of(name, cartID), bson.D{{Key: "$set", Value: bson.D{{Key: "at", Value: at}}}})
	return err == nil && res.MatchedCount == 1, mongodb.Wrap(err, "hold discount %s", name)
}

// room is how many uses may be made at once.
func (c code) room() int {
	if c.UsageLimit == nil {
		return usesAtOnce
	}
	return max(0, min(usesAtOnce, *c.UsageLimit-c.Used))
}

// makeUses makes the documents of the uses that are counted. Whoever finds them not made makes them, so it does not
// matter who does it, and how often.
func (s *Store) makeUses(ctx context.Context, c code) error {
	models := make([]mongo.WriteModel, 0, c.Slots-c.Made)
	for n := c.Made; n < c.Slots; n++ { // in the order of their ids: see mongodb.Bulk
		models = append(models, mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "_id", Value: fmt.Sprintf("%s/%010d", c.Code, n)}}).SetUpsert(true).
			SetUpdate(bson.D{{Key: "$setOnInsert", Value: bson.D{{Key: "code", Value: c.Code}, {Key: "free", Value: true}}}}))
	}
	if _, err := mongodb.Bulk(ctx, s.uses, models); err != nil {
		return err
	}
	_, err := s.discounts.UpdateOne(ctx, bson.D{{Key: "_id", Value: c.Code}}, bson.D{{Key: "$max", Value: bson.D{{Key: "made", Value: c.Slots}}}})
	return err
}

// takeFree gives a cart one of the free uses, any of them, so that many who come at once are not after the same one.
func (s *Store) takeFree(ctx context.Context, name, cartID string, at time.Time) (bool, error) {
	free, err := s.freeUses(ctx, name)
	if err != nil {
		return false, err
	}
	for _, i := range rand.Perm(len(free)) {
		res, err := s.uses.UpdateOne(ctx, bson.D{{Key: "_id", Value: free[i]}, {Key: "free", Value: true}}, bson.D{
			{Key: "$set", Value: bson.D{{Key: "cart", Value: cartID}, {Key: "at", Value: at}}},
			{Key: "$unset", Value: bson.D{{Key: "free", Value: ""}}}})
		if mongo.IsDuplicateKeyError(err) { // another call of this cart was first
			return true, nil
		}
		if err != nil || res.MatchedCount == 1 {
			return err == nil, mongodb.Wrap(err, "hold discount %s", name)
		}
	}
	return false, nil
}

// freeUses are the ids of free ones, of usesSeen at most.
func (s *Store) freeUses(ctx context.Context, name string) ([]string, error) {
	cursor, err := s.uses.Find(ctx, bson.D{{Key: "code", Value: name}, {Key: "free", Value: true}},
		options.Find().SetLimit(usesSeen).SetProjection(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find free uses of discount %s", name)
	}
	var list []struct {
		ID string `bson:"_id"`
	}
	if err := cursor.All(ctx, &list); err != nil {
		return nil, mongodb.Wrap(err, "find free uses of discount %s", name)
	}
	ids := make([]string, len(list))
	for i, use := range list {
		ids[i] = use.ID
	}
	return ids, nil
}

func (s *Store) ConfirmDiscount(ctx context.Context, name, cartID string) error {
	res, err := s.uses.UpdateOne(ctx, of(name, cartID), bson.D{{Key: "$unset", Value: bson.D{{Key: "at", Value: ""}}}})
	if err != nil || res.MatchedCount == 1 {
		return mongodb.Wrap(err, "confirm hold of discount %s", name)
	}
	return s.confirmHold(ctx, name, cartID)
}

func (s *Store) SettleDiscount(ctx context.Context, name, cartID string) error {
	res, err := s.uses.UpdateOne(ctx, of(name, cartID), bson.D{
		{Key: "$set", Value: bson.D{{Key: "settled", Value: true}}}, {Key: "$unset", Value: bson.D{{Key: "at", Value: ""}}}})
	if err != nil || res.MatchedCount == 1 {
		return mongodb.Wrap(err, "settle discount %s", name)
	}
	return s.dropHold(ctx, name, cartID, 0)
}

func (s *Store) ReleaseDiscount(ctx context.Context, name, cartID string) error {
	if released, err := s.releaseUse(ctx, of(name, cartID)); released || err != nil {
		return mongodb.Wrap(err, "release discount %s", name)
	}
	return s.dropHold(ctx, name, cartID, -1)
}

func (s *Store) AbandonDiscount(ctx context.Context, h orders.DiscountHold) error {
	if released, err := s.releaseUse(ctx, append(of(h.Code, h.CartID), bson.E{Key: "at", Value: h.At})); released || err != nil {
		return mongodb.Wrap(err, "release discount %s", h.Code)
	}
	return s.dropHold(ctx, h.Code, h.CartID, -1, bson.E{Key: "at", Value: h.At})
}

func (s *Store) releaseUse(ctx context.Context, filter bson.D) (bool, error) {
	res, err := s.uses.UpdateOne(ctx, append(filter, bson.E{Key: "settled", Value: bson.D{{Key: "$exists", Value: false}}}), bson.D{
		{Key: "$set", Value: bson.D{{Key: "free", Value: true}}},
		{Key: "$unset", Value: bson.D{{Key: "cart", Value: ""}, {Key: "at", Value: ""}}}})
	return err == nil && res.MatchedCount == 1, err
}

func (s *Store) HeldDiscounts(ctx context.Context, before time.Time, limit int) ([]orders.DiscountHold, error) {
	cursor, err := s.uses.Find(ctx, bson.D{{Key: "at", Value: bson.D{{Key: "$lt", Value: before}}}},
		options.Find().SetSort(bson.D{{Key: "at", Value: 1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, mongodb.Wrap(err, "find held discounts")
	}
	list := []orders.DiscountHold{}
	if err := cursor.All(ctx, &list); err != nil {
		return nil, mongodb.Wrap(err, "find held discounts")
	}
	more, err := s.heldBefore(ctx, before, limit)
	return append(list, more...), err
}
