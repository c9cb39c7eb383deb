package payments

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/money"
	"storefront/internal/outbox"
	"storefront/loaders/page"
)

// PaymentConnection is one page of payments.
type PaymentConnection = page.Connection[Payment]

// PaymentEdge is one payment of a page.
type PaymentEdge = page.Edge[Payment]

const (
	maxReason = 500 // characters
	maxKey    = 200
)

// Configuration is what a client needs to collect a payment method.
func (s *Service) Configuration() *PaymentConfiguration {
	c := s.gateway.Configuration()
	if c.TestTokens == nil {
		c.TestTokens = []TestToken{}
	}
	return &c
}

// Payments returns the caller's own among those with these ids; staff see all. One of which only the
// end is known, because its order has not come yet, is not shown.
func (s *Service) Payments(ctx context.Context, ids []string) (map[string]Payment, error) {
	found, err := s.store.Payments(ctx, ids)
	who := identity.From(ctx)
	for id, p := range found {
		if !p.Placed || !who.MaySee(p.Customer) {
			delete(found, id)
		}
	}
	return found, err
}

// FailedRefunds are the payments with a refund that the gateway refused for good and nothing took the place of,
// newest first. Staff only.
func (s *Service) FailedRefunds(ctx context.Context, args page.Args) (*PaymentConnection, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	w, err := args.Window()
	if err != nil {
		return nil, err
	}
	list, err := s.store.FailedRefunds(ctx, w)
	if err != nil {
		return nil, err
	}
	c := page.Of(w, list, func(p Payment) string { return page.Cursor(p.ID) })
	return &c, nil
}

// FailureReason is why a refund failed, for staff; nil for others and for one that did not.
func (r Refund) FailureReason(ctx context.Context) *string {
	if r.Failure == "" || identity.From(ctx).RequireStaff() != nil {
		return nil
	}
	return &r.Failure
}

// Refund gives back captured money, for staff: amount, or all that is left when it is nil. The same key
// refunds once; with another amount it is a Conflict.
func (s *Service) Refund(ctx context.Context, id string, amount *money.Money, reason, key string) (*Payment, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	reason, key = strings.TrimSpace(reason), strings.TrimSpace(key)
	switch n := utf8.RuneCountInString(reason); {
	case n == 0 || n > maxReason:
		return nil, errs.Input([]string{"reason"}, "the reason has %d characters; it wants 1 to %d", n, maxReason)
	case key == "" || len(key) > maxKey:
		return nil, errs.Input([]string{"idempotencyKey"}, "the key has %d bytes; it wants 1 to %d", len(key), maxKey)
	}
	return s.change(ctx, id, func(p *Payment, now time.Time) error { return p.askRefund(p.key("refund:"+key), amount, reason, now) })
}

// RetryRefund has the gateway tried again with a refund that it refused for good, for staff. The gateway is asked
// before whether that still holds. One that is under way goes on by its key, and one that is done stays so.
func (s *Service) RetryRefund(ctx context.Context, id, refundID string) (*Payment, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	id, refundID = strings.TrimSpace(id), strings.TrimSpace(refundID)
	found, err := s.store.Payments(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	p := found[id]
	if r := p.findRefund(func(r Refund) bool { return r.ID == refundID }); r != nil && p.retryable(*r) {
		if err := s.refresh(ctx, id, p.ChargeID); err != nil {
			return nil, errs.Wrap(errs.Unavailable, err, "the payment gateway does not answer; try again")
		}
	}
	return s.change(ctx, id, func(p *Payment, now time.Time) error { return p.retryRefund(refundID, now) })
}

// change does what staff asked for, takes the steps that follow, and returns the payment as it is then.
func (s *Service) change(ctx context.Context, id string, ask func(*Payment, time.Time) error) (*Payment, error) {
	var began, there bool
	p, err := s.store.Update(ctx, strings.TrimSpace(id), func(p *Payment) ([]outbox.Event, error) {
		now := s.clock()
		began, there = false, true
		if err := ask(p, now); err != nil {
			return nil, err
		}
		var out []outbox.Event
		out, began = s.decide(p, now)
		return out, nil
	})
	if errs.Is(err, errs.NotFound) && !there {
		return nil, &errs.Error{Code: errs.NotFound, Message: "there is no payment " + id, Field: []string{"id"}}
	}
	if err != nil {
		return nil, err
	}
	if began {
		s.perform(ctx, p, false)
	}
	found, err := s.store.Payments(ctx, []string{p.ID})
	if err != nil {
		return nil, err
	}
	p = found[p.ID]
	return &p, nil
}

// askRefund checks what staff asked for against what is left.
func (p *Payment) askRefund(key string, amount *money.Money, reason string, now time.Time) error {
	if known := p.refund(key); known != nil {
		if amount != nil && *amount != known.Amount {
			return errs.New(errs.Conflict, "this idempotency key refunded %s before; use a new key for another refund", known.Amount)
		}
		return nil
	}
	left := p.left()
	switch {
	case p.Status != Captured:
		return errs.New(errs.Conflict, "the payment is %s; only a captured one can be refunded", p.Status)
	case amount == nil && left.Amount <= 0:
		return errs.New(errs.Conflict, "nothing is left to refund")
	case amount == nil:
		amount = &left
	case amount.Currency != left.Currency:
		return errs.Input([]string{"amount", "currency"}, "the payment is in %s", left.Currency)
	case amount.Amount <= 0:
		return errs.Input([]string{"amount", "amount"}, "the amount must be more than 0")
	case amount.Amount > left.Amount:
		return errs.Input([]string{"amount", "amount"}, "%s is more than the %s that is left", *amount, left)
	}
	p.addRefund(key, *amount, reason, now)
	return nil
}

// retryRefund begins a refund anew that the gateway refused for good.
func (p *Payment) retryRefund(id string, now time.Time) error {
	r := p.findRefund(func(r Refund) bool { return r.ID == id })
	switch left := p.left(); {
	case r == nil:
		return &errs.Error{Code: errs.NotFound, Message: "this payment has no refund " + id, Field: []string{"refundId"}}
	case r.Status == RefundPending && p.Intent != nil && p.Intent.Key == r.gatewayKey():
		p.due(now) // Settle asks by the same key
	case r.Status != RefundFailed:
	case !r.Started:
		return errs.New(errs.Conflict, "the gateway was never asked for this refund: %s", r.Failure)
	case r.Amount.Amount > left.Amount:
		return errs.New(errs.Conflict, "%s is more than the %s that is left; other refunds gave it back", r.Amount, left)
	default:
		r.Retry++
		r.Status, r.Failure, r.GatewayID, r.Started, p.UpdatedAt = RefundPending, "", "", false, now
	}
	return nil
}
