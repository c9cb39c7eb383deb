// Package mongo keeps products and collections in MongoDB, Amazon DocumentDB or the embedded store.
//
// One document per product with its variants and its outbox. Handles and SKUs are unique by index. All
// indexes are declared in New, the way in.
package mongo

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/loaders/page"
	"storefront/subgraphs/products"
)

const source = "/storefront/products"

// Names of the unique indexes, by which a refused write is told apart.
const (
	handleIndex = "handle"
	skuIndex    = "sku"
)

// Store is products.Store.
type Store struct {
	products    *mongodb.Aggregates[products.Product, *products.Product]
	collections *mongodb.Aggregates[products.Collection, *products.Collection]
}

var _ products.Store = (*Store)(nil)

// New returns the store in db, with its indexes made.
func New(ctx context.Context, db *driver.Database, now func() time.Time) (*Store, error) {
	s := &Store{
		products:    mongodb.NewAggregates[products.Product](db.Collection("products"), source, now),
		collections: mongodb.NewAggregates[products.Collection](db.Collection("collections"), source, now),
	}
	err := s.products.EnsureIndexes(ctx,
		mongodb.Index{Name: handleIndex, Keys: []string{"handle"}, Unique: true},
		mongodb.Index{Name: skuIndex, Keys: []string{"variants.sku"}, Unique: true},
		mongodb.Index{Name: "variant", Keys: []string{"variants.id"}},
		mongodb.Index{Name: "status", Keys: []string{"status", "_id"}},
		mongodb.Index{Name: "collection", Keys: []string{"collections", "_id"}},
	)
	if err != nil {
		return nil, err
	}
	return s, s.collections.EnsureIndexes(ctx, mongodb.Index{Name: handleIndex, Keys: []string{"handle"}, Unique: true})
}

// Outboxes are what the relay publishes from. Collections cause no events.
func (s *Store) Outboxes() []outbox.Store { return []outbox.Store{s.products} }

// ProductsByID implements products.Store.
func (s *Store) ProductsByID(ctx context.Context, ids []string) (map[string]products.Product, error) {
	if len(ids) == 0 {
		return map[string]products.Product{}, nil
	}
	return s.products.GetMany(ctx, ids)
}

// ProductsByHandle implements products.Store.
func (s *Store) ProductsByHandle(ctx context.Context, handles []string) (map[string]products.Product, error) {
	return s.by(ctx, "handle", handles, func(p products.Product) []string { return []string{p.Handle} })
}

// ProductsBySKU implements products.Store.
func (s *Store) ProductsBySKU(ctx context.Context, skus []string) (map[string]products.Product, error) {
	return s.by(ctx, "variants.sku", skus, products.Product.SKUs)
}

// ProductsByVariant implements products.Store.
func (s *Store) ProductsByVariant(ctx context.Context, ids []string) (map[string]products.Product, error) {
	return s.by(ctx, "variants.id", ids, func(p products.Product) []string {
		keys := make([]string, len(p.Variants))
		for i, v := range p.Variants {
			keys[i] = v.ID
		}
		return keys
	})
}

// by reads the products that have one of keys in field, by those keys.
func (s *Store) by(ctx context.Context, field string, keys []string, keysOf func(products.Product) []string) (map[string]products.Product, error) {
	found := make(map[string]products.Product, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	list, err := s.products.Find(ctx, bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: keys}}}})
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		for _, key := range keysOf(p) {
			if slices.Contains(keys, key) {
				found[key] = p
			}
		}
	}
	return found, nil
}

// ListProducts implements products.Store.
func (s *Store) ListProducts(ctx context.Context, f products.ListFilter, w page.Window) ([]products.Product, error) {
	filter := bson.D{}
	if f.Collection != "" {
		filter = append(filter, bson.E{Key: "collections", Value: f.Collection})
	}
	if f.Status != "" {
		filter = append(filter, bson.E{Key: "status", Value: f.Status})
	}
	filter, sort := window(filter, "_id", w)
	return s.products.Find(ctx, filter, sort)
}

// ListCollections implements products.Store.
func (s *Store) ListCollections(ctx context.Context, w page.Window) ([]products.Collection, error) {
	filter, sort := window(bson.D{}, "handle", w)
	return s.collections.Find(ctx, filter, sort)
}

// window narrows filter to what comes after w's cursor, and sorts and limits by field.
func window(filter bson.D, field string, w page.Window) (bson.D, options.Lister[options.FindOptions]) {
	order, after := 1, "$gt"
	if w.Backward {
		order, after = -1, "$lt"
	}
	if w.Cursor != nil {
		filter = append(filter, bson.E{Key: field, Value: bson.D{{Key: after, Value: w.Cursor[0]}}})
	}
	return filter, options.Find().SetSort(bson.D{{Key: field, Value: order}}).SetLimit(int64(w.Size + 1))
}

// InsertProduct implements products.Store.
func (s *Store) InsertProduct(ctx context.Context, p *products.Product, events ...outbox.Event) error {
	return taken(s.products.Insert(ctx, p, events...))
}

// UpdateProduct implements products.Store.
func (s *Store) UpdateProduct(ctx context.Context, id string, change func(*products.Product) ([]outbox.Event, error)) (products.Product, error) {
	p, err := s.products.Update(ctx, id, change)
	return p, taken(err)
}

// taken names the unique index that refused a write.
func taken(err error) error {
	if d, ok := errors.AsType[*mongodb.Duplicate](err); ok {
		switch d.Index {
		case handleIndex:
			return products.ErrHandleTaken
		case skuIndex:
			return products.ErrSKUTaken
		}
	}
	return err
}

// CollectionsByID implements products.Store.
func (s *Store) CollectionsByID(ctx context.Context, ids []string) (map[string]products.Collection, error) {
	if len(ids) == 0 {
		return map[string]products.Collection{}, nil
	}
	return s.collections.GetMany(ctx, ids)
}

// InsertCollection implements products.Store. A collection's id follows from its handle, so whichever
// index refuses it means the same.
func (s *Store) InsertCollection(ctx context.Context, c *products.Collection) (bool, error) {
	err := s.collections.Insert(ctx, c)
	if _, ok := errors.AsType[*mongodb.Duplicate](err); ok {
		return false, nil
	}
	return err == nil, err
}
