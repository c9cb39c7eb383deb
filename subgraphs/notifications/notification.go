package notifications

import (
	"fmt"
	"time"

	"storefront/events"
	"storefront/internal/id"
	"storefront/internal/money"
	"storefront/internal/outbox"
	"storefront/loaders/page"
)

// NotificationKind is what a message is about.
type NotificationKind string

// The kinds, in the order in which preferences list them.
const (
	OrderConfirmation     NotificationKind = "ORDER_CONFIRMATION"
	OrderCancelled        NotificationKind = "ORDER_CANCELLED"
	OrderRejected         NotificationKind = "ORDER_REJECTED"
	PaymentFailed         NotificationKind = "PAYMENT_FAILED"
	PaymentActionRequired NotificationKind = "PAYMENT_ACTION_REQUIRED"
	PaymentRefunded       NotificationKind = "PAYMENT_REFUNDED"
	ShipmentCreated       NotificationKind = "SHIPMENT_CREATED"
	ShipmentInTransit     NotificationKind = "SHIPMENT_IN_TRANSIT"
	ShipmentDelivered     NotificationKind = "SHIPMENT_DELIVERED"
	BackInStock           NotificationKind = "BACK_IN_STOCK"
	Welcome               NotificationKind = "WELCOME"
	Promotional           NotificationKind = "PROMOTION"
)

// Kinds lists all kinds.
func Kinds() []NotificationKind {
	return []NotificationKind{OrderConfirmation, OrderCancelled, OrderRejected, PaymentFailed, PaymentActionRequired,
		PaymentRefunded, ShipmentCreated, ShipmentInTransit, ShipmentDelivered, BackInStock, Welcome, Promotional}
}

// required kinds are what a shop has to send on a durable medium: their mails cannot be switched off.
func (k NotificationKind) required() bool {
	return k == OrderConfirmation || k == OrderCancelled || k == OrderRejected || k == PaymentRefunded
}

// unsubscribable kinds carry a link that ends them by one click. Many may go out at once, so they let all others go
// first.
func (k NotificationKind) unsubscribable() bool { return k == BackInStock || k == Promotional }

// NotificationChannel is a way to reach a person.
type NotificationChannel string

// The channels.
const (
	Email NotificationChannel = "EMAIL"
	InApp NotificationChannel = "IN_APP"
)

// MailState is how far a notification's mail is.
type MailState string

// A mail is Pending until it is Sent, or Failed for good; it is Off when none is wanted.
const (
	Pending MailState = "PENDING"
	Sent    MailState = "SENT"
	Failed  MailState = "FAILED"
	Off     MailState = "OFF"
)

// Reasons of mails that wait for something else to happen.
const (
	OrderUnknown = "the order is not known yet"
	EarlierFirst = "an earlier mail of its order is still to go"
)

// Notification is one message to one person.
type Notification struct {
	ID        string           `bson:"_id"`
	Version   int              `bson:"version"`
	Owner     string           `bson:"owner"`
	Kind      NotificationKind `bson:"kind"`
	OrderID   string           `bson:"orderId,omitempty"`
	Facts     Facts            `bson:"facts"`
	Locale    string           `bson:"locale,omitempty"`
	Title     string           `bson:"title"`
	Text      string           `bson:"text"`
	Listed    bool             `bson:"listed"` // it is in the app's list
	Read      bool             `bson:"read"`
	CreatedAt time.Time        `bson:"createdAt"`
	Sort      string           `bson:"sort"` // time and id: the order of the list

	ExpiresAt *time.Time `bson:"expiresAt,omitempty"` // of a guest's that is about no order: then it is forgotten

	Mail   MailState  `bson:"mail"`
	Bulk   bool       `bson:"bulk,omitempty"`  // it goes after all that are not
	Tries  int        `bson:"tries,omitempty"` // how often a mail server was handed it
	Waits  int        `bson:"waits,omitempty"` // how often it was put off
	DueAt  *time.Time `bson:"dueAt,omitempty"` // Pending only: when somebody takes it up
	SentAt *time.Time `bson:"sentAt,omitempty"`
	Reason string     `bson:"reason,omitempty"` // why Failed or Off; holds no address
}

