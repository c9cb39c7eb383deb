package testgateway

import (
	"fmt"

	"storefront/internal/money"
	"storefront/subgraphs/payments"
)

// book is the state that the ledger's entries add up to.
type book struct {
	charges map[string]*charge
	byKey   map[string]*charge // authorizations, captures and voids
	refunds map[string]refund  // by key
}

type charge struct {
	payments.Charge
	payment                      string
	amount, captured, refunded   int64
	currency                     string
	wasAuthorized, wasVoidedHold bool
	refuses                      bool // the next refund
	changes                      int  // entries in the ledger
}

type refund struct {
	payments.ChargeRefund
	charge string
}

func newBook() *book {
	return &book{charges: map[string]*charge{}, byKey: map[string]*charge{}, refunds: map[string]refund{}}
}

// apply adds one entry.
func (b *book) apply(e entry) error {
	c := b.charges[e.Charge]
	if c == nil {
		if e.Op != opAuthorize && e.Op != opChallenge && e.Op != opDecline {
			return fmt.Errorf("%s of charge %s, which is not in the ledger before", e.Op, e.Charge)
		}
		c = &charge{Charge: payments.Charge{ID: e.Charge}, payment: e.Payment, amount: e.Amount, currency: e.Currency}
		b.charges[e.Charge] = c
	}
	c.changes++
	switch e.Op {
	case opAuthorize, opApprove:
		c.Status, c.ActionURL, c.wasAuthorized, c.refuses = payments.ChargeAuthorized, "", true, e.Refuses
	case opChallenge:
		c.Status, c.ActionURL = payments.ChargeActionRequired, e.URL
	case opDecline:
		c.Status, c.ActionURL, c.Code, c.Message = payments.ChargeFailed, "", e.Code, e.Message
	case opCapture:
		c.Status, c.captured = payments.ChargeCaptured, c.captured+e.Amount
	case opVoid:
		c.Status, c.ActionURL, c.wasVoidedHold = payments.ChargeVoided, "", c.wasAuthorized
	case opRefund:
		r := refund{payments.ChargeRefund{ID: e.Refund, Key: e.Key, Amount: money.New(e.Amount, e.Currency), Status: payments.RefundSucceeded}, e.Charge}
		b.refunds[e.Key] = r
		c.Refunds = append(c.Refunds, r.ChargeRefund)
		c.refunded += e.Amount
		return nil
	case opRefuse:
		b.refunds[e.Key] = refund{payments.ChargeRefund{Key: e.Key, Amount: money.New(e.Amount, e.Currency), Status: payments.RefundFailed, Message: e.Message}, e.Charge}
		c.refuses = false
		return nil
	default:
		return fmt.Errorf("unknown operation %q", e.Op)
	}
	if e.Key != "" {
		b.byKey[e.Key] = c
	}
	return nil
}

func (b *book) sums() map[string]Sums {
	sums := map[string]Sums{}
	for _, c := range b.charges {
		s := sums[c.currency]
		s.Captured += c.captured
		s.Refunded += c.refunded
		if c.wasAuthorized {
			s.Authorized += c.amount
		}
		if c.wasVoidedHold {
			s.Voided += c.amount
		}
		if c.captured > 0 {
			s.Charges++
		}
		sums[c.currency] = s
	}
	return sums
}

// view is a copy that the caller may keep.
func (c *charge) view() payments.Charge {
	v := c.Charge
	v.Refunds = append([]payments.ChargeRefund(nil), c.Refunds...)
	return v
}
