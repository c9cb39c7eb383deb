package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/outbox"
	"storefront/subgraphs/orders"
)

func (s *Store) InsertBasket(ctx context.Context, b *orders.Basket) error {
	return exists(s.baskets.Insert(ctx, b))
}

func (s *Store) Baskets(ctx context.Context, ids []string) (map[string]orders.Basket, error) {
	return s.baskets.GetMany(ctx, ids)
}

func (s *Store) LatestBasket(ctx context.Context, owner string) (orders.Basket, error) {
	return s.baskets.FindOne(ctx, bson.D{{Key: "owner", Value: owner}, {Key: "open", Value: true}},
		options.FindOne().SetSort(bson.D{{Key: "updatedAt", Value: -1}}))
}

func (s *Store) UpdateBasket(ctx context.Context, id string, change func(*orders.Basket) error) (orders.Basket, error) {
	return s.baskets.Update(ctx, id, func(b *orders.Basket) ([]outbox.Event, error) { return nil, change(b) })
}

func (s *Store) Prices(ctx context.Context, skus []string) (map[string]orders.Price, error) {
	return s.prices.GetMany(ctx, skus)
}

func (s *Store) SavePrice(ctx context.Context, sku string, change func(*orders.Price) bool) error {
	_, err := s.prices.Upsert(ctx, sku, func(p *orders.Price, _ bool) ([]outbox.Event, error) {
		if !change(p) {
			return nil, errUnchanged
		}
		return nil, nil
	})
	if err == errUnchanged {
		return nil
	}
	return err
}

type unchanged struct{}

func (unchanged) Error() string { return "nothing to write" }

var errUnchanged error = unchanged{}
