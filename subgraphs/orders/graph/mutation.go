package graph

import (
	"context"

	"storefront/internal/gql"
	"storefront/internal/postal"
	"storefront/subgraphs/orders"
	"storefront/subgraphs/orders/graph/gen"
)

type mutation struct{ *resolver }

func (r mutation) CartCreate(ctx context.Context, input orders.CartInput) (*gen.CartCreatePayload, error) {
	cart, token, err := r.orders.CreateCart(ctx, input)
	userErrors, err := gql.UserErrors(err)
	payload := &gen.CartCreatePayload{Cart: cart, UserErrors: userErrors}
	if token != "" && cart != nil {
		payload.GuestToken = &token
	}
	return payload, err
}

func (r mutation) CartLinesAdd(ctx context.Context, cartID string, lines []orders.CartLineInput) (*gen.CartPayload, error) {
	return cartPayload(r.orders.AddLines(ctx, cartID, lines))
}

func (r mutation) CartLinesUpdate(ctx context.Context, cartID string, lines []orders.CartLineUpdateInput) (*gen.CartPayload, error) {
	return cartPayload(r.orders.UpdateLines(ctx, cartID, lines))
}

func (r mutation) CartLinesRemove(ctx context.Context, cartID string, lineIds []string) (*gen.CartPayload, error) {
	return cartPayload(r.orders.RemoveLines(ctx, cartID, lineIds))
}

func (r mutation) CartAddressSet(ctx context.Context, cartID string, address postal.Address, email *string) (*gen.CartPayload, error) {
	return cartPayload(r.orders.SetAddress(ctx, cartID, address, email))
}

func (r mutation) CartShippingMethodSet(ctx context.Context, cartID string, rate string) (*gen.CartPayload, error) {
	return cartPayload(r.orders.SetRate(ctx, cartID, rate))
}

func (r mutation) CartDiscountCodeSet(ctx context.Context, cartID string, code *string) (*gen.CartPayload, error) {
	return cartPayload(r.orders.SetDiscountCode(ctx, cartID, code))
}

func (r mutation) CartMerge(ctx context.Context, guestCartID string) (*gen.CartPayload, error) {
	return cartPayload(r.orders.MergeCart(ctx, guestCartID))
}

func (r mutation) PlaceOrder(ctx context.Context, input orders.PlaceOrderInput, idempotencyKey string) (orders.PlaceOrderResult, error) {
	return r.orders.PlaceOrder(ctx, input, idempotencyKey)
}

func (r mutation) OrderCancel(ctx context.Context, id string, reason *string) (*gen.OrderPayload, error) {
	return orderPayload(r.orders.CancelOrder(ctx, id, reason))
}

func (r mutation) OrderLinesReturn(ctx context.Context, id string, lines []orders.ReturnLineInput, reason *string, idempotencyKey string) (*gen.OrderPayload, error) {
	return orderPayload(r.orders.ReturnLines(ctx, id, lines, reason, idempotencyKey))
}

func (r mutation) DiscountCreate(ctx context.Context, input orders.DiscountInput) (*gen.DiscountPayload, error) {
	discount, err := r.orders.CreateDiscount(ctx, input)
	userErrors, err := gql.UserErrors(err)
	return &gen.DiscountPayload{Discount: discount, UserErrors: userErrors}, err
}

func cartPayload(cart *orders.Cart, err error) (*gen.CartPayload, error) {
	userErrors, err := gql.UserErrors(err)
	return &gen.CartPayload{Cart: cart, UserErrors: userErrors}, err
}

func orderPayload(order *orders.Order, err error) (*gen.OrderPayload, error) {
	userErrors, err := gql.UserErrors(err)
	return &gen.OrderPayload{Order: order, UserErrors: userErrors}, err
}
