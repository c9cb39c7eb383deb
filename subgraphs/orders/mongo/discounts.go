package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/errs"
	"storefront/internal/mongodb"
	"storefront/subgraphs/orders"
)

// code is a discount's document. Its uses are documents of their own (uses.go), so it stays small however many
// orders are open; used counts those that exist, the free ones too.
type code struct {
	orders.Discount `bson:",inline"`
	Slots           int `bson:"slots"` // uses that used counts and that are documents of their own
	Made            int `bson:"made"`  // of these the first so many are there for sure
}

func (s *Store) InsertDiscount(ctx context.Context, d *orders.Discount) error {
	_, err := s.discounts.InsertOne(ctx, d)
	if mongo.IsDuplicateKeyError(err) {
		return orders.ErrExists
	}
	return mongodb.Wrap(err, "insert discount %s", d.Code)
}

func (s *Store) Discounts(ctx context.Context, codes []string) (map[string]orders.Discount, error) {
	list, err := s.codes(ctx, codes)
	found := make(map[string]orders.Discount, len(list))
	for _, c := range list {
		if c.Slots > 0 {
			free, err := s.uses.CountDocuments(ctx, bson.D{{Key: "code", Value: c.Code}, {Key: "free", Value: true}})
			if err != nil {
				return nil, mongodb.Wrap(err, "count free uses of discount %s", c.Code)
			}
			c.Used -= int(free)
		}
		found[c.Code] = c.Discount
	}
	return found, err
}

func (s *Store) codes(ctx context.Context, codes []string) ([]code, error) {
	cursor, err := s.discounts.Find(ctx, in("_id", codes), options.Find().SetProjection(bson.D{{Key: "holds", Value: 0}}))
	if err != nil {
		return nil, mongodb.Wrap(err, "find discounts")
	}
	var list []code
	return list, mongodb.Wrap(cursor.All(ctx, &list), "find discounts")
}

func (s *Store) code(ctx context.Context, name string) (code, error) {
	list, err := s.codes(ctx, []string{name})
	if err != nil {
		return code{}, err
	}
	if len(list) == 0 {
		return code{}, errs.New(errs.NotFound, "there is no discount code %s", name)
	}
	return list[0], nil
}
