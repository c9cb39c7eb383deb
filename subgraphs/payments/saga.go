package payments

import (
	"context"
	"slices"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/eventmeta"
	"storefront/internal/money"
	"storefront/internal/outbox"
)

// Place learns what an order costs and how it is paid.
func (s *Service) Place(ctx context.Context, e events.OrderPlaced) error {
	return s.learn(ctx, e.ID, e.Customer, func(p *Payment, _ time.Time) { p.place(e.Customer, money.Money(e.Total), e.PaymentToken) })
}

// Hold learns that the goods are held: the money may be, too.
func (s *Service) Hold(ctx context.Context, e events.StockReserved) error {
	return s.learn(ctx, e.OrderID, e.Customer, func(p *Payment, _ time.Time) { p.hold() })
}

// Confirm learns that the goods are the order's for good: the money may be taken.
func (s *Service) Confirm(ctx context.Context, e events.StockConfirmed) error {
	return s.learn(ctx, e.OrderID, e.Customer, func(p *Payment, _ time.Time) { p.confirm() })
}

// Release learns that goods are free again. Only a reservation that ran out is news: the other reasons
// are answers to what this service or orders said before.
func (s *Service) Release(ctx context.Context, e events.StockReleased) error {
	if e.Reason != "EXPIRED" {
		return nil
	}
	return s.learn(ctx, e.OrderID, e.Customer, func(p *Payment, _ time.Time) { p.callOff(ReservationExpired) })
}

// Cancel learns that an order ended: what was not taken is given back, what was taken is refunded.
func (s *Service) Cancel(ctx context.Context, orderID, customer string) error {
	return s.learn(ctx, orderID, customer, func(p *Payment, _ time.Time) { p.callOff(Cancelled) })
}

// Return refunds lines that came back, once per return.
func (s *Service) Return(ctx context.Context, e events.OrderLinesReturned) error {
	if e.Refund.Amount <= 0 {
		return nil
	}
	return s.learn(ctx, e.ID, e.Customer, func(p *Payment, now time.Time) {
		p.addRefund(p.key("return:"+e.ReturnID), money.Money(e.Refund), e.Reason, now)
	})
}

// learn notes a fact of an order, and takes the steps that follow from it.
func (s *Service) learn(ctx context.Context, orderID, customer string, note func(*Payment, time.Time)) error {
	var began bool
	p, err := s.store.Upsert(ctx, PaymentID(orderID), func(p *Payment, exists bool) ([]outbox.Event, error) {
		now := s.clock()
		if !exists {
			*p = Payment{ID: PaymentID(orderID), OrderID: orderID, Customer: customer, Status: Pending, CreatedAt: now, UpdatedAt: now, Origin: eventmeta.OriginOf(ctx)}
		}
		note(p, now)
		var out []outbox.Event
		out, began = s.decide(p, now)
		return out, nil
	})
	if err != nil {
		return err
	}
	if began {
		s.perform(ctx, p, false)
	}
	return nil
}

// decide lets p draw its conclusions and reports whether a step began, which is then the caller's to take.
func (s *Service) decide(p *Payment, now time.Time) ([]outbox.Event, bool) {
	had := p.Intent != nil
	out := p.decide(now)
	p.FailedRefunds = p.failedRefunds()
	if began := !had && p.Intent != nil; began {
		p.due(now.Add(s.lease))
		return out, true
	}
	return out, false
}

// perform takes the step that was decided, and those that follow. It has no error: the intent is written,
// so what cannot be finished now is finished by Settle.
func (s *Service) perform(ctx context.Context, p Payment, repeated bool) {
	for p.Intent != nil {
		step := *p.Intent
		charge, err := s.take(ctx, p, repeated)
		if err != nil {
			s.log.WarnContext(ctx, "payment step has no outcome yet", "payment", p.ID, "step", step.Step, "tries", step.Tries, "error", err)
			if err := s.postpone(ctx, p.ID, step); err != nil {
				s.log.WarnContext(ctx, "postpone payment step", "payment", p.ID, "error", err)
			}
			return
		}
		var began bool
		if p, began, err = s.note(ctx, p.ID, charge); err != nil {
			s.log.WarnContext(ctx, "write outcome of payment step", "payment", p.ID, "step", step.Step, "error", err)
			return
		}
		if !began {
			return
		}
		repeated = false
	}
}

// take makes the call. One that may have been made before is asked for first; so is one whose answer
// did not come.
func (s *Service) take(ctx context.Context, p Payment, repeated bool) (Charge, error) {
	if repeated {
		if c, known, err := s.ask(ctx, p); known || err != nil {
			return c, err
		}
	}
	c, err := s.request(ctx, p)
	if err == nil {
		return c, nil
	}
	if found, known, askErr := s.ask(ctx, p); askErr == nil && known {
		return found, nil
	}
	return c, err
}

