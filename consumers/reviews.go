package consumers

import (
	"context"

	"storefront/events"
	"storefront/subgraphs/reviews"
)

// reviewsGroup names reviews' offsets. Renaming it reads every event again.
const reviewsGroup = "storefront-reviews"

// delivered is an order's status once the customer has the goods.
const delivered = "DELIVERED"

// Reviews learns who has got which product, for the verified-purchase mark.
func Reviews(s *reviews.Service) Group {
	h := &Handlers{}
	On(h, s.Place)
	On(h, func(ctx context.Context, e events.ShipmentDelivered) error {
		return s.Deliver(ctx, e.OrderID, e.Customer)
	})
	On(h, func(ctx context.Context, e events.OrderStatusChanged) error {
		if e.Status != delivered {
			return nil
		}
		return s.Deliver(ctx, e.ID, e.Customer)
	})
	return Group{ID: reviewsGroup, Handlers: h}
}
