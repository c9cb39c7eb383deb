package consumers

import (
	"context"

	"storefront/events"
	"storefront/subgraphs/shipping"
)

// shippingGroup names shipping's offsets. Renaming it reads every event again.
const shippingGroup = "storefront-shipping"

// Shipping books parcels of orders that are paid, and stops those of orders that are cancelled.
func Shipping(s *shipping.Service) Group {
	h := &Handlers{}
	On(h, s.Place)
	On(h, s.Pay)
	On(h, s.Stop)
	On(h, s.Repeat)
	On(h, func(ctx context.Context, e events.OrderCancelled) error {
		return s.Drop(ctx, e.ID, e.Customer, e.Reason)
	})
	On(h, func(ctx context.Context, e events.OrderRejected) error {
		return s.Drop(ctx, e.ID, e.Customer, e.Reason)
	})
	return Group{ID: shippingGroup, Handlers: h}
}
