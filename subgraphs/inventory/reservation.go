package inventory

import (
	"context"
	"slices"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/eventmeta"
	"storefront/internal/identity"
	"storefront/internal/outbox"
)

// ReservationStatus is how far an order's goods have come.
type ReservationStatus string

// PENDING -> RESERVED -> CONFIRMED -> COMMITTED, or REJECTED, or RELEASED from any of them.
const (
	Pending   ReservationStatus = "PENDING"
	Reserved  ReservationStatus = "RESERVED"
	Confirmed ReservationStatus = "CONFIRMED"
	Committed ReservationStatus = "COMMITTED"
	Released  ReservationStatus = "RELEASED"
	Rejected  ReservationStatus = "REJECTED"
)

// Reasons of a release.
const (
	Expired       = "EXPIRED"
	Cancelled     = "CANCELLED"
	PaymentFailed = "PAYMENT_FAILED"
)

// step is work on the stock documents that was decided and may not be done yet. It is written before the
// work begins, so that whoever comes later finishes it before deciding anything else.
type step string

const (
	commitStep  step = "COMMIT"  // holds become sales
	releaseStep step = "RELEASE" // holds are given back
	restockStep step = "RESTOCK" // sales come back, the order was cancelled
	returnStep  step = "RETURN"  // parts of a sale come back
)

// Reservation is the goods of one order; its id is the order's.
type Reservation struct {
	OrderID   string            `bson:"_id"`
	Version   int               `bson:"version"`
	Customer  string            `bson:"customer"`
	Status    ReservationStatus `bson:"status"`
	Lines     []ReservationLine `bson:"lines"`
	ExpiresAt *time.Time        `bson:"expiresAt,omitempty"` // only while RESERVED
	Reason    string            `bson:"reason,omitempty"`
	Missing   []events.Shortage `bson:"missing,omitempty"` // why it is REJECTED
	Step      step              `bson:"step,omitempty"`
	Returns   []string          `bson:"returns,omitempty"` // ids of returns that are on stock again
	Waiting   []Return          `bson:"waiting,omitempty"` // returns that are not yet
	Origin    eventmeta.Origin  `bson:"origin"`            // what a sweep does later belongs to the order's trace
}

// ReservationLine is the demand for one SKU, summed over the order's lines.
type ReservationLine struct {
	SKU      string         `bson:"sku"`
	Quantity int            `bson:"quantity"`
	Returned int            `bson:"returned,omitempty"`
	From     map[string]int `bson:"from,omitempty"` // units by warehouse that the sale took; older sales do not say
}

// Identity is the order's id and the version.
func (r *Reservation) Identity() (string, *int) { return r.OrderID, &r.Version }

// Demand sums an order's lines per SKU, in the order of their first appearance.
func Demand(lines []events.OrderLine) []ReservationLine {
	var demand []ReservationLine
	for _, l := range lines {
		demand = add(demand, l.SKU, l.Quantity)
	}
	return demand
}

// add counts n units to the line of their SKU: a stock document takes one change for each SKU only.
func add(lines []ReservationLine, sku string, n int) []ReservationLine {
	i := slices.IndexFunc(lines, func(l ReservationLine) bool { return l.SKU == sku })
	if i < 0 {
		return append(lines, ReservationLine{SKU: sku, Quantity: n})
	}
	lines[i].Quantity += n
	return lines
}

