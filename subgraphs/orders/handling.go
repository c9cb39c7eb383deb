package orders

import (
	"context"
	"unicode/utf8"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/money"
	"storefront/internal/outbox"
)

// CancelOrder asks for an order to be stopped; the owner or staff. The answer is CANCELLING: shipping
// decides, unless the order was on its way out already.
func (s *Service) CancelOrder(ctx context.Context, orderID string, reason *string) (*Order, error) {
	who := identity.From(ctx)
	code, words := "CUSTOMER_REQUEST", "cancelled by the customer"
	if reason != nil && *reason != "" {
		words = *reason
	}
	if err := checkReason(words); err != nil {
		return nil, err
	}
	o, err := s.update(ctx, orderID, func(o *Order) ([]outbox.Event, error) {
		if !who.MaySee(o.Owner) {
			return nil, noOrder()
		}
		by, said := code, words
		if !who.Owns(o.Owner) {
			by = "STAFF_REQUEST"
			if reason == nil || *reason == "" {
				said = "cancelled by the shop"
			}
		}
		return o.requestCancel(by+": "+said, s.now())
	})
	return answer(o, err)
}

// ReturnLines takes back part of a paid order, refunds it and puts it on stock again. Staff only; once
// per idempotency key.
func (s *Service) ReturnLines(ctx context.Context, orderID string, lines []ReturnLineInput, reason *string, key string) (*Order, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	if n := utf8.RuneCountInString(key); n < 8 || n > 255 {
		return nil, errs.Input([]string{"idempotencyKey"}, "an idempotency key has 8 to 255 characters; this has %d", n)
	}
	if len(lines) == 0 || len(lines) > MaxLines {
		return nil, errs.Input([]string{"lines"}, "between 1 and %d lines, please", MaxLines)
	}
	words := "returned"
	if reason != nil && *reason != "" {
		words = *reason
	}
	if err := checkReason(words); err != nil {
		return nil, err
	}
	o, err := s.update(ctx, orderID, func(o *Order) ([]outbox.Event, error) {
		return o.returnLines(lines, words, key, s.now())
	})
	return answer(o, err)
}

func checkReason(reason string) error {
	if utf8.RuneCountInString(reason) > 500 {
		return errs.Input([]string{"reason"}, "a reason has at most 500 characters")
	}
	return nil
}

func noOrder() error {
	return &errs.Error{Code: errs.NotFound, Field: []string{"id"}, Message: "there is no such order"}
}

func answer(o Order, err error) (*Order, error) {
	if errs.Is(err, errs.NotFound) {
		return nil, noOrder()
	}
	if err != nil {
		return nil, err
	}
	return &o, nil
}

// The handlers of the saga's events. Each is safe to repeat.

func (s *Service) StockReserved(ctx context.Context, e events.StockReserved) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.stockReserved(e.ExpiresAt, s.now()) })
}

func (s *Service) StockRejected(ctx context.Context, e events.StockRejected) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.stockRejected(e.Missing, s.now()) })
}

func (s *Service) PaymentActionRequired(ctx context.Context, e events.PaymentActionRequired) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.actionRequired(s.now()) })
}

func (s *Service) PaymentProcessed(ctx context.Context, e events.PaymentProcessed) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.paymentProcessed(s.now()) })
}

func (s *Service) PaymentFailed(ctx context.Context, e events.PaymentFailed) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.paymentFailed(e.Message, s.now()) })
}

// PaymentVoided ends an order whose reservation ran out. A void that follows a cancellation is news to
// nobody.
func (s *Service) PaymentVoided(ctx context.Context, e events.PaymentVoided) error {
	if e.Reason != "RESERVATION_EXPIRED" {
		return nil
	}
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.reservationExpired(s.now()) })
}

func (s *Service) PaymentRefunded(ctx context.Context, e events.PaymentRefunded) error {
	return s.refunded(ctx, e.OrderID, e.Refunded, e.Version)
}

// PaymentRefundFailed notes what did not go back, or came back. The return or the cancellation stays: what is
// owed is between payments and staff.
func (s *Service) PaymentRefundFailed(ctx context.Context, e events.PaymentRefundFailed) error {
	return s.refunded(ctx, e.OrderID, e.Refunded, e.Version)
}

func (s *Service) refunded(ctx context.Context, orderID string, sum events.Money, version int) error {
	return s.move(ctx, orderID, func(o *Order) []outbox.Event {
		o.paymentRefunded(money.Money(sum), version, s.now())
		return nil
	})
}

func (s *Service) ShipmentCreated(ctx context.Context, e events.ShipmentCreated) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.shipmentCreated(s.now()) })
}

func (s *Service) ShipmentInTransit(ctx context.Context, e events.ShipmentInTransit) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.shipmentInTransit(s.now()) })
}

func (s *Service) ShipmentDelivered(ctx context.Context, e events.ShipmentDelivered) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.shipmentDelivered(s.now()) })
}

func (s *Service) ShipmentCancelled(ctx context.Context, e events.ShipmentCancelled) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.shipmentCancelled(s.now()) })
}

func (s *Service) ShipmentCancellationRefused(ctx context.Context, e events.ShipmentCancellationRefused) error {
	return s.move(ctx, e.OrderID, func(o *Order) []outbox.Event { return o.cancellationRefused(s.now()) })
}

// update is how an order is changed: with the time at which Watch looks at it next.
func (s *Service) update(ctx context.Context, orderID string, change func(*Order) ([]outbox.Event, error)) (Order, error) {
	return s.store.UpdateOrder(ctx, orderID, func(o *Order) ([]outbox.Event, error) {
		list, err := change(o)
		o.DueAt = o.due(s.stuckAfter)
		return list, err
	})
}

// move applies a transition; once the order is final, the use of its discount code is settled or given
// back. NotFound when there is no such order: an order is written before anyone hears of it.
func (s *Service) move(ctx context.Context, orderID string, change func(*Order) []outbox.Event) error {
	o, err := s.update(ctx, orderID, func(o *Order) ([]outbox.Event, error) { return change(o), nil })
	if err != nil || o.DiscountCode == "" || !o.Status.Final() {
		return err
	}
	return s.countDiscount(ctx, o, o.DiscountCode)
}

// countDiscount says of the use of a code that an order's cart has taken what the order makes of it.
func (s *Service) countDiscount(ctx context.Context, o Order, code string) error {
	switch {
	case o.DiscountCode != code, o.Status == StatusCancelled, o.Status == StatusRejected:
		return s.store.ReleaseDiscount(ctx, code, o.CartID)
	case o.Status == StatusDelivered:
		return s.store.SettleDiscount(ctx, code, o.CartID)
	}
	return s.store.ConfirmDiscount(ctx, code, o.CartID)
}
