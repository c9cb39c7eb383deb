package notifications

// Anybody may give an address that is not theirs: with an order, as a guest or signed in, and in a profile. So few
// mails go to one whose orders nobody pays. The others wait: those about an order for a payment, and they are off
// when none comes; those to a profile's address for the next hour.

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/outbox"
	"storefront/internal/postal"
)

const (
	unpaidMails  = 5                // to one address in unpaidWithin
	unpaidWithin = time.Hour        // from the first of them
	paidFor      = 24 * time.Hour   // how long a payment takes the limit away
	heldFor      = 20 * time.Minute // how long a mail waits for it: goods are not held longer for an order, unless told so
)

// Withheld is the reason of a mail that waits until an order of its address is paid.
const Withheld = "nobody has paid an order of this address, and it has had many mails"

// Allowance is what may still be mailed to an address. Of the address only a keyed hash is kept.
type Allowance struct {
	ID        string    `bson:"_id"`
	Version   int       `bson:"version"`
	Mails     []string  `bson:"mails,omitempty"` // ids of the notifications that count, so that a second try counts once
	Paid      bool      `bson:"paid,omitempty"`
	ExpiresAt time.Time `bson:"expiresAt"` // then it begins anew
}

// Identity is the id and the version.
func (a *Allowance) Identity() (string, *int) { return a.ID, &a.Version }

// take counts a mail, and reports whether it may go.
func (a *Allowance) take(mail string, now time.Time) bool {
	if !now.Before(a.ExpiresAt) {
		a.Mails, a.Paid, a.ExpiresAt = nil, false, now.Add(unpaidWithin)
	}
	switch {
	case a.Paid || slices.Contains(a.Mails, mail):
	case len(a.Mails) >= unpaidMails:
		return false
	default:
		a.Mails = append(a.Mails, mail)
	}
	return true
}

// pay takes the limit away for a while from when an order was paid.
func (a *Allowance) pay(at time.Time) {
	if until := at.Add(paidFor); !a.Paid || until.Sub(a.ExpiresAt) > time.Hour { // not with every order of a busy address
		a.Mails, a.Paid, a.ExpiresAt = nil, true, until
	}
}

// unpaid says whether a mail may go out without anybody having paid an order: it is about none, or about one that
// may be unpaid.
func (n Notification) unpaid() bool {
	switch n.Kind {
	case OrderConfirmation, OrderCancelled, OrderRejected, PaymentFailed, PaymentActionRequired:
		return true
	}
	return n.OrderID == ""
}

// may counts a notification's mail where it has to be counted, and reports whether it may go.
func (s *Service) may(ctx context.Context, n Notification, to recipient) (ok bool, err error) {
	if !n.unpaid() {
		return true, nil
	}
	address := s.hashed(to.address)
	_, err = s.store.UpsertAllowance(ctx, address, func(a *Allowance) error {
		a.ID = address
		ok = a.take(n.ID, s.now().UTC().Truncate(time.Millisecond))
		return nil
	})
	return ok, err
}

// hashed is the id of an address's allowance, however the address is written.
func (s *Service) hashed(address string) string {
	address = strings.TrimSpace(address)
	if ascii, err := postal.ASCIIEmail(nil, address); err == nil {
		address = ascii
	}
	h := hmac.New(sha256.New, s.secret)
	h.Write([]byte("allowance\x00" + strings.ToLower(address)))
	return hex.EncodeToString(h.Sum(nil))
}

// withhold puts a mail off until an order is paid or the hour is over, or settles that it has waited long enough.
func (s *Service) withhold(n Notification) func(*Notification) []outbox.Event {
	now := s.now().UTC()
	held := heldFor
	if n.OrderID == "" {
		held = mailLimit
	}
	if now.Sub(n.CreatedAt) <= held {
		return s.putOff(n, longestWait, false, Withheld)
	}
	s.log.Warn("mail withheld", "notification", n.ID, "kind", n.Kind, "reason", Withheld)
	return func(n *Notification) []outbox.Event { return n.off(Withheld, now) }
}

// paid learns that an order of an address is paid, and lets the order's mails go.
func (s *Service) paid(ctx context.Context, e events.OrderStatusChanged) error {
	switch e.Status {
	case "PAID", "PREPARING", "SHIPPED", "DELIVERED":
	default:
		return nil
	}
	if s.now().Sub(e.At) > paidFor {
		return nil
	}
	address := s.hashed(e.Email)
	if _, err := s.store.UpsertAllowance(ctx, address, func(a *Allowance) error {
		a.ID = address
		a.pay(e.At.UTC().Truncate(time.Millisecond))
		return nil
	}); err != nil {
		return err
	}
	return s.nudge(ctx, e.ID)
}
