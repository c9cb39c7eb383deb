package graph

import (
	"context"

	"storefront/internal/gql"
	"storefront/subgraphs/products"
	"storefront/subgraphs/products/graph/gen"
)

func (r *resolver) Mutation() gen.MutationResolver { return mutation{r} }

type mutation struct{ *resolver }

func (m mutation) ProductCreate(ctx context.Context, input products.ProductInput) (*gen.ProductPayload, error) {
	return payload(ctx)(m.products.CreateProduct(ctx, input))
}

func (m mutation) ProductUpdate(ctx context.Context, id string, input products.ProductUpdateInput) (*gen.ProductPayload, error) {
	return payload(ctx)(m.products.UpdateProduct(ctx, id, input))
}

func (m mutation) ProductPublish(ctx context.Context, id string) (*gen.ProductPayload, error) {
	return payload(ctx)(m.products.PublishProduct(ctx, id))
}

func (m mutation) ProductArchive(ctx context.Context, id string) (*gen.ProductPayload, error) {
	return payload(ctx)(m.products.ArchiveProduct(ctx, id))
}

func (m mutation) ProductsUpsert(ctx context.Context, inputs []products.ProductInput) (*gen.ProductsUpsertPayload, error) {
	did, err := m.products.UpsertProducts(ctx, inputs)
	userErrors, err := gql.UserErrors(err)
	return &gen.ProductsUpsertPayload{Created: did.Created, Updated: did.Updated, Unchanged: did.Unchanged, UserErrors: userErrors}, err
}

func (m mutation) ProductImageUploadCreate(ctx context.Context, productID, contentType string, byteSize int) (*gen.ImageUploadPayload, error) {
	upload, err := m.products.CreateImageUpload(ctx, productID, contentType, byteSize)
	userErrors, err := gql.UserErrors(err)
	return &gen.ImageUploadPayload{Upload: upload, UserErrors: userErrors}, err
}

func (m mutation) ProductImageAttach(ctx context.Context, productID, key string, alt *string) (*gen.ProductPayload, error) {
	return payload(ctx)(m.products.AttachImage(ctx, productID, key, alt))
}

func (m mutation) CollectionCreate(ctx context.Context, input products.CollectionInput) (*gen.CollectionPayload, error) {
	c, err := m.products.CreateCollection(ctx, input)
	userErrors, err := gql.UserErrors(err)
	return &gen.CollectionPayload{Collection: c, UserErrors: userErrors}, err
}

// payload is what every mutation of one product answers. What the request had read of it before is
// forgotten, for the mutations and fields that follow.
func payload(ctx context.Context) func(*products.Product, error) (*gen.ProductPayload, error) {
	return func(p *products.Product, err error) (*gen.ProductPayload, error) {
		if p != nil {
			from(ctx).product.Clear(p.ID)
		}
		userErrors, err := gql.UserErrors(err)
		return &gen.ProductPayload{Product: p, UserErrors: userErrors}, err
	}
}
