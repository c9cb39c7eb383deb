package notifications

import (
	"context"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/money"
)

// What happens on each event. All of these may be told twice and in any order: a notification's id is
// made of what it is about, and one whose order is not known yet waits for it with the senders.

// ConfirmOrder learns whom to write to about an order, and confirms it.
func (s *Service) ConfirmOrder(ctx context.Context, e events.OrderPlaced) error {
	c := Contact{ID: e.ID, Owner: e.Customer, Email: e.Email, Locale: e.Locale, Number: e.Number}
	known, err := s.learn(ctx, c)
	if err != nil {
		return err
	}
	n := newNotification(OrderConfirmation, e.Customer, e.ID, e.At, Facts{Number: e.Number, Order: receipt(e)})
	if n.OrderID = e.ID; !guest(e.Customer) { // whose address nobody has checked: its owner may be a stranger
		n.Facts.Name = e.ShippingTo.Name
	}
	if known {
		return s.announce(ctx, n)
	}
	p, err := s.reachable(ctx, c)
	if err == nil {
		err = s.nudge(ctx, e.ID)
	}
	if err != nil {
		return err
	}
	return s.announceTo(ctx, n, recipient{person: p, name: p.Name}.by(c), true)
}

// Know learns whom to write to about an order that is older than what the topics still hold of it, and
// that an order is paid.
func (s *Service) Know(ctx context.Context, e events.OrderStatusChanged) error {
	if err := s.paid(ctx, e); err != nil {
		return err
	}
	c := Contact{ID: e.ID, Owner: e.Customer, Email: e.Email, Locale: e.Locale, Number: e.Number}
	if known, err := s.learn(ctx, c); known || err != nil {
		return err
	}
	if _, err := s.reachable(ctx, c); err != nil {
		return err
	}
	return s.nudge(ctx, e.ID)
}

// learn keeps an order's contact, and reports whether it was known before.
func (s *Service) learn(ctx context.Context, c Contact) (known bool, err error) {
	_, err = s.store.UpsertContact(ctx, c.ID, func(have *Contact, exists bool) error {
		if known = exists; !exists {
			*have = c
		}
		return nil
	})
	return known, err
}

// reachable keeps the address of people who have no profile with one: guests, and users of whom no
// event has told yet.
func (s *Service) reachable(ctx context.Context, c Contact) (Person, error) {
	return s.changePerson(ctx, c.Owner, func(p *Person) {
		if guest(p.ID) || p.Email == "" && p.Profile == 0 {
			p.Email, p.Locale = c.Email, c.Locale
		}
	})
}

func receipt(e events.OrderPlaced) *Receipt {
	r := &Receipt{Subtotal: money.Money(e.Subtotal), Discount: money.Money(e.Discount), Shipping: money.Money(e.Shipping), Total: money.Money(e.Total)}
	for i, l := range e.Lines {
		if i == MaxLines {
			r.More = len(e.Lines) - MaxLines
			break
		}
		r.Lines = append(r.Lines, ReceiptLine{SKU: l.SKU, Title: l.Title, Quantity: l.Quantity, Total: money.Money(l.Total)})
	}
	a := e.ShippingTo
	for _, line := range []string{a.Name, a.Company, a.Line1, a.Line2, strings.TrimSpace(a.PostalCode + " " + a.City), a.Region, a.Country} {
		if line != "" {
			r.ShippedTo = append(r.ShippedTo, line)
		}
	}
	return r
}

// Cancelled tells that an order is off, and why.
func (s *Service) Cancelled(ctx context.Context, e events.OrderCancelled) error {
	return s.announceOrder(ctx, OrderCancelled, e.ID, e.Customer, e.ID, e.At, Facts{Reason: e.Reason})
}

// Rejected tells that an order cannot be had, and why.
func (s *Service) Rejected(ctx context.Context, e events.OrderRejected) error {
	return s.announceOrder(ctx, OrderRejected, e.ID, e.Customer, e.ID, e.At, Facts{Reason: e.Reason})
}

// PaymentFailed tells what the bank said.
func (s *Service) PaymentFailed(ctx context.Context, e events.PaymentFailed) error {
	return s.announceOrder(ctx, PaymentFailed, e.OrderID, e.Customer, e.PaymentID, e.At, Facts{Reason: e.Message})
}

// AskForAction sends the link to the bank's 3-D Secure page.
func (s *Service) AskForAction(ctx context.Context, e events.PaymentActionRequired) error {
	return s.announceOrder(ctx, PaymentActionRequired, e.OrderID, e.Customer, e.PaymentID, e.At, Facts{URL: e.URL})
}

// Refunded tells of one refund.
func (s *Service) Refunded(ctx context.Context, e events.PaymentRefunded) error {
	amount := money.Money(e.Amount)
	return s.announceOrder(ctx, PaymentRefunded, e.OrderID, e.Customer, e.RefundID, e.At, Facts{Amount: &amount, Reason: e.Reason})
}

// Packed tells that a parcel is being made ready.
func (s *Service) Packed(ctx context.Context, e events.ShipmentCreated) error {
	return s.announceOrder(ctx, ShipmentCreated, e.OrderID, e.Customer, e.ID, e.At,
		Facts{Carrier: e.Carrier, Tracking: e.TrackingNumber, EstimatedAt: e.EstimatedAt})
}

// Left tells that a parcel is on its way; later stations of the same parcel say nothing new.
func (s *Service) Left(ctx context.Context, e events.ShipmentInTransit) error {
	return s.announceOrder(ctx, ShipmentInTransit, e.OrderID, e.Customer, e.ID, e.At, Facts{Carrier: e.Carrier, Tracking: e.TrackingNumber})
}

// Delivered tells that a parcel has arrived.
func (s *Service) Delivered(ctx context.Context, e events.ShipmentDelivered) error {
	return s.announceOrder(ctx, ShipmentDelivered, e.OrderID, e.Customer, e.ID, e.At, Facts{Carrier: e.Carrier, Tracking: e.TrackingNumber})
}

// Greet learns of a new user and welcomes them.
func (s *Service) Greet(ctx context.Context, e events.UserRegistered) error {
	if _, err := s.changePerson(ctx, e.ID, func(p *Person) {
		if p.Profile == 0 {
			p.Profile, p.Name, p.Email, p.Locale = 1, e.Name, e.Email, e.Locale
		}
	}); err != nil {
		return err
	}
	return s.announce(ctx, newNotification(Welcome, e.ID, e.ID, e.At, Facts{Name: e.Name}))
}

// Update learns what has changed in a profile.
func (s *Service) Update(ctx context.Context, e events.UserUpdated) error {
	_, err := s.changePerson(ctx, e.ID, func(p *Person) {
		if version := max(e.Version, 1); version >= p.Profile {
			p.Profile, p.Name, p.Email, p.Locale = version, e.Name, e.Email, e.Locale
		}
	})
	return err
}

func (s *Service) announceOrder(ctx context.Context, kind NotificationKind, orderID, owner, about string, at time.Time, facts Facts) error {
	n := newNotification(kind, owner, about, at, facts)
	n.OrderID = orderID
	return s.announce(ctx, n)
}
