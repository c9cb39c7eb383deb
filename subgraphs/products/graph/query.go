package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"storefront/internal/errs"
	"storefront/loaders/page"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/graph/gen"
)

type resolver struct{ products *products.Service }

func (r *resolver) Query() gen.QueryResolver { return query{r} }

type query struct{ *resolver }

func (q query) Product(ctx context.Context, id, handle *string) (*products.Product, error) {
	if err := oneOf(id, handle); err != nil {
		return nil, err
	}
	if id != nil {
		return one(ctx, from(ctx).product, *id)
	}
	return one(ctx, from(ctx).handle, *handle)
}

func (q query) Products(ctx context.Context, first *int, after *string, last *int, before *string, status *products.Status) (*products.ProductConnection, error) {
	c, err := q.products.Products(ctx, page.Args{First: first, After: after, Last: last, Before: before}, status)
	return &c, err
}

func (q query) Variant(ctx context.Context, sku string) (*products.Variant, error) {
	return one(ctx, from(ctx).sku, sku)
}

func (q query) ProductSearch(ctx context.Context, text string, filter *products.ProductFilter, sort products.ProductSort, currency *string, first *int, after *string) (*products.ProductSearch, error) {
	return q.products.SearchProducts(ctx, products.SearchInput{
		Query: text, Filter: filter, Sort: sort, Currency: currency, First: first, After: after,
		Facets: slices.Contains(graphql.CollectAllFields(ctx), "facets"),
	})
}

func (q query) ProductSuggestions(ctx context.Context, prefix string, first int) ([]products.ProductSuggestion, error) {
	return q.products.SuggestProducts(ctx, prefix, first)
}

func (q query) Collection(ctx context.Context, id, handle *string) (*products.Collection, error) {
	if err := oneOf(id, handle); err != nil {
		return nil, err
	}
	if id != nil {
		return one(ctx, from(ctx).collections, *id)
	}
	return one(ctx, from(ctx).collections, products.CollectionID(*handle))
}

func (q query) Collections(ctx context.Context, first *int, after *string, last *int, before *string) (*products.CollectionConnection, error) {
	c, err := q.products.Collections(ctx, page.Args{First: first, After: after, Last: last, Before: before})
	return &c, err
}

func oneOf(id, handle *string) error {
	if (id == nil) == (handle == nil) {
		return errs.Input([]string{"id"}, "give either id or handle")
	}
	return nil
}
