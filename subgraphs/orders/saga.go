package orders

import (
	"fmt"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/money"
	"storefront/internal/outbox"
)

// The transitions of an order. The events of one topic come in their order, those of different topics in
// any, and each may come again. Three rules make every interleaving end the same:
//
//   - forward statuses are ranked: what would move an order back, or leave it where it is, does nothing;
//   - final statuses never change;
//   - while CANCELLING, what stock and payment report is only noted (Reached); shipping decides.
//
// Each method returns the events that the change causes, none when nothing changed.

// become sets the status, appends to the history and announces it.
func (o *Order) become(status OrderStatus, reason string, now time.Time) []outbox.Event {
	previous := o.Status
	o.Status, o.UpdatedAt, o.Resumed = status, now, 0
	o.Reason = nil
	entry := OrderStatusEntry{Status: status, At: now}
	if reason != "" {
		entry.Reason = &reason
	}
	if status == StatusCancelled || status == StatusRejected {
		o.Reason = &reason
	}
	o.History = append(o.History, entry)
	return []outbox.Event{events.OrderStatusChanged{
		Stamp: events.Stamp{At: now}, ID: o.ID, Number: o.Number, Customer: o.Owner, Email: o.Email, Locale: o.Locale,
		Status: string(status), Previous: string(previous), Reason: reason,
		Version: o.Version + 1, // what the store makes of it
	}}
}

// advance moves the order forwards to status, unless it is there or further already.
func (o *Order) advance(status OrderStatus, now time.Time) []outbox.Event {
	if o.Status.Final() || status.rank() <= o.Reached.rank() {
		return nil
	}
	o.Reached = status
	if o.Status == StatusCancelling && status.rank() < StatusShipped.rank() {
		return nil
	}
	reason := ""
	if o.Status == StatusCancelling {
		reason = tooLate
	}
	return o.become(status, reason, now)
}

const tooLate = "TOO_LATE: the parcel had left already"

func (o *Order) stockReserved(until, now time.Time) []outbox.Event {
	if !until.IsZero() {
		o.HeldUntil = &until
	}
	return o.advance(StatusReserved, now)
}

func (o *Order) actionRequired(now time.Time) []outbox.Event {
	return o.advance(StatusActionRequired, now)
}
func (o *Order) paymentProcessed(now time.Time) []outbox.Event { return o.advance(StatusPaid, now) }
func (o *Order) shipmentCreated(now time.Time) []outbox.Event {
	return o.advance(StatusPreparing, now)
}
func (o *Order) shipmentInTransit(now time.Time) []outbox.Event { return o.advance(StatusShipped, now) }
func (o *Order) shipmentDelivered(now time.Time) []outbox.Event {
	return o.advance(StatusDelivered, now)
}

// stockRejected ends the order: nothing was held and nothing will be charged.
func (o *Order) stockRejected(missing []events.Shortage, now time.Time) []outbox.Event {
	if o.Status.Final() || o.Reached.rank() >= StatusReserved.rank() {
		return nil
	}
	reason := "OUT_OF_STOCK: " + shortages(missing)
	return append(o.become(StatusRejected, reason, now),
		events.OrderRejected{Stamp: events.Stamp{At: now}, ID: o.ID, Customer: o.Owner, Reason: reason})
}

// shortages lists what is missing, the first few by name.
func shortages(missing []events.Shortage) string {
	const named = 5
	var b strings.Builder
	for i, m := range missing {
		if i == named {
			fmt.Fprintf(&b, " and %d more", len(missing)-named)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d of %d %s", m.Available, m.Requested, m.SKU)
	}
	if b.Len() == 0 {
		return "the goods are sold out"
	}
	return b.String() + " available"
}

// paymentFailed ends the order: nothing was taken.
func (o *Order) paymentFailed(message string, now time.Time) []outbox.Event {
	if message == "" {
		message = "the payment was refused"
	}
	return o.unpaid("PAYMENT_FAILED: "+message, now)
}

// reservationExpired ends the order: the goods went back before the money was taken.
func (o *Order) reservationExpired(now time.Time) []outbox.Event {
	return o.unpaid("RESERVATION_EXPIRED: the goods were held as long as possible, and were not paid for in that time", now)
}

// unpaid cancels an order whose money was never taken.
func (o *Order) unpaid(reason string, now time.Time) []outbox.Event {
	if o.Status.Final() || o.Reached.rank() >= StatusPaid.rank() {
		return nil
	}
	return o.cancelled(reason, now)
}

func (o *Order) cancelled(reason string, now time.Time) []outbox.Event {
	return append(o.become(StatusCancelled, reason, now),
		events.OrderCancelled{Stamp: events.Stamp{At: now}, ID: o.ID, Customer: o.Owner, Reason: reason})
}

// requestCancel asks shipping to stop. Asking again changes nothing; an order that cannot be cancelled
// any more gives a Conflict.
func (o *Order) requestCancel(reason string, now time.Time) ([]outbox.Event, error) {
	switch {
	case o.Status == StatusCancelling || o.Status == StatusCancelled:
		return nil, nil
	case !o.Cancellable():
		return nil, &errs.Error{Code: errs.Conflict, Field: []string{"id"},
			Message: fmt.Sprintf("an order that is %s cannot be cancelled", o.Status)}
	}
	return o.cancelling(reason, now), nil
}

func (o *Order) cancelling(reason string, now time.Time) []outbox.Event {
	o.CancelReason = reason
	return append(o.become(StatusCancelling, reason, now), o.cancellation(now))
}

func (o *Order) cancellation(now time.Time) outbox.Event {
	return events.OrderCancellationRequested{Stamp: events.Stamp{At: now}, ID: o.ID, Customer: o.Owner, Reason: o.CancelReason}
}

// shipmentCancelled is shipping's yes.
func (o *Order) shipmentCancelled(now time.Time) []outbox.Event {
	if o.Status != StatusCancelling {
		return nil
	}
	return o.cancelled(o.CancelReason, now)
}

// cancellationRefused is shipping's no: the parcel has left.
func (o *Order) cancellationRefused(now time.Time) []outbox.Event {
	if o.Status != StatusCancelling {
		return nil
	}
	o.Reached = StatusShipped
	return o.become(StatusShipped, tooLate, now)
}

// paymentRefunded notes how much went back so far. A refund may come back, so the sum also shrinks.
func (o *Order) paymentRefunded(sum money.Money, version int, now time.Time) {
	if sum.Currency == o.Refunded.Currency && o.refundsAreNews(sum, version) {
		o.Refunded, o.RefundVersion, o.UpdatedAt = sum, version, now
	}
}

// refundsAreNews tells what is new from what is told again. Events without a version only ever had larger sums.
func (o *Order) refundsAreNews(sum money.Money, version int) bool {
	return version > o.RefundVersion || version == 0 && o.RefundVersion == 0 && sum.Amount > o.Refunded.Amount
}
