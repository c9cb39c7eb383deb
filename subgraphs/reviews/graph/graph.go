// Package graph is reviews' part of the graph.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/loaders"
	"storefront/loaders/page"
	"storefront/subgraphs/reviews"
	"storefront/subgraphs/reviews/graph/gen"
)

// Handler serves the subgraph. Callers wrap it so that only the router reaches it.
func Handler(s *reviews.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: root{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context {
		return context.WithValue(ctx, loadersKey{}, &perRequest{
			ratings: loaders.New(s.Ratings, loaders.Options{}),
			mine:    loaders.New(s.ReviewsOfCaller, loaders.Options{}),
			pages:   loaders.New(s.Pages, loaders.Options{}),
		})
	})
}

type loadersKey struct{}

// perRequest is what one request reads in batches, by product.
type perRequest struct {
	ratings *loaders.Loader[string, reviews.Rating]
	mine    *loaders.Loader[string, reviews.Review]
	pages   *loaders.Loader[reviews.List, reviews.ReviewConnection]
}

func loadersFrom(ctx context.Context) *perRequest { return ctx.Value(loadersKey{}).(*perRequest) }

type root struct{ reviews *reviews.Service }

func (r root) Query() gen.QueryResolver                       { return query{r.reviews} }
func (r root) Mutation() gen.MutationResolver                 { return mutation{r.reviews} }
func (r root) Entity() gen.EntityResolver                     { return entity{r.reviews} }
func (r root) Product() gen.ProductResolver                   { return product{} }
func (r root) ReviewAttachment() gen.ReviewAttachmentResolver { return attachment{r.reviews} }

type query struct{ reviews *reviews.Service }

func (q query) Review(ctx context.Context, id string) (*reviews.Review, error) {
	found, err := q.reviews.Reviews(ctx, []string{id})
	return pick(found, id), err
}

func (q query) ReviewsPending(ctx context.Context, first *int, after *string, last *int, before *string) (*reviews.ReviewConnection, error) {
	return q.reviews.Waiting(ctx, page.Args{First: first, After: after, Last: last, Before: before})
}

type entity struct{ reviews *reviews.Service }

// FindProduct knows every product: one that nobody has reviewed has no reviews.
func (entity) FindProduct(_ context.Context, reps []gen.ProductRepresentation) ([]*reviews.Product, error) {
	list := make([]*reviews.Product, len(reps))
	for i, id := range keys(reps, func(r gen.ProductRepresentation) *string { return r.ID }) {
		list[i] = &reviews.Product{ID: id}
	}
	return list, nil
}

func (e entity) FindReview(ctx context.Context, reps []gen.ReviewRepresentation) ([]*reviews.Review, error) {
	ids := keys(reps, func(r gen.ReviewRepresentation) *string { return r.ID })
	found, err := e.reviews.Reviews(ctx, ids)
	list := make([]*reviews.Review, len(ids))
	for i, id := range ids {
		list[i] = pick(found, id)
	}
	return list, err
}

type product struct{}

func (product) Rating(ctx context.Context, p *reviews.Product) (*reviews.Rating, error) {
	r, _, err := loadersFrom(ctx).ratings.Load(ctx, p.ID)
	return &r, err
}

func (product) Reviews(ctx context.Context, p *reviews.Product, sort reviews.ReviewSort, first *int, after *string, last *int, before *string) (*reviews.ReviewConnection, error) {
	l, err := reviews.ProductList(p.ID, sort, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	c, _, err := loadersFrom(ctx).pages.Load(ctx, l)
	return &c, err
}

func (product) MyReview(ctx context.Context, p *reviews.Product) (*reviews.Review, error) {
	r, ok, err := loadersFrom(ctx).mine.Load(ctx, p.ID)
	if !ok {
		return nil, err
	}
	return &r, nil
}

type attachment struct{ reviews *reviews.Service }

func (a attachment) URL(ctx context.Context, of *reviews.ReviewAttachment) (string, error) {
	return a.reviews.AttachmentURL(ctx, *of)
}

func keys[R any](reps []R, id func(R) *string) []string {
	list := make([]string, len(reps))
	for i, r := range reps {
		if p := id(r); p != nil {
			list[i] = *p
		}
	}
	return list
}

func pick[V any](found map[string]V, id string) *V {
	if v, ok := found[id]; ok {
		return &v
	}
	return nil
}
