// Package graph is the products subgraph: resolvers of at most ten lines over the service, and the
// loaders that each request gets. Enter at Handler; the generated part is in gen.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/loaders"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/graph/gen"
)

// Handler serves the subgraph.
func Handler(s *products.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: &resolver{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context {
		return context.WithValue(ctx, loadersKey{}, newLoaders(s))
	})
}

type loadersKey struct{}

// requestLoaders batch and remember what one request reads.
type requestLoaders struct {
	product     *loaders.Loader[string, products.Product] // by id
	handle      *loaders.Loader[string, products.Product]
	sku         *loaders.Loader[string, products.Variant]
	variant     *loaders.Loader[string, products.Variant] // by id
	collections *loaders.Loader[string, products.Collection]
}

func newLoaders(s *products.Service) *requestLoaders {
	return &requestLoaders{
		product:     loaders.New(s.ProductsByID, loaders.Options{}),
		handle:      loaders.New(s.ProductsByHandle, loaders.Options{}),
		sku:         loaders.New(s.VariantsBySKU, loaders.Options{}),
		variant:     loaders.New(s.VariantsByID, loaders.Options{}),
		collections: loaders.New(s.CollectionsByID, loaders.Options{}),
	}
}

func from(ctx context.Context) *requestLoaders { return ctx.Value(loadersKey{}).(*requestLoaders) }

// one loads a thing that may not be there: nil then.
func one[V any](ctx context.Context, l *loaders.Loader[string, V], key string) (*V, error) {
	v, ok, err := l.Load(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	return &v, nil
}

// many loads things in the order of their keys: nil for one that is not there, or has no key.
func many[V any](ctx context.Context, l *loaders.Loader[string, V], keys []*string) ([]*V, error) {
	var asked []string
	for _, k := range keys {
		if k != nil {
			asked = append(asked, *k)
		}
	}
	values, found, err := l.LoadMany(ctx, asked)
	if err != nil {
		return nil, err
	}
	list := make([]*V, len(keys))
	n := 0
	for i, k := range keys {
		if k == nil {
			continue
		}
		if found[n] {
			list[i] = &values[n]
		}
		n++
	}
	return list, nil
}
