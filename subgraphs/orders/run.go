package orders

import (
	"context"
	"errors"
	"time"

	"storefront/internal/outbox"
	"storefront/internal/poll"
)

const (
	watchEvery = time.Minute
	watchLimit = 1000 // orders and codes looked at in one round
	// holdFor is how long a discount's use is held for a cart that has not become an order.
	holdFor = 10 * time.Minute
)

// Run watches until ctx ends: it resumes orders that stand still, and gives back uses of discount codes
// that no order followed. Several instances may run side by side.
func (s *Service) Run(ctx context.Context) error {
	return poll.Every(ctx, min(watchEvery, s.stuckAfter), s.log, "watch orders", s.Watch)
}

// Watch is one round of Run.
func (s *Service) Watch(ctx context.Context) error {
	return errors.Join(s.resumeStalled(ctx), s.releaseAbandoned(ctx))
}

// resumeStalled does what stall.go says with each order that is due. Whoever comes second finds the order
// not due any more and leaves it.
func (s *Service) resumeStalled(ctx context.Context) error {
	stalled, err := s.store.StalledOrders(ctx, s.now(), watchLimit)
	if err != nil {
		return err
	}
	s.onStuck(len(stalled))
	if len(stalled) == 0 {
		return nil
	}
	var failed []error
	cancelled := 0
	for _, o := range stalled {
		after, err := s.update(ctx, o.ID, func(o *Order) ([]outbox.Event, error) { return o.stalled(s.stuckAfter, s.now()), nil })
		if err != nil {
			failed = append(failed, err)
		} else if after.Status == StatusCancelling && o.Status != StatusCancelling {
			cancelled++
		}
	}
	oldest := stalled[0]
	s.log.WarnContext(ctx, "orders stand still; asked the other services again", "count", len(stalled), "given up", cancelled,
		"failed", len(failed), "oldest", oldest.ID, "status", oldest.Status, "since", oldest.since())
	return errors.Join(failed...)
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
		if o, ordered := orders[h.CartID]; ordered {
			err = s.countDiscount(ctx, o, h.Code)
		} else { // unless a repeat of placeOrder is at it again by now
			err = s.store.AbandonDiscount(ctx, h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
