package consumers

import (
	"context"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/subgraphs/orders"
)

// OrdersGroup names the committed offsets of the orders service; renaming it reads everything again.
const OrdersGroup = "storefront-orders"

// Orders moves orders through their states, and keeps the prices that carts are made of.
func Orders(s *orders.Service) Group {
	h := &Handlers{}
	On(h, s.ProductChanged)
	On(h, ofOrder(s.StockReserved))
	On(h, ofOrder(s.StockRejected))
	On(h, ofOrder(s.PaymentActionRequired))
	On(h, ofOrder(s.PaymentProcessed))
	On(h, ofOrder(s.PaymentFailed))
	On(h, ofOrder(s.PaymentVoided))
	On(h, ofOrder(s.PaymentRefunded))
	On(h, ofOrder(s.PaymentRefundFailed))
	On(h, ofOrder(s.ShipmentCreated))
	On(h, ofOrder(s.ShipmentInTransit))
	On(h, ofOrder(s.ShipmentDelivered))
	On(h, ofOrder(s.ShipmentCancelled))
	On(h, ofOrder(s.ShipmentCancellationRefused))
	return Group{ID: OrdersGroup, Handlers: h}
}

// ofOrder makes an order that is not there a permanent error: an order is written before anyone hears of
// it, so it will not come later.
func ofOrder[E events.Event](handle func(context.Context, E) error) func(context.Context, E) error {
	return func(ctx context.Context, e E) error {
		err := handle(ctx, e)
		if errs.Is(err, errs.NotFound) {
			return Permanent(err)
		}
		return err
	}
}