// request calls the gateway for p's intent.
func (s *Service) request(ctx context.Context, p Payment) (c Charge, err error) {
	key := p.Intent.Key
	err = s.call(ctx, func(ctx context.Context) error {
		switch p.Intent.Step {
		case StepAuthorize:
			c, err = s.gateway.Authorize(ctx, key, Authorization{PaymentID: p.ID, OrderID: p.OrderID, Amount: p.Amount, Token: p.Token, URL: s.PageURL(p.ID)})
		case StepCapture:
			c, err = s.gateway.Capture(ctx, key, p.ChargeID)
		case StepVoid:
			c, err = s.gateway.Void(ctx, key, p.ChargeID)
		case StepRefund:
			var r ChargeRefund
			refund := p.refundAtGateway(key)
			r, err = s.gateway.Refund(ctx, key, p.ChargeID, refund.Amount, refund.Reason)
			r.Key = key
			c = Charge{ID: p.ChargeID, Refunds: []ChargeRefund{r}}
		}
		return err
	})
	if err == nil && c.Status == ChargeProcessing {
		return c, errs.New(errs.Unavailable, "the gateway is still at it")
	}
	return c, err
}

// ask finds out what became of p's intent, and whether the gateway knows of it at all.
func (s *Service) ask(ctx context.Context, p Payment) (c Charge, known bool, err error) {
	err = s.call(ctx, func(ctx context.Context) error {
		if p.ChargeID == "" {
			c, err = s.gateway.Lookup(ctx, p.Intent.Key)
		} else {
			c, err = s.gateway.Fetch(ctx, p.ChargeID)
		}
		return err
	})
	if errs.Is(err, errs.NotFound) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	before := *p.Intent
	p.Refunds = append([]Refund(nil), p.Refunds...) // apply on a copy tells whether the news settles the step
	p.apply(c, s.clock())
	known = p.Intent == nil || p.Intent.Key != before.Key
	for _, r := range c.Refunds {
		known = known || r.Key == before.Key
	}
	return c, known, nil
}

// note writes what the gateway said, and reports whether another step began.
func (s *Service) note(ctx context.Context, id string, c Charge) (Payment, bool, error) {
	var began bool
	var before []Refund
	p, err := s.store.Update(context.WithoutCancel(ctx), id, func(p *Payment) ([]outbox.Event, error) {
		now := s.clock()
		before = slices.Clone(p.Refunds)
		out := p.apply(c, now)
		more, next := s.decide(p, now)
		began = next
		return append(out, more...), nil
	})
	if err != nil {
		return p, false, err
	}
	for i, r := range before {
		if now := p.Refunds[i]; now.Status == RefundFailed && r.Status != RefundFailed {
			s.log.WarnContext(ctx, "refund failed; staff may retry it", "payment", p.ID, "refund", now.ID, "reason", now.Failure)
			s.refundFailed()
		}
	}
	return p, began, nil
}

// postpone says when Settle looks at a step that failed: soon, then ever later, at most a minute.
func (s *Service) postpone(ctx context.Context, id string, step Intent) error {
	_, err := s.store.Update(context.WithoutCancel(ctx), id, func(p *Payment) ([]outbox.Event, error) {
		if p.Intent != nil && p.Intent.Key == step.Key {
			p.due(s.clock().Add(min(250*time.Millisecond<<min(step.Tries, 8), time.Minute)))
		}
		return nil, nil
	})
	return err
}

// settle takes over a payment that is due: it claims it by moving the time on, asks the gateway, and
// repeats the step with the same key if the gateway does not know it.
func (s *Service) settle(ctx context.Context, id string) error {
	var mine bool
	p, err := s.store.Update(ctx, id, func(p *Payment) ([]outbox.Event, error) {
		now := s.clock()
		if mine = p.DueAt != nil && !p.DueAt.After(now); !mine {
			return nil, nil
		}
		if p.Intent != nil {
			p.Intent.Tries++
		} else if p.Status != ActionRequired {
			p.DueAt, mine = nil, false
			return nil, nil
		}
		p.due(now.Add(s.lease))
		return nil, nil
	})
	if err != nil || !mine {
		return err
	}
	ctx = p.Origin.Context(ctx)
	if p.Intent != nil {
		s.perform(ctx, p, true)
		return nil
	}
	return s.refresh(ctx, p.ID, p.ChargeID)
}

// refresh writes what the gateway says of a charge now, and takes the steps that follow.
func (s *Service) refresh(ctx context.Context, id, chargeID string) error {
	var c Charge
	err := s.call(ctx, func(ctx context.Context) (err error) {
		c, err = s.gateway.Fetch(ctx, chargeID)
		return err
	})
	if err != nil {
		return err
	}
	p, began, err := s.note(ctx, id, c)
	if err == nil && began {
		s.perform(ctx, p, false)
	}
	return err
}

func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// PageURL is where a customer's browser finds a payment's page.
func (s *Service) PageURL(paymentID string) string { return s.public + "/3ds/" + paymentID }
