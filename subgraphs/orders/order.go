package orders

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"storefront/events"
	"storefront/internal/errs"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/internal/outbox"
	"storefront/internal/postal"
)

// OrderStatus is where an order is on its way.
type OrderStatus string

// The statuses, in the order of the way; the last three leave it.
const (
	StatusPlaced         OrderStatus = "PLACED"
	StatusReserved       OrderStatus = "RESERVED"
	StatusActionRequired OrderStatus = "PAYMENT_ACTION_REQUIRED"
	StatusPaid           OrderStatus = "PAID"
	StatusPreparing      OrderStatus = "PREPARING"
	StatusShipped        OrderStatus = "SHIPPED"
	StatusDelivered      OrderStatus = "DELIVERED"
	StatusCancelling     OrderStatus = "CANCELLING"
	StatusCancelled      OrderStatus = "CANCELLED"
	StatusRejected       OrderStatus = "REJECTED"
)

// way is the order in which an order moves forwards; its index is a status's rank.
var way = [...]OrderStatus{StatusPlaced, StatusReserved, StatusActionRequired, StatusPaid, StatusPreparing, StatusShipped, StatusDelivered}

func (s OrderStatus) rank() int { return slices.Index(way[:], s) }

// Final reports whether an order stays as it is.
func (s OrderStatus) Final() bool {
	return s == StatusDelivered || s == StatusCancelled || s == StatusRejected
}

// Order is what was sold to whom, at the prices of the moment, and how far it came. Its money adds up:
// the lines' totals are Subtotal - Discount, and Total = Subtotal - Discount + Shipping.
type Order struct {
	ID              string             `bson:"_id"`
	Version         int                `bson:"version"`
	Number          string             `bson:"number"`
	Owner           string             `bson:"owner"` // usr_... or gst_...
	CartID          string             `bson:"cartId"`
	IdempotencyKey  string             `bson:"idempotencyKey"`
	InputHash       string             `bson:"inputHash"`
	Status          OrderStatus        `bson:"status"`
	Reached         OrderStatus        `bson:"reached"`             // the furthest status it was heard to have, also while CANCELLING
	HeldUntil       *time.Time         `bson:"heldUntil,omitempty"` // when inventory gives unpaid goods back
	Resumed         int                `bson:"resumed,omitempty"`   // how often it was, in this status: see stall.go
	DueAt           *time.Time         `bson:"dueAt,omitempty"`     // when Watch looks at it, unless it moves before; nil once final
	Reason          *string            `bson:"reason,omitempty"`
	CancelReason    string             `bson:"cancelReason,omitempty"` // of the one who asked for it
	History         []OrderStatusEntry `bson:"history"`
	Lines           []OrderLine        `bson:"lines"`
	Subtotal        money.Money        `bson:"subtotal"`
	Discount        money.Money        `bson:"discount"`
	Shipping        money.Money        `bson:"shipping"`
	Total           money.Money        `bson:"total"`
	Refunded        money.Money        `bson:"refunded"`
	RefundVersion   int                `bson:"refundVersion,omitempty"` // of Refunded, as payments counts
	DiscountCode    string             `bson:"discountCode,omitempty"`
	Email           string             `bson:"email"`
	Locale          string             `bson:"locale"`
	ShippingAddress postal.Address     `bson:"shippingAddress"`
	ShippingMethod  string             `bson:"shippingMethod"`
	ShippingTitle   *string            `bson:"shippingTitle,omitempty"`
	PaymentToken    string             `bson:"paymentToken"`
	Returns         []Return           `bson:"returns,omitempty"`
	PlacedAt        time.Time          `bson:"placedAt"`
	UpdatedAt       time.Time          `bson:"updatedAt"`
}

// OrderStatusEntry is one step of an order's history, or says with a Reason that begins with RESUMED that
// the order stood still in the status before and what was done about it.
type OrderStatusEntry struct {
	Status OrderStatus `bson:"status"`
	Reason *string     `bson:"reason,omitempty"`
	At     time.Time   `bson:"at"`
}

