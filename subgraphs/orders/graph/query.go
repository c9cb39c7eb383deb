package graph

import (
	"context"

	"storefront/internal/gql"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/orders/graph/gen"
)

type query struct{ *resolver }

func (r query) Cart(ctx context.Context, id string) (*orders.Cart, error) {
	return r.orders.Cart(ctx, id)
}

func (r query) MyCart(ctx context.Context) (*orders.Cart, error) { return r.orders.MyCart(ctx) }

func (r query) Order(ctx context.Context, id string) (*orders.Order, error) {
	return r.orders.Order(ctx, id)
}

func (r query) Orders(ctx context.Context, first *int, after *string, last *int, before *string) (*orders.OrderConnection, error) {
	return r.orders.MyOrders(ctx, pageArgs(first, after, last, before))
}

func (r query) AllOrders(ctx context.Context, status *orders.OrderStatus, first *int, after *string, last *int, before *string) (*orders.OrderConnection, error) {
	return r.orders.AllOrders(ctx, status, pageArgs(first, after, last, before))
}

type entity struct{ *resolver }

func (r entity) FindCart(ctx context.Context, reps []gen.CartRepresentation) ([]*orders.Cart, error) {
	return r.orders.Carts(ctx, keys(reps, func(rep gen.CartRepresentation) *string { return rep.ID }))
}

func (r entity) FindOrder(ctx context.Context, reps []gen.OrderRepresentation) ([]*orders.Order, error) {
	return r.orders.Orders(ctx, keys(reps, func(rep gen.OrderRepresentation) *string { return rep.ID }))
}

// FindUser knows nothing of a person but the id; whose orders may be seen is checked in User.orders.
func (r entity) FindUser(_ context.Context, reps []gen.UserRepresentation) ([]*orders.User, error) {
	list := make([]*orders.User, len(reps))
	for i, id := range keys(reps, func(rep gen.UserRepresentation) *string { return rep.ID }) {
		list[i] = &orders.User{ID: id}
	}
	return list, nil
}

func keys[R any](reps []R, id func(R) *string) []string {
	list := make([]string, len(reps))
	for i, rep := range reps {
		if p := id(rep); p != nil {
			list[i] = *p
		}
	}
	return list
}

type cart struct{ *resolver }

func (cart) Problems(_ context.Context, c *orders.Cart) ([]gql.UserError, error) {
	return problems(c.Problems), nil
}

func (cart) Order(ctx context.Context, c *orders.Cart) (*orders.Order, error) {
	o, _, err := loadersFrom(ctx).orderOfCart.Load(ctx, c.ID)
	return o, err
}

type cartNotReady struct{}

func (cartNotReady) Problems(_ context.Context, c *orders.CartNotReady) ([]gql.UserError, error) {
	return problems(c.Problems), nil
}

type user struct{ *resolver }

func (r user) Orders(ctx context.Context, u *orders.User, first *int, after *string, last *int, before *string) (*orders.OrderConnection, error) {
	return r.orders.OrdersOf(ctx, u.ID, pageArgs(first, after, last, before))
}
