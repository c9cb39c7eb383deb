package consumers

import (
	"context"

	"storefront/events"
	"storefront/subgraphs/payments"
)

// paymentsGroup names payments' offsets. Renaming it reads every event again.
const paymentsGroup = "storefront-payments"

// Payments takes, and gives back, the money of orders as their goods are held, confirmed and released.
func Payments(s *payments.Service) Group {
	h := &Handlers{}
	On(h, s.Place)
	On(h, s.Hold)
	On(h, s.Confirm)
	On(h, s.Release)
	On(h, s.Return)
	On(h, func(ctx context.Context, e events.OrderStalled) error { return s.Repeat(ctx, e.ID) })
	On(h, func(ctx context.Context, e events.OrderCancelled) error { return s.Cancel(ctx, e.ID, e.Customer) })
	On(h, func(ctx context.Context, e events.OrderRejected) error { return s.Cancel(ctx, e.ID, e.Customer) })
	return Group{ID: paymentsGroup, Handlers: h}
}