// OrderLine is a line as it was sold; an order has one per SKU.
type OrderLine struct {
	SKU       string      `bson:"sku"`
	ProductID string      `bson:"productId"`
	Title     string      `bson:"title"`
	Quantity  int         `bson:"quantity"`
	Returned  int         `bson:"returned,omitempty"`
	UnitPrice money.Money `bson:"unitPrice"`
	Discount  money.Money `bson:"discount"`
	Total     money.Money `bson:"total"` // quantity times unit price, less Discount
	Grams     int         `bson:"grams"` // one unit
}

const maxReturns = 1000

// Return is lines that came back.
type Return struct {
	ID     string        `bson:"id"`
	Key    string        `bson:"key"` // idempotency key
	Hash   string        `bson:"hash"`
	Lines  []events.Line `bson:"lines"`
	Refund money.Money   `bson:"refund"`
	At     time.Time     `bson:"at"`
}

// User is an order's customer, who is users' to describe.
type User struct{ ID string }

// IsEntity says that the router can ask for it by its id.
func (Order) IsEntity() {}

// IsEntity says that the router can ask for it by its id.
func (User) IsEntity() {}

// Identity is the order's id.
func (o *Order) Identity() (string, *int) { return o.ID, &o.Version }

// Customer is the person who ordered; nil for a guest.
func (o Order) Customer() *User {
	if !strings.HasPrefix(o.Owner, "usr_") {
		return nil
	}
	return &User{ID: o.Owner}
}

// Cancellable reports whether the customer may still cancel: until the parcel has left.
func (o Order) Cancellable() bool {
	rank := o.Status.rank()
	return rank >= 0 && rank <= StatusPreparing.rank()
}

// Variant is where the line's SKU is described.
func (l OrderLine) Variant() *Variant { return &Variant{SKU: l.SKU} }

// inputHash tells one input of placeOrder from another.
func inputHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// newOrder freezes a cart without problems. It returns the events that the order begins with.
func newOrder(p placing, c *Cart, now time.Time) (*Order, []outbox.Event) {
	o := &Order{
		ID: id.New("ord"), Owner: p.owner, CartID: c.ID, IdempotencyKey: p.key, InputHash: p.in.hash(),
		Reached: StatusPlaced, Subtotal: c.Subtotal, Discount: c.Discount, Shipping: *c.Shipping, Total: c.Total,
		Refunded: money.New(0, c.Currency), Email: *c.Email, Locale: p.locale,
		ShippingAddress: *c.ShippingAddress, ShippingMethod: *c.ShippingMethod, ShippingTitle: c.ShippingTitle,
		PaymentToken: p.in.PaymentToken, PlacedAt: now,
	}
	o.Number = "SF-" + o.ID[len(o.ID)-8:]
	if c.DiscountCode != nil {
		o.DiscountCode = *c.DiscountCode
	}
	weights := make([]int64, len(c.Lines))
	for i, line := range c.Lines {
		weights[i] = line.Total.Amount
	}
	off := spread(c.Discount.Amount, weights)
	o.Lines = make([]OrderLine, len(c.Lines))
	for i, line := range c.Lines {
		discount := money.New(off[i], c.Currency)
		o.Lines[i] = OrderLine{
			SKU: line.SKU, ProductID: c.productIDs[i], Title: line.Title, Quantity: line.Quantity,
			UnitPrice: line.UnitPrice, Discount: discount, Total: line.Total.Sub(discount), Grams: c.grams[i],
		}
	}
	changed := o.become(StatusPlaced, "", now)
	return o, append([]outbox.Event{o.placed()}, changed...)
}

// hash is the same for inputs that make the same order. What was agreed to only decides whether there is one.
func (in PlaceOrderInput) hash() string { return inputHash(in.CartID, in.PaymentToken) }

