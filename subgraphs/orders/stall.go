package orders

import (
	"fmt"
	"time"

	"storefront/events"
	"storefront/internal/outbox"
)

// What becomes of an order that stands still, because an event was lost on its way: it lies with the dead
// letters, or whoever should have sent it never learnt that it should.
//
//   - Watch resumes it: OrderStalled makes every service say again what it knows of the order, and what
//     orders itself had said last is said again too. All who hear it tolerate repeats. The time until the
//     next try doubles.
//   - An order that is not paid and was resumed maxResumed times is called off by the way that every
//     cancellation goes, so what is held or taken meanwhile goes back.
//   - One that is paid, or is being cancelled, is resumed until somebody answers.
//
// The order's history says so with an entry that repeats the status. No OrderStatusChanged is sent for it:
// the status has not changed.

const (
	maxResumed    = 5
	longestWait   = time.Hour          // between two tries, unless patience is longer
	parcelsWait   = 7 * 24 * time.Hour // a carrier may say nothing for so long
	codeResumed   = "RESUMED"
	codeStalled   = "STALLED"
	waitDoublings = 6
)

// due is when the order has stood still for too long, nil once it is final. patience is how long another
// service may take to answer.
func (o *Order) due(patience time.Duration) *time.Time {
	if o.Status.Final() || len(o.History) == 0 {
		return nil
	}
	from, wait := o.History[len(o.History)-1].At, parcelsWait
	if o.Status != StatusPreparing && o.Status != StatusShipped {
		wait = min(patience<<min(o.Resumed, waitDoublings), max(longestWait, patience))
	}
	if o.Status == StatusActionRequired && o.HeldUntil != nil && o.HeldUntil.After(from) {
		from = *o.HeldUntil // until then the customer may pass 3-D Secure
	}
	at := from.Add(wait)
	return &at
}

// since is when the order came into its status.
func (o *Order) since() time.Time {
	last := len(o.History) - 1
	if o.Resumed > 0 {
		last-- // the last entry tells of the resumptions
	}
	return o.History[last].At
}

// awaited is who should have spoken.
func (s OrderStatus) awaited() string {
	switch s {
	case StatusPlaced:
		return "inventory"
	case StatusReserved, StatusActionRequired:
		return "payments"
	case StatusPreparing, StatusShipped:
		return "the carrier"
	}
	return "shipping"
}

// stalled resumes an order that is due, or calls it off. It does nothing with one that is not.
func (o *Order) stalled(patience time.Duration, now time.Time) []outbox.Event {
	if due := o.due(patience); due == nil || due.After(now) {
		return nil
	}
	since := o.since()
	unpaid := o.Status != StatusCancelling && o.Status.rank() < StatusPaid.rank()
	if unpaid && o.Resumed >= maxResumed {
		return o.cancelling(fmt.Sprintf("%s: %s, asked %d times", codeStalled, silence(o.Status, since), o.Resumed), now)
	}
	o.Resumed++
	o.resumed(o.Status, since, o.Resumed, now)
	o.UpdatedAt = now
	list := []outbox.Event{events.OrderStalled{Stamp: events.Stamp{At: now}, ID: o.ID, Customer: o.Owner,
		Status: string(o.Status), Since: since, Attempt: o.Resumed}}
	switch {
	case o.Status == StatusCancelling:
		list = append(list, o.cancellation(now))
	case o.Status.rank() <= StatusPaid.rank():
		list = append(list, o.placed())
	}
	return list
}

// silence says who should have spoken, and since when.
func silence(status OrderStatus, since time.Time) string {
	return fmt.Sprintf("nothing heard from %s since %s", status.awaited(), since.Format(time.RFC3339))
}

// resumed notes in the history that the order stands still, and how often somebody was asked.
func (o *Order) resumed(status OrderStatus, since time.Time, attempt int, now time.Time) {
	reason := fmt.Sprintf("%s: %s, asked again", codeResumed, silence(status, since))
	if attempt > 1 {
		reason = fmt.Sprintf("%s: %s, asked %d times", codeResumed, silence(status, since), attempt)
		o.History = o.History[:len(o.History)-1] // one entry tells of all times
	}
	o.History = append(o.History, OrderStatusEntry{Status: status, Reason: &reason, At: now})
}
