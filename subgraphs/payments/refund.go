package payments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/internal/outbox"
)

// RefundStatus is how far a refund is.
type RefundStatus string

// A refund is PENDING until the gateway has said what became of it. One that succeeded may still fail,
// when the customer's bank sends the money back. One that failed stays so until staff have it tried again.
const (
	RefundPending   RefundStatus = "PENDING"
	RefundSucceeded RefundStatus = "SUCCEEDED"
	RefundFailed    RefundStatus = "FAILED"
)

// Refund is captured money that goes back.
type Refund struct {
	ID        string       `bson:"id"`
	Key       string       `bson:"key"`             // ours: what asks by it again is the same refund
	Retry     int          `bson:"retry,omitempty"` // how often it was begun anew after the gateway had refused it for good
	GatewayID string       `bson:"gatewayId,omitempty"`
	Amount    money.Money  `bson:"amount"`
	Reason    string       `bson:"reason"`
	Status    RefundStatus `bson:"status"`
	Failure   string       `bson:"failure,omitempty"` // why it is FAILED
	Started   bool         `bson:"started,omitempty"` // the gateway was asked, the amount is fixed
	CreatedAt time.Time    `bson:"createdAt"`
}

// gatewayKey is the gateway's idempotency key. A refusal is what it answers to a key for good, so each retry
// has a key of its own.
func (r Refund) gatewayKey() string {
	if r.Retry == 0 {
		return r.Key
	}
	payment, step, _ := strings.Cut(r.Key, ":")
	return fmt.Sprintf("%s:retry-%d:%s", payment, r.Retry, step)
}

// retryable reports whether the gateway refused r for good, and what it was to give back is still there.
func (p *Payment) retryable(r Refund) bool {
	return r.Status == RefundFailed && r.Started && r.Amount.Amount <= p.left().Amount
}

// failedRefunds counts what waits for staff.
func (p *Payment) failedRefunds() (n int) {
	for _, r := range p.Refunds {
		if p.retryable(r) {
			n++
		}
	}
	return n
}

// refunds sums up the refunds that count.
func (p *Payment) refunds(counts func(Refund) bool) money.Money {
	sum := money.New(0, p.Amount.Currency)
	for _, r := range p.Refunds {
		if counts(r) {
			sum.Amount += r.Amount.Amount
		}
	}
	return sum
}

// left is what can still be refunded, or will be once the money is captured.
func (p *Payment) left() money.Money {
	return p.Amount.Sub(p.refunds(func(r Refund) bool { return r.Status != RefundFailed }))
}

func (p *Payment) refund(key string) *Refund {
	return p.findRefund(func(r Refund) bool { return r.Key == key })
}

func (p *Payment) refundAtGateway(key string) *Refund {
	return p.findRefund(func(r Refund) bool { return r.gatewayKey() == key })
}

func (p *Payment) findRefund(is func(Refund) bool) *Refund {
	if i := slices.IndexFunc(p.Refunds, is); i >= 0 {
		return &p.Refunds[i]
	}
	return nil
}

// addRefund notes a refund once per key; it is done when the money was captured.
func (p *Payment) addRefund(key string, amount money.Money, reason string, now time.Time) {
	if p.refund(key) != nil {
		return
	}
	p.Refunds = append(p.Refunds, Refund{ID: id.Of("ref", key), Key: key, Amount: amount, Reason: reason, Status: RefundPending, CreatedAt: now})
	p.UpdatedAt = now
}

// nextRefund begins the oldest refund that is not done. A payment that was called off gives back all
// that is left. Never more goes back than was taken: a refund asked for beyond that is made smaller.
func (p *Payment) nextRefund(now time.Time) {
	if p.CalledOff != "" && p.left().Amount > 0 && p.refund(p.key("cancel")) == nil {
		p.addRefund(p.key("cancel"), p.left(), p.CalledOff, now)
	}
	for i := 0; i < len(p.Refunds); i++ {
		r := &p.Refunds[i]
		if r.Status != RefundPending {
			continue
		}
		if !r.Started {
			free := p.Amount.Sub(p.refunds(func(o Refund) bool { return o.Started && o.Status != RefundFailed }))
			if r.Amount = money.New(min(r.Amount.Amount, free.Amount), p.Amount.Currency); r.Amount.Amount <= 0 {
				r.Amount.Amount, r.Status, r.Failure = 0, RefundFailed, "nothing was left to give back"
				continue
			}
			r.Started = true
		}
		p.begin(StepRefund, r.gatewayKey(), now)
		return
	}
}

// dropRefunds ends the refunds of a payment of which nothing was taken.
func (p *Payment) dropRefunds() {
	for i := range p.Refunds {
		if p.Refunds[i].Status == RefundPending {
			p.Refunds[i].Status, p.Refunds[i].Failure = RefundFailed, "nothing was taken"
		}
	}
}

// elsewhere is the reason of refunds that somebody made at the gateway, not here.
const elsewhere = "refunded at the gateway"

// adopt notes a refund that was made at the gateway, so that no more goes back than what is left.
func (p *Payment) adopt(c ChargeRefund, now time.Time) *Refund {
	if p.Status != Captured || c.Status != RefundSucceeded || c.ID == "" || c.Amount.Amount <= 0 || c.Amount.Currency != p.Amount.Currency {
		return nil
	}
	p.addRefund(c.Key, c.Amount, elsewhere, now)
	r := p.refund(c.Key)
	r.Started = true
	return r
}

// news reports whether c comes after what is known of r. What has no id at the gateway was refused before
// it began; should the gateway know it after all, it is the gateway that is right.
func (r *Refund) news(c ChargeRefund) bool {
	switch r.Status {
	case RefundPending:
		return r.Started
	case RefundSucceeded:
		return c.Status == RefundFailed && c.ID == r.GatewayID
	}
	return r.Started && r.GatewayID == "" && c.Status == RefundSucceeded
}

// applyRefund notes what the gateway says of a refund. What it made by a key that it had refused, and that was
// given up, is a refund of its own.
func (p *Payment) applyRefund(c ChargeRefund, now time.Time) []outbox.Event {
	r := p.refundAtGateway(c.Key)
	if c.Key == "" || r == nil && p.refund(c.Key) != nil {
		c.Key = p.key("gateway:" + c.ID)
		r = p.refundAtGateway(c.Key)
	}
	if r == nil {
		r = p.adopt(c, now)
	}
	if r == nil || !r.news(c) {
		return nil
	}
	r.GatewayID = c.ID
	if c.Status == RefundPending {
		p.due(now.Add(lookAfter))
		return nil
	}
	r.Status, r.Failure, p.UpdatedAt = c.Status, "", now
	if p.Intent != nil && p.Intent.Key == r.gatewayKey() {
		p.settled()
	}
	p.RefundVersion++
	if c.Status == RefundFailed {
		r.Failure = cmp.Or(c.Message, "the gateway gave no reason")
		return []outbox.Event{events.PaymentRefundFailed{Stamp: events.Stamp{At: now}, PaymentID: p.ID, RefundID: r.ID, OrderID: p.OrderID,
			Customer: p.Customer, Amount: events.Money(r.Amount), Refunded: events.Money(p.Refunded()), Reason: r.Reason, Message: r.Failure, Version: p.RefundVersion}}
	}
	return []outbox.Event{events.PaymentRefunded{Stamp: events.Stamp{At: now}, PaymentID: p.ID, RefundID: r.ID, OrderID: p.OrderID,
		Customer: p.Customer, Amount: events.Money(r.Amount), Refunded: events.Money(p.Refunded()), Reason: r.Reason, Version: p.RefundVersion}}
}
