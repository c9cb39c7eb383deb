package orders

import (
	"context"
	"time"

	"storefront/internal/poll"
)

const (
	watchEvery = time.Minute
	watchLimit = 1000 // orders and codes looked at in one round
	// holdFor is how long a discount's use is held for a cart that has not become an order.
	holdFor = 10 * time.Minute
)

// Run watches until ctx ends: it reports orders that wait too long for another service, and gives back
// uses of discount codes that no order followed. Several instances may run side by side.
func (s *Service) Run(ctx context.Context) error {
	return poll.Every(ctx, watchEvery, s.log, "watch orders", s.Watch)
}

// Watch is one round of Run.
func (s *Service) Watch(ctx context.Context) error {
	stuck, err := s.store.WaitingOrders(ctx, s.now().Add(-s.stuckAfter), watchLimit)
	if err != nil {
		return err
	}
	s.onStuck(len(stuck))
	if len(stuck) > 0 {
		oldest := stuck[0]
		s.log.WarnContext(ctx, "orders wait too long for another service", "count", len(stuck),
			"oldest", oldest.ID, "status", oldest.Status, "since", oldest.UpdatedAt)
	}
	return s.releaseAbandoned(ctx)
}

// releaseAbandoned gives back what placeOrder held for a cart and then did not order, because it failed
// or was killed in between.
func (s *Service) releaseAbandoned(ctx context.Context) error {
	holds, err := s.store.HeldDiscounts(ctx, s.now().Add(-holdFor), watchLimit)
	if err != nil || len(holds) == 0 {
		return err
	}
	carts := make([]string, len(holds))
	for i, h := range holds {
		carts[i] = h.CartID
	}
	orders, err := s.store.OrdersByCart(ctx, carts)
	if err != nil {
		return err
	}
	for _, h := range holds {
		settle := s.store.ReleaseDiscount
		if _, ordered := orders[h.CartID]; ordered {
			settle = s.store.ConfirmDiscount
		}
		if err := settle(ctx, h.Code, h.CartID); err != nil {
			return err
		}
	}
	return nil
}