// placed is the event that starts the saga.
func (o *Order) placed() events.OrderPlaced {
	lines := make([]events.OrderLine, len(o.Lines))
	for i, l := range o.Lines {
		lines[i] = events.OrderLine{
			SKU: l.SKU, ProductID: l.ProductID, Title: l.Title, Quantity: l.Quantity,
			UnitPrice: events.Money(l.UnitPrice), Total: events.Money(l.Total), Grams: l.Grams,
		}
	}
	return events.OrderPlaced{
		Stamp: events.Stamp{At: o.PlacedAt}, ID: o.ID, Number: o.Number, Customer: o.Owner, Email: o.Email, Locale: o.Locale,
		Status: string(StatusPlaced), Version: 1, Lines: lines,
		Subtotal: events.Money(o.Subtotal), Discount: events.Money(o.Discount), Shipping: events.Money(o.Shipping), Total: events.Money(o.Total),
		ShippingMethod: o.ShippingMethod, ShippingTo: events.Address(o.ShippingAddress), PaymentToken: o.PaymentToken,
	}
}

// returnLines takes back part of what was sold. The refund is each line's share of what was paid for it,
// rounded so that returning all of a line in parts refunds exactly its total. A key that was used before
// gives nothing new.
func (o *Order) returnLines(lines []ReturnLineInput, reason, key string, now time.Time) ([]outbox.Event, error) {
	hash := hashOfReturn(lines, reason)
	for _, r := range o.Returns {
		if r.Key == key && r.Hash != hash {
			return nil, &errs.Error{Code: errs.Conflict, Field: []string{"idempotencyKey"},
				Message: "this key was used for another return of this order; use a fresh one"}
		}
		if r.Key == key {
			return nil, nil
		}
	}
	if o.Status.rank() < StatusPaid.rank() {
		return nil, errs.New(errs.Conflict, "an order that is %s has nothing to return; it has to be paid and not cancelled", o.Status)
	}
	if len(o.Returns) == maxReturns {
		return nil, errs.New(errs.Conflict, "an order takes at most %d returns; put several lines into one", maxReturns)
	}
	o.Lines = slices.Clone(o.Lines)
	ret := Return{ID: id.Of("ret", o.ID, key), Key: key, Hash: hash, Refund: money.New(0, o.Total.Currency), At: now}
	for n, in := range lines {
		i := slices.IndexFunc(o.Lines, func(l OrderLine) bool { return l.SKU == in.Sku })
		if i < 0 {
			return nil, errs.Input(lineField(n, "sku"), "this order has no line %s", in.Sku)
		}
		l := &o.Lines[i]
		if left := l.Quantity - l.Returned; in.Quantity < 1 || in.Quantity > left {
			return nil, errs.Input(lineField(n, "quantity"), "between 1 and %d of %s can be returned", left, in.Sku)
		}
		before := l.paidFor(l.Returned)
		l.Returned += in.Quantity
		ret.Refund = ret.Refund.Add(l.paidFor(l.Returned).Sub(before))
		if n := slices.IndexFunc(ret.Lines, func(l events.Line) bool { return l.SKU == in.Sku }); n >= 0 {
			ret.Lines[n].Quantity += in.Quantity
		} else {
			ret.Lines = append(ret.Lines, events.Line{SKU: in.Sku, Quantity: in.Quantity})
		}
	}
	o.Returns = append(o.Returns, ret)
	o.UpdatedAt = now
	return []outbox.Event{events.OrderLinesReturned{
		Stamp: events.Stamp{At: now}, ID: o.ID, ReturnID: ret.ID, Customer: o.Owner, Lines: ret.Lines,
		Refund: events.Money(ret.Refund), Reason: reason,
	}}, nil
}

// paidFor is what n units of the line cost, after discount: spread as evenly as minor units allow.
func (l OrderLine) paidFor(n int) money.Money {
	return money.New(l.Total.Amount/int64(l.Quantity)*int64(n)+
		money.New(l.Total.Amount%int64(l.Quantity), "").Share(int64(n), int64(l.Quantity)).Amount, l.Total.Currency)
}

func hashOfReturn(lines []ReturnLineInput, reason string) string {
	parts := []string{reason}
	for _, l := range lines {
		parts = append(parts, l.Sku, strconv.Itoa(l.Quantity))
	}
	return inputHash(parts...)
}
