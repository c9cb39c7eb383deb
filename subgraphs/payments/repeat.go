package payments

import (
	"context"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/outbox"
)

// Repeat says again how far an order's money is, for those who have not heard it. What is under way is
// said once it is done.
func (s *Service) Repeat(ctx context.Context, orderID string) error {
	_, err := s.store.Update(ctx, PaymentID(orderID), func(p *Payment) ([]outbox.Event, error) {
		return p.said(s.clock()), nil
	})
	if errs.Is(err, errs.NotFound) { // nothing was said; the order is placed again
		return nil
	}
	return err
}

// said is what was told when the payment became what it is; empty when an order does not wait for it.
func (p *Payment) said(now time.Time) []outbox.Event {
	switch {
	case p.Status == ActionRequired && p.CalledOff == "" && p.ActionURL != nil:
		return []outbox.Event{events.PaymentActionRequired{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID,
			Customer: p.Customer, URL: *p.ActionURL}}
	case p.Status == Authorized && p.CalledOff == "":
		return []outbox.Event{p.authorized(now)}
	case p.Status == Captured && p.StockConfirmed:
		return []outbox.Event{p.processed(now)}
	case p.Status == Failed && p.FailureCode != nil && p.FailureMessage != nil:
		return []outbox.Event{events.PaymentFailed{Stamp: events.Stamp{At: now}, PaymentID: p.ID, OrderID: p.OrderID,
			Customer: p.Customer, Code: *p.FailureCode, Message: *p.FailureMessage}}
	case (p.Status == Voided || p.Status == Captured) && p.CalledOff == ReservationExpired:
		return []outbox.Event{p.voided(now)}
	}
	return nil
}
