package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/subgraphs/orders"
)

// A code's document is an orders.Discount and holds: [{cart, at}], the uses of carts whose order is not
// final yet; at goes once there is an order. A use is counted and held by one conditional update, and
// given back by another.

type held struct {
	Code  string `bson:"_id"`
	Holds []struct {
		Cart string    `bson:"cart"`
		At   time.Time `bson:"at"` // zero once confirmed
	} `bson:"holds"`
}

func (s *Store) InsertDiscount(ctx context.Context, d *orders.Discount) error {
	_, err := s.discounts.InsertOne(ctx, d)
	if mongo.IsDuplicateKeyError(err) {
		return orders.ErrExists
	}
	return mongodb.Wrap(err, "insert discount %s", d.Code)
}

func (s *Store) Discounts(ctx context.Context, codes []string) (map[string]orders.Discount, error) {
	cursor, err := s.discounts.Find(ctx, in("_id", codes), options.Find().SetProjection(bson.D{{Key: "holds", Value: 0}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find discounts")
	}
	var list []orders.Discount
	if err := cursor.All(ctx, &list); err != nil {
		return nil, mongodb.Wrap(err, "find discounts")
	}
	found := make(map[string]orders.Discount, len(list))
	for _, d := range list {
		found[d.Code] = d
	}
	return found, nil
}

func (s *Store) HoldDiscount(ctx context.Context, code, cartID string, at time.Time) (bool, error) {
	found, err := s.Discounts(ctx, []string{code})
	if err != nil {
		return false, err
	}
	d, ok := found[code]
	if !ok {
		return false, errs.New(errs.NotFound, "there is no discount code %s", code)
	}
	filter := bson.D{{Key: "_id", Value: code}, {Key: "holds.cart", Value: bson.D{{Key: "$ne", Value: cartID}}}}
	if d.UsageLimit != nil {
		filter = append(filter, bson.E{Key: "used", Value: bson.D{{Key: "$lt", Value: *d.UsageLimit}}})
	}
	res, err := s.discounts.UpdateOne(ctx, filter, bson.D{
		{Key: "$inc", Value: bson.D{{Key: "used", Value: 1}}},
		{Key: "$push", Value: bson.D{{Key: "holds", Value: bson.D{{Key: "cart", Value: cartID}, {Key: "at", Value: at}}}}},
	})
	if err != nil {
		return false, mongodb.Wrap(err, "hold discount %s", code)
	}
	if res.MatchedCount == 1 {
		return true, nil
	}
	err = s.discounts.FindOne(ctx, bson.D{{Key: "_id", Value: code}, {Key: "holds.cart", Value: cartID}},
		options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, mongodb.Wrap(err, "find hold of discount %s", code)
}

func (s *Store) ConfirmDiscount(ctx context.Context, code, cartID string) error {
	_, err := s.discounts.UpdateOne(ctx, bson.D{{Key: "_id", Value: code}, {Key: "holds.cart", Value: cartID}},
		bson.D{{Key: "$unset", Value: bson.D{{Key: "holds.$[hold].at", Value: ""}}}},
		options.UpdateOne().SetArrayFilters([]any{bson.D{{Key: "hold.cart", Value: cartID}}}))
	return mongodb.Wrap(err, "confirm hold of discount %s", code)
}

func (s *Store) ReleaseDiscount(ctx context.Context, code, cartID string) error {
	return s.dropHold(ctx, code, cartID, -1)
}

func (s *Store) SettleDiscount(ctx context.Context, code, cartID string) error {
	return s.dropHold(ctx, code, cartID, 0)
}

func (s *Store) dropHold(ctx context.Context, code, cartID string, used int) error {
	update := bson.D{{Key: "$pull", Value: bson.D{{Key: "holds", Value: bson.D{{Key: "cart", Value: cartID}}}}}}
	if used != 0 {
		update = append(update, bson.E{Key: "$inc", Value: bson.D{{Key: "used", Value: used}}})
	}
	_, err := s.discounts.UpdateOne(ctx, bson.D{{Key: "_id", Value: code}, {Key: "holds.cart", Value: cartID}}, update)
	return mongodb.Wrap(err, "drop hold of discount %s", code)
}

func (s *Store) HeldDiscounts(ctx context.Context, before time.Time, limit int) ([]orders.DiscountHold, error) {
	cursor, err := s.discounts.Find(ctx, bson.D{{Key: "holds.at", Value: bson.D{{Key: "$lt", Value: before}}}},
		options.Find().SetLimit(int64(limit)).SetProjection(bson.D{{Key: "holds", Value: 1}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find held discounts")
	}
	var docs []held
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, mongodb.Wrap(err, "find held discounts")
	}
	list := []orders.DiscountHold{}
	for _, d := range docs {
		for _, h := range d.Holds {
			if !h.At.IsZero() && h.At.Before(before) {
				list = append(list, orders.DiscountHold{Code: d.Code, CartID: h.Cart, At: h.At})
			}
		}
	}
	return list, nil
}