// Facts is what a message says beyond its kind. Only what the kind needs is set.
type Facts struct {
	Number      string       `bson:"number,omitempty"`
	Name        string       `bson:"name,omitempty"`
	Reason      string       `bson:"reason,omitempty"`
	URL         string       `bson:"url,omitempty"`
	Carrier     string       `bson:"carrier,omitempty"`
	Tracking    string       `bson:"tracking,omitempty"`
	EstimatedAt *time.Time   `bson:"estimatedAt,omitempty"`
	SKU         string       `bson:"sku,omitempty"`
	Amount      *money.Money `bson:"amount,omitempty"`
	Title       string       `bson:"title,omitempty"`
	Text        string       `bson:"text,omitempty"`
	Order       *Receipt     `bson:"order,omitempty"`
}

// Receipt is what was ordered, the first MaxLines lines of it.
type Receipt struct {
	Lines     []ReceiptLine `bson:"lines"`
	More      int           `bson:"more,omitempty"` // lines that were left out
	Subtotal  money.Money   `bson:"subtotal"`
	Discount  money.Money   `bson:"discount"`
	Shipping  money.Money   `bson:"shipping"`
	Total     money.Money   `bson:"total"`
	ShippedTo []string      `bson:"shippedTo,omitempty"` // lines of the address
}

// ReceiptLine is a line of an order.
type ReceiptLine struct {
	SKU      string      `bson:"sku"`
	Title    string      `bson:"title"`
	Quantity int         `bson:"quantity"`
	Total    money.Money `bson:"total"`
}

// MaxLines is how many lines of an order a mail lists.
const MaxLines = 50

// newNotification has an id made of the kind and of what it is about, so the same thing gives the same
// notification however often and by whichever event it is told.
func newNotification(kind NotificationKind, owner, about string, at time.Time, facts Facts) Notification {
	n := Notification{ID: id.Of("ntf", string(kind), about), Owner: owner, Kind: kind, Bulk: kind.unsubscribable(), Facts: facts,
		CreatedAt: at.UTC().Truncate(time.Millisecond)}
	n.Sort = fmt.Sprintf("%015d%s", n.CreatedAt.UnixMilli(), n.ID)
	return n
}

// Identity is the id and the version.
func (n *Notification) Identity() (string, *int) { return n.ID, &n.Version }

// IsEntity marks Notification as an entity of the graph.
func (Notification) IsEntity() {}

// NotificationConnection is one page of a person's list.
type NotificationConnection struct {
	page.Connection[Notification]
}

// NotificationEdge is a notification and its cursor.
type NotificationEdge = page.Edge[Notification]

// off settles that no mail goes out; the list in the app is what is left.
func (n *Notification) off(reason string, now time.Time) []outbox.Event {
	n.Mail, n.Reason, n.DueAt = Off, reason, nil
	if !n.Listed {
		return nil
	}
	return n.told(InApp, now)
}

// sent notes that the mail server took the mail. What only the mail needed goes.
func (n *Notification) sent(now time.Time) []outbox.Event {
	if n.Mail == Sent {
		return nil
	}
	n.Mail, n.DueAt, n.SentAt, n.Reason, n.Facts.Order = Sent, nil, &now, "", nil
	return n.told(Email, now)
}

func (n *Notification) told(channel NotificationChannel, now time.Time) []outbox.Event {
	return []outbox.Event{events.NotificationSent{Stamp: events.Stamp{At: now}, ID: n.ID, Owner: n.Owner,
		Channel: string(channel), Kind: string(n.Kind), OrderID: n.OrderID}}
}

// later puts the mail off until due, or gives it up.
func (n *Notification) later(due time.Time, giveUp bool, reason string) {
	n.Reason = reason
	if giveUp {
		n.Mail, n.DueAt = Failed, nil
		return
	}
	n.DueAt = &due
	n.Waits++
}
