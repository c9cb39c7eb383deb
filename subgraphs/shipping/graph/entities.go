package graph

import (
	"context"

	"storefront/internal/money"
	"storefront/internal/postal"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/graph/gen"
)

type entity struct{ shipping *shipping.Service }

// FindCart computes rates from what orders knows of the cart, which comes with the representation.
func (e entity) FindCart(ctx context.Context, reps []gen.CartRepresentation) ([]*gen.Cart, error) {
	list := make([]*gen.Cart, len(reps))
	for i, r := range reps {
		list[i] = &gen.Cart{ID: *r.ID, ShippingRates: []shipping.ShippingRate{}}
		if a := r.ShippingAddress; a != nil && a.Country != nil && r.Grams != nil && r.Subtotal != nil && r.Subtotal.Amount != nil && r.Subtotal.Currency != nil {
			rates, err := e.shipping.Rates(ctx, postal.Address{Country: *a.Country}, *r.Grams, money.New(*r.Subtotal.Amount, *r.Subtotal.Currency))
			if err != nil {
				return nil, err
			}
			list[i].ShippingRates = rates
		}
	}
	return list, nil
}

func (e entity) FindVariant(_ context.Context, reps []gen.VariantRepresentation) ([]*shipping.Variant, error) {
	list := make([]*shipping.Variant, len(reps))
	for i, r := range reps {
		list[i] = &shipping.Variant{SKU: *r.Sku}
		if r.Grams != nil {
			list[i].Grams = *r.Grams
		}
	}
	return list, nil
}

func (e entity) FindOrder(ctx context.Context, reps []gen.OrderRepresentation) ([]*gen.Order, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		ids[i] = shipping.ShipmentID(*r.ID)
	}
	found, err := e.shipping.Shipments(ctx, ids)
	list := make([]*gen.Order, len(reps))
	for i, r := range reps {
		list[i] = &gen.Order{ID: *r.ID}
		if sh, ok := found[ids[i]]; ok {
			list[i].Shipment = &sh
		}
	}
	return list, err
}

func (e entity) FindShipment(ctx context.Context, reps []gen.ShipmentRepresentation) ([]*shipping.Shipment, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		if r.OrderID != nil { // gqlgen sets MatchedKey on a copy, so it says nothing here
			ids[i] = shipping.ShipmentID(*r.OrderID)
		} else {
			ids[i] = *r.ID
		}
	}
	found, err := e.shipping.Shipments(ctx, ids)
	list := make([]*shipping.Shipment, len(reps))
	for i, id := range ids {
		if sh, ok := found[id]; ok {
			list[i] = &sh
		}
	}
	return list, err
}
