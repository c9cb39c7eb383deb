package shipping

import (
	"context"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/eventmeta"
	"storefront/internal/id"
	"storefront/internal/identity"
	"storefront/internal/outbox"
	"storefront/internal/postal"
)

// ShipmentStatus is how far a parcel is.
type ShipmentStatus string

// Waiting is before the carrier is booked: the order, or its payment, is not known yet.
const (
	Waiting   ShipmentStatus = "WAITING"
	Created   ShipmentStatus = "CREATED"
	InTransit ShipmentStatus = "IN_TRANSIT"
	Delivered ShipmentStatus = "DELIVERED"
	Cancelled ShipmentStatus = "CANCELLED"
)

// Shipment is the parcel of one order. Its id is made of the order's.
type Shipment struct {
	ID       string           `bson:"_id"`
	Version  int              `bson:"version"`
	OrderID  string           `bson:"orderId"`
	Customer string           `bson:"customer"`
	Status   ShipmentStatus   `bson:"status"`
	Placed   bool             `bson:"placed,omitempty"` // OrderPlaced was seen
	Paid     bool             `bson:"paid,omitempty"`   // PaymentProcessed was seen
	Address  *postal.Address  `bson:"address,omitempty"`
	Method   string           `bson:"method,omitempty"`
	Grams    int              `bson:"grams,omitempty"`
	Carrier  string           `bson:"carrier,omitempty"`
	Booking  *Booking         `bson:"booking,omitempty"`
	Events   []TrackingEvent  `bson:"events,omitempty"`
	Reason   string           `bson:"reason,omitempty"` // why it is CANCELLED
	Origin   eventmeta.Origin `bson:"origin"`           // of the booking: the parcel's way belongs to it
	DueAt    *time.Time       `bson:"dueAt,omitempty"`  // when the carrier is asked next
}

// TrackingEvent is one step of a parcel's way.
type TrackingEvent struct {
	Status   ShipmentStatus `bson:"status"`
	Location string         `bson:"location,omitempty"`
	At       time.Time      `bson:"at"`
}

// Identity is the id and the version.
func (s *Shipment) Identity() (string, *int) { return s.ID, &s.Version }

// IsEntity marks Shipment as an entity of the graph.
func (Shipment) IsEntity() {}

// TrackingNumber is the carrier's, "" before the booking.
func (s Shipment) TrackingNumber() string {
	if s.Booking == nil {
		return ""
	}
	return s.Booking.TrackingNumber
}

// EstimatedAt is when the carrier means to deliver.
func (s Shipment) EstimatedAt() *time.Time {
	if s.Booking == nil {
		return nil
	}
	return &s.Booking.EstimatedAt
}

// ShipmentID is the id of an order's shipment.
func ShipmentID(orderID string) string { return id.Swap(orderID, "shp") }

// Place learns what is to be sent, and where to.
func (s *Service) Place(ctx context.Context, e events.OrderPlaced) error {
	return s.learn(ctx, e.ID, e.Customer, func(sh *Shipment) {
		if sh.Placed {
			return
		}
		address := postal.Address(e.ShippingTo)
		sh.Placed, sh.Address, sh.Method = true, &address, e.ShippingMethod
		for _, l := range e.Lines {
			sh.Grams += l.Grams * l.Quantity
		}
	})
}

// Pay learns that the order is paid.
func (s *Service) Pay(ctx context.Context, e events.PaymentProcessed) error {
	return s.learn(ctx, e.OrderID, e.Customer, func(sh *Shipment) { sh.Paid = true })
}

// learn notes a fact and books the carrier once all are known.
func (s *Service) learn(ctx context.Context, orderID, customer string, note func(*Shipment)) error {
	sh, err := s.upsert(ctx, orderID, customer, func(sh *Shipment) []outbox.Event { note(sh); return nil })
	if err == nil && sh.complete() {
		_, err = s.book(ctx, sh)
	}
	return err
}

// complete reports that all is known for a booking, which the carrier may have by now although it is not noted.
func (sh *Shipment) complete() bool { return sh.Status == Waiting && sh.Placed && sh.Paid }

