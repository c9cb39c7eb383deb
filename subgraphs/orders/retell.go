package orders

import (
	"slices"

	"storefront/events"
	"storefront/internal/money"
	"storefront/internal/postal"
)

// Retell makes of an order what an event of it says; the zero value is one of which nothing is known. It
// is for orders that are built anew from their events beside the live ones: what customers see of an order
// comes out again, how it came to be decided does not. Events come in their order, each perhaps again.
func (o *Order) Retell(e events.Event) {
	switch e := e.(type) {
	case events.OrderPlaced:
		o.retellPlaced(e)
	case events.OrderStatusChanged:
		entry := OrderStatusEntry{Status: OrderStatus(e.Status), At: e.At}
		if e.Reason != "" {
			entry.Reason = &e.Reason
		}
		if slices.ContainsFunc(o.History, func(h OrderStatusEntry) bool { return h.Status == entry.Status && h.At.Equal(entry.At) }) {
			return
		}
		o.ID, o.History, o.Version, o.Reason = e.ID, append(o.History, entry), max(o.Version, e.Version), nil
		if o.Status = entry.Status; o.Status.rank() > o.Reached.rank() {
			o.Reached = o.Status
		}
		if o.Status == StatusCancelled || o.Status == StatusRejected {
			o.Reason = entry.Reason
		}
	case events.OrderStalled:
		if len(o.History) == 0 || !o.History[len(o.History)-1].At.Before(e.At) {
			return
		}
		o.resumed(OrderStatus(e.Status), e.Since, e.Attempt, e.At)
	case events.OrderLinesReturned:
		if slices.ContainsFunc(o.Returns, func(r Return) bool { return r.ID == e.ReturnID }) {
			return
		}
		for _, back := range e.Lines {
			if i := slices.IndexFunc(o.Lines, func(l OrderLine) bool { return l.SKU == back.SKU }); i >= 0 {
				o.Lines[i].Returned += back.Quantity
			}
		}
		o.Returns = append(o.Returns, Return{ID: e.ReturnID, Lines: e.Lines, Refund: money.Money(e.Refund), At: e.At})
	case events.PaymentRefunded:
		o.retellRefunds(e.OrderID, money.Money(e.Refunded), e.Version)
	case events.PaymentRefundFailed:
		o.retellRefunds(e.OrderID, money.Money(e.Refunded), e.Version)
	}
	if n := len(o.History); n > 0 {
		o.UpdatedAt = o.History[n-1].At
	}
}

func (o *Order) retellRefunds(id string, sum money.Money, version int) {
	if o.refundsAreNews(sum, version) {
		o.ID, o.Refunded, o.RefundVersion = id, sum, version
	}
}

func (o *Order) retellPlaced(e events.OrderPlaced) {
	if o.Number != "" {
		return // orders that stand still are told of again
	}
	o.ID, o.Number, o.Owner, o.Email, o.Locale, o.PlacedAt = e.ID, e.Number, e.Customer, e.Email, e.Locale, e.At
	// What the client sent is in no event. These are unique, and nobody's.
	o.CartID, o.IdempotencyKey = "retold "+e.ID, "retold "+e.ID
	o.Subtotal, o.Discount, o.Shipping, o.Total = money.Money(e.Subtotal), money.Money(e.Discount), money.Money(e.Shipping), money.Money(e.Total)
	if o.Refunded.Currency == "" {
		o.Refunded = money.New(0, o.Total.Currency)
	}
	o.ShippingAddress, o.ShippingMethod, o.PaymentToken = postal.Address(e.ShippingTo), e.ShippingMethod, e.PaymentToken
	o.Lines = make([]OrderLine, len(e.Lines))
	for i, l := range e.Lines {
		unit, total := money.Money(l.UnitPrice), money.Money(l.Total)
		o.Lines[i] = OrderLine{SKU: l.SKU, ProductID: l.ProductID, Title: l.Title, Quantity: l.Quantity, UnitPrice: unit,
			Discount: money.New(unit.Amount*int64(l.Quantity)-total.Amount, total.Currency), Total: total, Grams: l.Grams}
	}
}
