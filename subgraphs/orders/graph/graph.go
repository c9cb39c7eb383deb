// Package graph answers the orders subgraph: who is asking, one call of the service, the answer. It holds
// no rule of its own. Enter at Handler; gen is generated from schema/orders.graphqls.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/errs"
	"storefront/internal/gql"
	"storefront/loaders"
	"storefront/loaders/page"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/orders/graph/gen"
)

// Handler serves the subgraph. The caller's identity is in each request's context.
func Handler(s *orders.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: &resolver{orders: s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context { return withLoaders(ctx, s) })
}

type resolver struct{ orders *orders.Service }

func (r *resolver) Cart() gen.CartResolver                 { return cart{r} }
func (r *resolver) CartNotReady() gen.CartNotReadyResolver { return cartNotReady{} }
func (r *resolver) Entity() gen.EntityResolver             { return entity{r} }
func (r *resolver) Mutation() gen.MutationResolver         { return mutation{r} }
func (r *resolver) Query() gen.QueryResolver               { return query{r} }
func (r *resolver) User() gen.UserResolver                 { return user{r} }

type loadersKey struct{}

// perRequest is what one request reads in batches.
type perRequest struct {
	orderOfCart *loaders.Loader[string, *orders.Order]
}

func withLoaders(ctx context.Context, s *orders.Service) context.Context {
	return context.WithValue(ctx, loadersKey{}, &perRequest{
		orderOfCart: loaders.New(func(ctx context.Context, cartIDs []string) (map[string]*orders.Order, error) {
			list, err := s.OrdersOfCarts(ctx, cartIDs)
			found := make(map[string]*orders.Order, len(list))
			for i, o := range list {
				if o != nil {
					found[cartIDs[i]] = o
				}
			}
			return found, err
		}, loaders.Options{}),
	})
}

func loadersFrom(ctx context.Context) *perRequest { return ctx.Value(loadersKey{}).(*perRequest) }

func problems(list []*errs.Error) []gql.UserError {
	out := make([]gql.UserError, len(list))
	for i, e := range list {
		out[i] = gql.UserError{Field: e.Field, Code: string(e.Code), Message: e.Message}
	}
	return out
}

func pageArgs(first *int, after *string, last *int, before *string) page.Args {
	return page.Args{First: first, After: after, Last: last, Before: before}
}