// book asks the carrier for the parcel's booking, and notes it.
func (s *Service) book(ctx context.Context, sh Shipment) (Shipment, error) {
	booking, err := s.carrier.Book(ctx, sh.ID, Parcel{Country: sh.Address.Country, City: sh.Address.City, Method: sh.Method, Grams: sh.Grams})
	if err != nil {
		return sh, errs.Wrap(errs.Unavailable, err, "the carrier does not take bookings")
	}
	_, due, err := s.carrier.Track(ctx, booking)
	if err != nil {
		return sh, errs.Wrap(errs.Unavailable, err, "the carrier does not answer")
	}
	return s.upsert(ctx, sh.OrderID, sh.Customer, func(sh *Shipment) []outbox.Event {
		if sh.Status != Waiting {
			return nil
		}
		sh.Origin = eventmeta.OriginOf(ctx)
		return sh.book(s.carrier.Name(), booking, due, events.Now(s.now))
	})
}

func (sh *Shipment) book(carrier string, b Booking, due time.Time, now events.Stamp) []outbox.Event {
	if due.IsZero() {
		due = now.At // it has arrived, which is noted step by step
	}
	sh.Status, sh.Carrier, sh.Booking, sh.DueAt = Created, carrier, &b, &due
	sh.Events = append(sh.Events, TrackingEvent{Status: Created, At: now.At})
	return []outbox.Event{sh.said(sh.Version + 1)}
}

// said is what was told when the shipment became what it is, with the version it had then.
func (sh *Shipment) said(version int) outbox.Event {
	last := sh.Events[len(sh.Events)-1]
	now := events.Stamp{At: last.At}
	switch sh.Status {
	case InTransit:
		return events.ShipmentInTransit{Stamp: now, ID: sh.ID, OrderID: sh.OrderID, Customer: sh.Customer, Carrier: sh.Carrier,
			TrackingNumber: sh.TrackingNumber(), Status: string(InTransit), Version: version, Location: last.Location}
	case Delivered:
		return events.ShipmentDelivered{Stamp: now, ID: sh.ID, OrderID: sh.OrderID, Customer: sh.Customer, Carrier: sh.Carrier,
			TrackingNumber: sh.TrackingNumber(), Status: string(Delivered), Version: version}
	case Cancelled:
		return events.ShipmentCancelled{Stamp: now, ID: sh.ID, OrderID: sh.OrderID, Customer: sh.Customer,
			Status: string(Cancelled), Version: version, Reason: sh.Reason}
	}
	return events.ShipmentCreated{Stamp: now, ID: sh.ID, OrderID: sh.OrderID, Customer: sh.Customer, Carrier: sh.Carrier,
		TrackingNumber: sh.TrackingNumber(), Status: string(Created), Version: version, EstimatedAt: sh.EstimatedAt()}
}

// Repeat says again how far an order's parcel is, for those who have not heard it, and books one that
// should be booked by now. The version stays what it was: nothing has changed for who watches.
func (s *Service) Repeat(ctx context.Context, e events.OrderStalled) error {
	booked := false
	if err := s.learn(ctx, e.ID, e.Customer, func(sh *Shipment) { booked = sh.Status != Waiting }); err != nil || !booked {
		return err
	}
	_, err := s.store.Update(ctx, ShipmentID(e.ID), func(sh *Shipment) ([]outbox.Event, error) {
		return []outbox.Event{sh.said(sh.Version)}, nil
	})
	return err
}

// Stop answers a customer's wish to cancel: before the parcel has left it is cancelled, and nothing will
// be booked for the order any more; afterwards it is refused. Of a parcel that is booked the carrier decides:
// while it does not answer, the error is Unavailable. A repeat gives the same answer again.
func (s *Service) Stop(ctx context.Context, e events.OrderCancellationRequested) error {
	return s.callOff(ctx, e.ID, e.Customer, e.Reason, func(sh *Shipment) outbox.Event {
		if sh.Status == Cancelled {
			return sh.said(sh.Version)
		}
		return events.ShipmentCancellationRefused{Stamp: events.Now(s.now), ID: sh.ID, OrderID: sh.OrderID, Customer: sh.Customer,
			Status: string(sh.Status), Version: sh.Version}
	})
}

// Drop cancels the shipment of an order that ended before it left.
func (s *Service) Drop(ctx context.Context, orderID, customer, reason string) error {
	return s.callOff(ctx, orderID, customer, reason, nil)
}

