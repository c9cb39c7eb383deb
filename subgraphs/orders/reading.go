package orders

import (
	"context"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/loaders/page"
)

// OrderConnection is one page of orders.
type OrderConnection = page.Connection[Order]

// OrderEdge is one order of a page.
type OrderEdge = page.Edge[Order]

// Orders returns the caller's orders among ids, in the order asked; nil for one that is not there or not
// theirs to see.
func (s *Service) Orders(ctx context.Context, ids []string) ([]*Order, error) {
	found, err := s.store.Orders(ctx, ids)
	if err != nil {
		return nil, err
	}
	return visible(ctx, found, ids), nil
}

// OrdersOfCarts returns the orders that carts became, in the order asked; nil where there is none.
func (s *Service) OrdersOfCarts(ctx context.Context, cartIDs []string) ([]*Order, error) {
	found, err := s.store.OrdersByCart(ctx, cartIDs)
	if err != nil {
		return nil, err
	}
	return visible(ctx, found, cartIDs), nil
}

func visible(ctx context.Context, found map[string]Order, keys []string) []*Order {
	who := identity.From(ctx)
	list := make([]*Order, len(keys))
	for i, key := range keys {
		if o, ok := found[key]; ok && who.MaySee(o.Owner) {
			list[i] = &o
		}
	}
	return list
}

// Order returns one order, nil when there is none that the caller may see.
func (s *Service) Order(ctx context.Context, orderID string) (*Order, error) {
	list, err := s.Orders(ctx, []string{orderID})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// MyOrders returns a page of the caller's orders, newest first.
func (s *Service) MyOrders(ctx context.Context, args page.Args) (*OrderConnection, error) {
	owner := identity.From(ctx).Owner()
	if owner == "" {
		return nil, errs.New(errs.Unauthenticated, "sign in, or send the guest token in the header x-guest-token")
	}
	return s.list(ctx, OrderFilter{Owner: owner}, args)
}

// OrdersOf returns a page of a person's orders; NotFound unless the caller is that person or staff.
func (s *Service) OrdersOf(ctx context.Context, owner string, args page.Args) (*OrderConnection, error) {
	if !identity.From(ctx).MaySee(owner) {
		return nil, errs.New(errs.NotFound, "these orders are not yours to see")
	}
	return s.list(ctx, OrderFilter{Owner: owner}, args)
}

// AllOrders returns a page of everyone's orders. Staff only.
func (s *Service) AllOrders(ctx context.Context, status *OrderStatus, args page.Args) (*OrderConnection, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	f := OrderFilter{}
	if status != nil {
		f.Status = *status
	}
	return s.list(ctx, f, args)
}

func (s *Service) list(ctx context.Context, f OrderFilter, args page.Args) (*OrderConnection, error) {
	w, err := args.Window()
	if err != nil {
		return nil, err
	}
	list, err := s.store.ListOrders(ctx, f, w)
	if err != nil {
		return nil, err
	}
	c := page.Of(w, list, func(o Order) string { return page.Cursor(o.ID) })
	return &c, nil
}
