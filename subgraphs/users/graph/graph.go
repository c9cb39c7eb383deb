// Package graph is users' part of the graph.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/loaders"
	"storefront/subgraphs/users"
	"storefront/subgraphs/users/graph/gen"
)

// Handler serves the subgraph. Callers wrap it so that only the router reaches it.
func Handler(s *users.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: root{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context {
		return context.WithValue(ctx, loaderKey{}, loaders.New(s.WishlistsOf, loaders.Options{}))
	})
}

type loaderKey struct{}

type root struct{ users *users.Service }

func (r root) Query() gen.QueryResolver               { return query{r.users} }
func (r root) Mutation() gen.MutationResolver         { return mutation{r.users} }
func (r root) Entity() gen.EntityResolver             { return entity{r.users} }
func (r root) User() gen.UserResolver                 { return user{} }
func (r root) WishlistItem() gen.WishlistItemResolver { return wishlistItem{} }

type query struct{ users *users.Service }

func (q query) Me(ctx context.Context) (*users.User, error) { return q.users.Me(ctx) }

func (q query) User(ctx context.Context, id string) (*users.User, error) {
	found, err := q.users.Users(ctx, []string{id})
	return pick(found, id), err
}

type entity struct{ users *users.Service }

func (e entity) FindUser(ctx context.Context, reps []gen.UserRepresentation) ([]*users.User, error) {
	ids := keys(reps, func(r gen.UserRepresentation) *string { return r.ID })
	found, err := e.users.Users(ctx, ids)
	return inOrder(found, ids), err
}

func (e entity) FindWishlist(ctx context.Context, reps []gen.WishlistRepresentation) ([]*users.Wishlist, error) {
	ids := keys(reps, func(r gen.WishlistRepresentation) *string { return r.ID })
	found, err := e.users.Wishlists(ctx, ids)
	return inOrder(found, ids), err
}

type user struct{}

func (user) Wishlists(ctx context.Context, u *users.User) ([]users.Wishlist, error) {
	lists, _, err := ctx.Value(loaderKey{}).(*loaders.Loader[string, []users.Wishlist]).Load(ctx, u.ID)
	return lists, err
}

type wishlistItem struct{}

func (wishlistItem) Variant(_ context.Context, i *users.WishlistItem) (*gen.Variant, error) {
	return &gen.Variant{Sku: i.SKU}, nil
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

func inOrder[V any](found map[string]V, ids []string) []*V {
	list := make([]*V, len(ids))
	for i, id := range ids {
		list[i] = pick(found, id)
	}
	return list
}

func pick[V any](found map[string]V, id string) *V {
	if v, ok := found[id]; ok {
		return &v
	}
	return nil
}