// callOff cancels a shipment; answer, unless nil, is what is said of one that has left or is cancelled already.
// The carrier is asked between two writes. Whoever dies there is followed by the event's next delivery, which
// asks again.
func (s *Service) callOff(ctx context.Context, orderID, customer, reason string, answer func(*Shipment) outbox.Event) error {
	settled := func(sh *Shipment) []outbox.Event {
		if answer == nil {
			return nil
		}
		return []outbox.Event{answer(sh)}
	}
	var booked bool
	sh, err := s.upsert(ctx, orderID, customer, func(sh *Shipment) []outbox.Event {
		switch booked = sh.Status == Created || sh.complete(); {
		case booked:
			return nil
		case sh.Status == Waiting:
			return sh.cancel(reason, events.Now(s.now))
		}
		return settled(sh)
	})
	if err != nil || !booked {
		return err
	}
	stays, err := s.recall(ctx, sh)
	if err != nil {
		return err
	}
	_, err = s.upsert(ctx, orderID, customer, func(sh *Shipment) []outbox.Event {
		if stays && sh.Status == Created {
			return sh.cancel(reason, events.Now(s.now))
		}
		return settled(sh)
	})
	return err
}

// recall asks the carrier to keep a parcel, and reports whether it stays; one that has left is followed. A
// booking whose answer was lost is asked for again, so that there is no other one to come.
func (s *Service) recall(ctx context.Context, sh Shipment) (stays bool, err error) {
	if sh.Booking == nil {
		if sh, err = s.book(ctx, sh); err != nil || sh.Booking == nil {
			return false, err
		}
	}
	if stays, err = s.carrier.Cancel(ctx, *sh.Booking); err != nil {
		return false, errs.Wrap(errs.Unavailable, err, "the carrier does not take cancellations")
	}
	if !stays {
		err = s.Follow(ctx, sh)
	}
	return stays, err
}

func (sh *Shipment) cancel(reason string, now events.Stamp) []outbox.Event {
	sh.Status, sh.Reason, sh.DueAt = Cancelled, reason, nil
	sh.Events = append(sh.Events, TrackingEvent{Status: Cancelled, At: now.At})
	return []outbox.Event{sh.said(sh.Version + 1)}
}

// Follow asks the carrier about a parcel and notes what is new.
func (s *Service) Follow(ctx context.Context, sh Shipment) error {
	if sh.Booking == nil {
		return nil
	}
	ctx = sh.Origin.Context(ctx)
	news, due, err := s.carrier.Track(ctx, *sh.Booking)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "the carrier does not answer")
	}
	_, err = s.store.Update(ctx, sh.ID, func(sh *Shipment) ([]outbox.Event, error) {
		if sh.Status != Created && sh.Status != InTransit {
			sh.DueAt = nil
			return nil, nil
		}
		return sh.advance(news, due), nil
	})
	return err
}

// advance notes the carrier's next event: news is all that has happened so far, of which the first few are
// noted already. Times do not tell which: a carrier's clock may be behind ours. One change publishes one
// event: the version grows by one, and what else is new is noted by the next change.
func (sh *Shipment) advance(news []TrackingEvent, due time.Time) []outbox.Event {
	noted := 0
	for _, e := range sh.Events {
		if e.Status == InTransit || e.Status == Delivered {
			noted++
		}
	}
	if noted >= len(news) {
		sh.DueAt = nil
		if !due.IsZero() {
			sh.DueAt = &due
		}
		return nil
	}
	next := news[noted]
	sh.Status = next.Status
	sh.Events = append(sh.Events, next)
	switch {
	case sh.Status == Delivered:
		sh.DueAt = nil
	case noted+1 < len(news):
		sh.DueAt = &next.At // at once
	case due.IsZero():
		sh.DueAt = nil
	default:
		sh.DueAt = &due
	}
	return []outbox.Event{sh.said(sh.Version + 1)}
}

func (s *Service) upsert(ctx context.Context, orderID, customer string, change func(*Shipment) []outbox.Event) (Shipment, error) {
	return s.store.Upsert(ctx, ShipmentID(orderID), func(sh *Shipment, exists bool) ([]outbox.Event, error) {
		if !exists {
			*sh = Shipment{ID: ShipmentID(orderID), OrderID: orderID, Customer: customer, Status: Waiting}
		}
		return change(sh), nil
	})
}

// Shipments returns the caller's own among those with these ids, booked ones only; staff see all.
func (s *Service) Shipments(ctx context.Context, ids []string) (map[string]Shipment, error) {
	found, err := s.store.Shipments(ctx, ids)
	who := identity.From(ctx)
	for id, sh := range found {
		if sh.Booking == nil || !who.MaySee(sh.Customer) {
			delete(found, id)
		}
	}
	return found, err
}
