package consumers

import (
	"context"

	"storefront/events"
	"storefront/subgraphs/inventory"
)

// inventoryGroup names inventory's offsets. Renaming it reads every event again.
const inventoryGroup = "storefront-inventory"

// Inventory holds, confirms, sells and gives back the goods of orders, and learns products' SKUs.
func Inventory(s *inventory.Service) Group {
	h := &Handlers{}
	On(h, s.Describe)
	On(h, s.Reserve)
	On(h, s.Return)
	On(h, func(ctx context.Context, e events.OrderCancelled) error { return s.Cancel(ctx, e.ID, e.Customer) })
	On(h, func(ctx context.Context, e events.OrderStalled) error { return s.Repeat(ctx, e.ID) })
	On(h, func(ctx context.Context, e events.PaymentAuthorized) error { return s.Confirm(ctx, e.OrderID) })
	On(h, func(ctx context.Context, e events.PaymentProcessed) error { return s.Commit(ctx, e.OrderID) })
	On(h, func(ctx context.Context, e events.PaymentFailed) error { return s.FailPayment(ctx, e.OrderID) })
	return Group{ID: inventoryGroup, Handlers: h}
}
