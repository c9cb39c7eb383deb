package graph

import (
	"context"

	"storefront/internal/gql"
	"storefront/subgraphs/reviews"
	"storefront/subgraphs/reviews/graph/gen"
)

type mutation struct{ reviews *reviews.Service }

func (m mutation) ReviewSubmit(ctx context.Context, in reviews.ReviewInput) (*gen.ReviewPayload, error) {
	r, err := m.reviews.Submit(ctx, in)
	return payload(ctx, r, err)
}

func (m mutation) ReviewModerate(ctx context.Context, id string, status reviews.ReviewStatus, note *string) (*gen.ReviewPayload, error) {
	r, err := m.reviews.Moderate(ctx, id, status, note)
	return payload(ctx, r, err)
}

func (m mutation) ReviewDelete(ctx context.Context, id string) (*gen.ReviewDeletePayload, error) {
	deleted := &id
	err := m.reviews.Delete(ctx, id)
	if err != nil {
		deleted = nil
	}
	userErrors, err := gql.UserErrors(err)
	return &gen.ReviewDeletePayload{DeletedID: deleted, UserErrors: userErrors}, err
}

func (m mutation) ReviewAttachmentUploadCreate(ctx context.Context, contentType string, byteSize int) (*gen.ReviewUploadPayload, error) {
	upload, err := m.reviews.CreateUpload(ctx, contentType, byteSize)
	userErrors, err := gql.UserErrors(err)
	return &gen.ReviewUploadPayload{Upload: upload, UserErrors: userErrors}, err
}

// payload forgets what the request may have read of the product before.
func payload(ctx context.Context, r *reviews.Review, err error) (*gen.ReviewPayload, error) {
	if r != nil {
		loadersFrom(ctx).ratings.Clear(r.ProductID)
		loadersFrom(ctx).mine.Clear(r.ProductID)
	}
	userErrors, err := gql.UserErrors(err)
	return &gen.ReviewPayload{Review: r, UserErrors: userErrors}, err
}