// Reserve holds all of an order's goods or none. Safe to repeat at any point.
func (s *Service) Reserve(ctx context.Context, e events.OrderPlaced) error {
	expires := s.now().UTC().Add(s.ttl).Truncate(time.Millisecond)
	r, err := s.store.UpsertReservation(ctx, e.ID, func(r *Reservation, exists bool) ([]outbox.Event, error) {
		if !exists {
			*r = Reservation{OrderID: e.ID, Customer: e.Customer, Status: Pending, Lines: Demand(e.Lines), Origin: eventmeta.OriginOf(ctx)}
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	if r.Status != Pending {
		return s.pastHolding(ctx, r, e)
	}
	missing, err := s.store.Hold(ctx, r.OrderID, r.Lines)
	if err != nil {
		return err
	}
	r, err = s.store.UpdateReservation(ctx, e.ID, func(r *Reservation) ([]outbox.Event, error) {
		switch {
		case r.Status != Pending:
			return nil, nil
		case len(missing) > 0:
			r.Status, r.Reason, r.Missing = Rejected, "OUT_OF_STOCK", missing
		default:
			r.Status, r.ExpiresAt = Reserved, &expires
		}
		return []outbox.Event{r.said(events.Now(s.now))}, nil
	})
	if err != nil {
		return err
	}
	return s.pastHolding(ctx, r, e)
}

// pastHolding gives back what is held for an order that is to hold nothing, or nothing any more. Two may handle
// one order at the same time, and while one of them is slow the other takes the order all its way; what the slow
// one then holds, or one that was cut off had held, nobody else would give back.
func (s *Service) pastHolding(ctx context.Context, r Reservation, e events.OrderPlaced) error {
	if r.Step != "" {
		if err := s.finish(ctx, r); err != nil || r.Step == releaseStep {
			return err
		}
		var err error
		if r, err = s.store.Reservation(ctx, r.OrderID); err != nil {
			return err
		}
	}
	if r.Status == Committed || r.Status == Released || r.Status == Rejected {
		return s.store.Release(ctx, r.OrderID, Reservation{Lines: Demand(e.Lines)}.skus())
	}
	return nil
}

// Confirm makes a reservation the order's for good: it no longer expires. Payments captures only then.
func (s *Service) Confirm(ctx context.Context, orderID string) error {
	_, err := s.store.UpdateReservation(ctx, orderID, func(r *Reservation) ([]outbox.Event, error) {
		if r.Status != Reserved || r.Step != "" {
			return nil, nil // confirmed before, or given back: payments has been told
		}
		r.Status, r.ExpiresAt = Confirmed, nil
		return []outbox.Event{r.said(events.Now(s.now))}, nil
	})
	return err
}

// Commit turns the holds into sales once the money was taken.
func (s *Service) Commit(ctx context.Context, orderID string) error {
	r, err := s.store.UpdateReservation(ctx, orderID, func(r *Reservation) ([]outbox.Event, error) {
		if (r.Status == Confirmed || r.Status == Reserved) && r.Step == "" {
			r.Step, r.ExpiresAt = commitStep, nil
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	if r.Status == Committed { // a first try may have been cut off at its very end
		if err := s.store.Forget(ctx, r.OrderID, r.skus()); err != nil {
			return err
		}
	}
	return s.finish(ctx, r)
}

// Expire gives back the goods of a reservation whose time is over.
func (s *Service) Expire(ctx context.Context, orderID string) error {
	now := s.now()
	return s.release(ctx, orderID, Expired, func(r *Reservation) bool {
		return r.Status == Reserved && r.ExpiresAt != nil && r.ExpiresAt.Before(now)
	})
}

// FailPayment gives back the goods of an order that was not paid.
func (s *Service) FailPayment(ctx context.Context, orderID string) error {
	return s.release(ctx, orderID, PaymentFailed, func(r *Reservation) bool {
		return r.Status == Reserved || r.Status == Confirmed
	})
}

// Cancel gives back what an order holds or has bought. Before the order was seen here, it is remembered,
// so that nothing is held for it later.
func (s *Service) Cancel(ctx context.Context, orderID, customer string) error {
	r, err := s.store.UpsertReservation(ctx, orderID, func(r *Reservation, exists bool) ([]outbox.Event, error) {
		switch {
		case !exists:
			*r = Reservation{OrderID: orderID, Customer: customer, Status: Released, Reason: Cancelled}
		case r.Step != "":
		case r.Status == Pending:
			r.Status, r.Reason = Released, Cancelled // Reserve gives back what it was about to hold
		case r.Status == Reserved, r.Status == Confirmed:
			r.Step, r.Reason, r.ExpiresAt = releaseStep, Cancelled, nil
		case r.Status == Committed:
			r.Step, r.Reason = restockStep, Cancelled
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	if r.Step == commitStep || r.Step == returnStep { // finish that, then take the rest of the sale back
		if err := s.finish(ctx, r); err != nil {
			return err
		}
		return s.Cancel(ctx, orderID, customer)
	}
	return s.finish(ctx, r)
}

func (s *Service) release(ctx context.Context, orderID, reason string, when func(*Reservation) bool) error {
	r, err := s.store.UpdateReservation(ctx, orderID, func(r *Reservation) ([]outbox.Event, error) {
		if r.Step == "" && when(r) {
			r.Step, r.Reason, r.ExpiresAt = releaseStep, reason, nil
		}
		return nil, nil
	})
	if err != nil {
		return err
	}
	return s.finish(ctx, r)
}

// finish does the stock work that was decided, and notes that it is done.
func (s *Service) finish(ctx context.Context, r Reservation) error {
	if _, handling := eventmeta.From(ctx); !handling {
		ctx = r.Origin.Context(ctx)
	}
	var err error
	var done ReservationStatus
	var taken Units
	switch r.Step {
	case "":
		return nil
	case commitStep:
		done = Committed
		taken, err = s.store.Commit(ctx, r.OrderID, r.Lines)
	case releaseStep:
		done, err = Released, s.store.Release(ctx, r.OrderID, r.skus())
	case restockStep:
		done, err = Released, s.store.Restock(ctx, r.OrderID+":cancel", r.sold())
	case returnStep:
		done = Committed
		lines := slices.Clone(r.Lines)
		for _, back := range r.Waiting {
			if err == nil {
				err = s.store.Restock(ctx, back.ID, back.count(lines))
			}
		}
	}
	if err != nil {
		return err
	}
	next, err := s.store.UpdateReservation(ctx, r.OrderID, func(now *Reservation) ([]outbox.Event, error) {
		if now.Step != r.Step {
			return nil, nil
		}
		now.Status, now.Step = done, ""
		switch r.Step {
		case commitStep:
			for i, l := range now.Lines {
				now.Lines[i].From = taken[l.SKU]
			}
		case returnStep:
			now.returned(r.Waiting)
		}
		if done == Committed && len(now.Waiting) > 0 {
			now.Step = returnStep
		}
		if done != Released {
			return nil, nil
		}
		return []outbox.Event{now.said(events.Now(s.now))}, nil
	})
	if err == nil && r.Step == commitStep {
		err = s.store.Forget(ctx, r.OrderID, r.skus())
	}
	if err == nil && next.Step == returnStep {
		return s.finish(ctx, next)
	}
	return err
}

// said is what was told of the reservation as it is; nil when nothing was yet.
func (r *Reservation) said(now events.Stamp) outbox.Event {
	switch r.Status {
	case Reserved:
		return events.StockReserved{Stamp: now, OrderID: r.OrderID, Customer: r.Customer, Lines: r.eventLines(), ExpiresAt: *r.ExpiresAt}
	case Confirmed, Committed:
		return events.StockConfirmed{Stamp: now, OrderID: r.OrderID, Customer: r.Customer}
	case Rejected:
		return events.StockRejected{Stamp: now, OrderID: r.OrderID, Customer: r.Customer, Missing: r.Missing}
	case Released:
		return events.StockReleased{Stamp: now, OrderID: r.OrderID, Customer: r.Customer, Lines: r.eventLines(), Reason: r.Reason}
	}
	return nil
}

// Repeat says again how far an order's goods are, for those who have not heard it. What is under way is
// said once it is done.
func (s *Service) Repeat(ctx context.Context, orderID string) error {
	_, err := s.store.UpdateReservation(ctx, orderID, func(r *Reservation) ([]outbox.Event, error) {
		if r.Step != "" || r.Status == Pending {
			return nil, nil
		}
		return []outbox.Event{r.said(events.Now(s.now))}, nil
	})
	if errs.Is(err, errs.NotFound) { // nothing was said; the order is placed again
		return nil
	}
	return err
}

// Describe learns a product's SKUs. Versions of products may come twice and in any order.
func (s *Service) Describe(ctx context.Context, e events.ProductChanged) error {
	skus := make([]string, len(e.Variants))
	for i, v := range e.Variants {
		skus[i] = v.SKU
	}
	return s.store.Describe(ctx, Description{ProductID: e.ID, Version: e.Version, At: e.At, SKUs: skus, Removed: e.Removed})
}

// ReservationOf returns an order's reservation, for staff; nil when there is none.
func (s *Service) ReservationOf(ctx context.Context, orderID string) (*Reservation, error) {
	if err := identity.From(ctx).RequireStaff(); err != nil {
		return nil, err
	}
	r, err := s.store.Reservation(ctx, strings.TrimSpace(orderID))
	if errs.Is(err, errs.NotFound) {
		return nil, errs.New(errs.NotFound, "there is no reservation for order %s", orderID)
	}
	return &r, err
}

func (r Reservation) skus() []string {
	list := make([]string, len(r.Lines))
	for i, l := range r.Lines {
		list[i] = l.SKU
	}
	return list
}

func (r Reservation) eventLines() []events.Line {
	list := make([]events.Line, len(r.Lines))
	for i, l := range r.Lines {
		list[i] = events.Line{SKU: l.SKU, Quantity: l.Quantity}
	}
	return list
}
