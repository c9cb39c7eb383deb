package graph

import (
	"context"

	"storefront/internal/money"
	"storefront/loaders/page"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/graph/gen"
)

type (
	productFields    struct{ *resolver }
	variantFields    struct{ *resolver }
	collectionFields struct{ *resolver }
	mediaFields      struct{ *resolver }
	entities         struct{ *resolver }
)

func (r *resolver) Product() gen.ProductResolver       { return productFields{r} }
func (r *resolver) Variant() gen.VariantResolver       { return variantFields{r} }
func (r *resolver) Collection() gen.CollectionResolver { return collectionFields{r} }
func (r *resolver) Media() gen.MediaResolver           { return mediaFields{r} }
func (r *resolver) Entity() gen.EntityResolver         { return entities{r} }

func (productFields) Collections(ctx context.Context, p *products.Product) ([]products.Collection, error) {
	ids := make([]string, len(p.Collections))
	for i, handle := range p.Collections {
		ids[i] = products.CollectionID(handle)
	}
	values, found, err := from(ctx).collections.LoadMany(ctx, ids)
	list := make([]products.Collection, 0, len(values))
	for i, c := range values {
		if found[i] {
			list = append(list, c)
		}
	}
	return list, err
}

func (f productFields) PriceRange(ctx context.Context, p *products.Product, currency *string) (*products.PriceRange, error) {
	return f.products.PriceRange(*p, currency), nil
}

func (f variantFields) Price(ctx context.Context, v *products.Variant, currency *string) (*money.Money, error) {
	return f.products.PriceIn(v.Prices, currency), nil
}

func (f variantFields) CompareAtPrice(ctx context.Context, v *products.Variant, currency *string) (*money.Money, error) {
	return f.products.PriceIn(v.CompareAtPrices, currency), nil
}

func (variantFields) Product(ctx context.Context, v *products.Variant) (*products.Product, error) {
	return one(ctx, from(ctx).product, v.ProductID)
}

func (f collectionFields) Products(ctx context.Context, c *products.Collection, first *int, after *string, last *int, before *string) (*products.ProductConnection, error) {
	list, err := f.products.CollectionProducts(ctx, c.Handle, page.Args{First: first, After: after, Last: last, Before: before})
	return &list, err
}

func (f mediaFields) URL(ctx context.Context, m *products.Media) (string, error) {
	return f.products.MediaURL(*m), nil
}

func (entities) FindProduct(ctx context.Context, reps []gen.ProductRepresentation) ([]*products.Product, error) {
	return many(ctx, from(ctx).product, keys(reps, func(r gen.ProductRepresentation) *string { return r.ID }))
}

func (entities) FindCollection(ctx context.Context, reps []gen.CollectionRepresentation) ([]*products.Collection, error) {
	return many(ctx, from(ctx).collections, keys(reps, func(r gen.CollectionRepresentation) *string { return r.ID }))
}

func (entities) FindVariant(ctx context.Context, reps []gen.VariantRepresentation) ([]*products.Variant, error) {
	list, err := many(ctx, from(ctx).sku, keys(reps, func(r gen.VariantRepresentation) *string { return r.Sku }))
	if err != nil {
		return nil, err
	}
	byID, err := many(ctx, from(ctx).variant, keys(reps, func(r gen.VariantRepresentation) *string { return r.ID }))
	for i, v := range byID {
		if reps[i].Sku == nil {
			list[i] = v
		}
	}
	return list, err
}

func keys[R any](reps []R, key func(R) *string) []*string {
	list := make([]*string, len(reps))
	for i, r := range reps {
		list[i] = key(r)
	}
	return list
}
