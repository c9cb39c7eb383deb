package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/subgraphs/orders"
)

// Before uses were documents, a code's document had holds: [{cart, at}], the uses of carts whose order was not final,
// all of them counted in used. Nothing is put in any more. What is there stays until its order is final, and then makes
// room for a use that is a document; so old data needs no rewriting, and an older instance beside this one never gives
// out a use too many.

func heldBy(name, cartID string, more ...bson.E) bson.D {
	match := append(bson.D{{Key: "cart", Value: cartID}}, more...)
	return bson.D{{Key: "_id", Value: name}, {Key: "holds", Value: bson.D{{Key: "$elemMatch", Value: match}}}}
}

func (s *Store) changeHold(ctx context.Context, name, cartID string, update bson.D) (bool, error) {
	res, err := s.discounts.UpdateOne(ctx, heldBy(name, cartID), update,
		options.UpdateOne().SetArrayFilters([]any{bson.D{{Key: "hold.cart", Value: cartID}}}))
	return err == nil && res.MatchedCount == 1, mongodb.Wrap(err, "change hold of discount %s", name)
}

func (s *Store) holdAgain(ctx context.Context, name, cartID string, at time.Time) (bool, error) {
	return s.changeHold(ctx, name, cartID, bson.D{{Key: "$set", Value: bson.D{{Key: "holds.$[hold].at", Value: at}}}})
}

func (s *Store) confirmHold(ctx context.Context, name, cartID string) error {
	_, err := s.changeHold(ctx, name, cartID, bson.D{{Key: "$unset", Value: bson.D{{Key: "holds.$[hold].at", Value: ""}}}})
	return err
}

func (s *Store) dropHold(ctx context.Context, name, cartID string, used int, more ...bson.E) error {
	update := bson.D{{Key: "$pull", Value: bson.D{{Key: "holds", Value: bson.D{{Key: "cart", Value: cartID}}}}}}
	if used != 0 {
		update = append(update, bson.E{Key: "$inc", Value: bson.D{{Key: "used", Value: used}}})
	}
	_, err := s.discounts.UpdateOne(ctx, heldBy(name, cartID, more...), update)
	return mongodb.Wrap(err, "drop hold of discount %s", name)
}

// heldBefore lists holds, of at most limit codes.
func (s *Store) heldBefore(ctx context.Context, before time.Time, limit int) ([]orders.DiscountHold, error) {
	cursor, err := s.discounts.Find(ctx, bson.D{{Key: "holds.at", Value: bson.D{{Key: "$lt", Value: before}}}},
		options.Find().SetLimit(int64(limit)).SetProjection(bson.D{{Key: "holds", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find held discounts")
	}
	var docs []struct {
		Code  string `bson:"_id"`
		Holds []struct {
			Cart string    `bson:"cart"`
			At   time.Time `bson:"at"` // zero once confirmed
		} `bson:"holds"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongodb.Wrap(err, "find held discounts")
	}
	var list []orders.DiscountHold
	for _, d := range docs {
		for _, h := range d.Holds {
			if !h.At.IsZero() && h.At.Before(before) {
				list = append(list, orders.DiscountHold{Code: d.Code, CartID: h.Cart, At: h.At})
			}
		}
	}
	return list, nil
}
