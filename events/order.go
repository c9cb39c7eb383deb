package events

import "time"

const (
	typeOrderPlaced                = "storefront.order.placed"
	typeOrderStatusChanged         = "storefront.order.status_changed"
	typeOrderCancellationRequested = "storefront.order.cancellation_requested"
	typeOrderCancelled             = "storefront.order.cancelled"
	typeOrderRejected              = "storefront.order.rejected"
	typeOrderLinesReturned         = "storefront.order.lines_returned"
	typeOrderStalled               = "storefront.order.stalled"
)

// OrderPlaced starts the saga. It carries everything that another service needs to act. It is said again,
// with the same stamp, while the order waits and somebody may not have heard of it.
type OrderPlaced struct {
	Stamp
	ID             string      `json:"id"` // ord_...
	Number         string      `json:"number"`
	Customer       string      `json:"customer"` // owner id: usr_... or gst_...
	Email          string      `json:"email"`
	Locale         string      `json:"locale"` // BCP 47, such as en-GB
	Status         string      `json:"status"`
	Version        int         `json:"version"`
	Lines          []OrderLine `json:"lines"`
	Subtotal       Money       `json:"subtotal"`
	Discount       Money       `json:"discount"`
	Shipping       Money       `json:"shipping"`
	Total          Money       `json:"total"`
	ShippingMethod string      `json:"shippingMethod"`
	ShippingTo     Address     `json:"shippingTo"`
	PaymentToken   string      `json:"paymentToken"` // only payments can use it
}

// OrderStatusChanged is published with every change of an order's status, the first one included.
type OrderStatusChanged struct {
	Stamp
	ID       string `json:"id"`
	Number   string `json:"number"`
	Customer string `json:"customer"`
	Email    string `json:"email"`
	Locale   string `json:"locale"`
	Status   string `json:"status"`
	Previous string `json:"previous,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Version  int    `json:"version"`
}

// OrderCancellationRequested asks shipping, the one that decides, to stop the shipment.
type OrderCancellationRequested struct {
	Stamp
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Reason   string `json:"reason"`
}

// OrderCancelled is final: payments void or refund, inventory releases or restocks.
type OrderCancelled struct {
	Stamp
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Reason   string `json:"reason"`
}

// OrderRejected is final: stock was refused, nothing was charged.
type OrderRejected struct {
	Stamp
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Reason   string `json:"reason"`
}

// OrderLinesReturned says that part of a paid order comes back: payments refund, inventory restocks.
type OrderLinesReturned struct {
	Stamp
	ID       string `json:"id"`
	ReturnID string `json:"returnId"`
	Customer string `json:"customer"`
	Lines    []Line `json:"lines"`
	Refund   Money  `json:"refund"`
	Reason   string `json:"reason"`
}

// OrderStalled says that an order stands still. It changes nothing: whoever knows something of the order
// says once more what it said last, since somebody may not have heard it.
type OrderStalled struct {
	Stamp
	ID       string    `json:"id"`
	Customer string    `json:"customer"`
	Status   string    `json:"status"`
	Since    time.Time `json:"since"`   // when it came into this status
	Attempt  int       `json:"attempt"` // how often this was said in this status, from 1
}

func (e OrderPlaced) EventTopic() string { return OrderTopic }
func (e OrderPlaced) EventType() string  { return typeOrderPlaced }
func (e OrderPlaced) EventKey() string   { return e.ID }

func (e OrderStatusChanged) EventTopic() string { return OrderTopic }
func (e OrderStatusChanged) EventType() string  { return typeOrderStatusChanged }
func (e OrderStatusChanged) EventKey() string   { return e.ID }

func (e OrderCancellationRequested) EventTopic() string { return OrderTopic }
func (e OrderCancellationRequested) EventType() string  { return typeOrderCancellationRequested }
func (e OrderCancellationRequested) EventKey() string   { return e.ID }

func (e OrderCancelled) EventTopic() string { return OrderTopic }
func (e OrderCancelled) EventType() string  { return typeOrderCancelled }
func (e OrderCancelled) EventKey() string   { return e.ID }

func (e OrderRejected) EventTopic() string { return OrderTopic }
func (e OrderRejected) EventType() string  { return typeOrderRejected }
func (e OrderRejected) EventKey() string   { return e.ID }

func (e OrderLinesReturned) EventTopic() string { return OrderTopic }
func (e OrderLinesReturned) EventType() string  { return typeOrderLinesReturned }
func (e OrderLinesReturned) EventKey() string   { return e.ID }

func (e OrderStalled) EventTopic() string { return OrderTopic }
func (e OrderStalled) EventType() string  { return typeOrderStalled }
func (e OrderStalled) EventKey() string   { return e.ID }

// Now stamps an event with the clock's time, in UTC and to the millisecond, as databases keep it.
func Now(clock func() time.Time) Stamp {
	return Stamp{At: clock().UTC().Truncate(time.Millisecond)}
}
