// Package events is the Kafka contract: topic names, event types and their JSON.
//
// Plain types only; it imports nothing of the project. An event is a fact in the past tense, keyed by
// the id of the aggregate it happened to, so that one aggregate's events stay in order. Wire names are
// constants. Every event type implements Event; Decode turns a record back into its type. The envelope
// is CloudEvents 1.0 in Kafka's binary mode (headers ce_id, ce_type, ...): see envelope.go. Events are kept
// for ever, so a type only ever gains optional fields; testdata has each version of each, and tests hold
// the types to them. asyncapi.yaml is the same contract for readers of other languages.
package events

import "time"

// Topics. The record key is the id of the aggregate named beside it.
const (
	OrderTopic        = "order-events"        // order
	PaymentTopic      = "payment-events"      // order
	InventoryTopic    = "inventory-events"    // order for reservations, SKU for stock levels
	ShipmentTopic     = "shipment-events"     // order
	ProductTopic      = "product-events"      // product; compacted
	ReviewTopic       = "review-events"       // product
	UserTopic         = "user-events"         // user
	NotificationTopic = "notification-events" // notification

	// DeadLetterSuffix makes the topic for records that could not be handled.
	DeadLetterSuffix = ".dlq"

	// RetrySuffix makes, of a consumer group's id, the topic where its events wait for another attempt.
	RetrySuffix = ".retry"
)

// Topics lists every topic in a fixed order.
func Topics() []string {
	return []string{OrderTopic, PaymentTopic, InventoryTopic, ShipmentTopic, ProductTopic, ReviewTopic, UserTopic, NotificationTopic}
}

// Publisher is the service that alone writes to a topic, empty for a topic that is not one of these.
func Publisher(topic string) string {
	switch topic {
	case OrderTopic:
		return "orders"
	case PaymentTopic:
		return "payments"
	case InventoryTopic:
		return "inventory"
	case ShipmentTopic:
		return "shipping"
	case ProductTopic:
		return "products"
	case ReviewTopic:
		return "reviews"
	case UserTopic:
		return "users"
	case NotificationTopic:
		return "notifications"
	}
	return ""
}

// Event is one thing that happened.
type Event interface {
	EventTopic() string // one of the topics above
	EventType() string  // wire name, CloudEvents type
	EventKey() string   // aggregate id, the record's key
}

// Money is an amount in minor units of an ISO 4217 currency: {1999, "EUR"} is 19.99 euros.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Address is a postal address as it stood when the event happened.
type Address struct {
	Name       string `json:"name,omitempty"`
	Company    string `json:"company,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
	Phone      string `json:"phone,omitempty"`
}

// Line is a quantity of one SKU.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// OrderLine is a line as it was sold.
type OrderLine struct {
	SKU       string `json:"sku"`
	ProductID string `json:"productId"`
	Title     string `json:"title"`
	Quantity  int    `json:"quantity"`
	UnitPrice Money  `json:"unitPrice"`
	Total     Money  `json:"total"` // quantity times unit price, less line discounts
	Grams     int    `json:"grams"` // weight of one unit
}

// Stamp is when an event happened; events embed it.
type Stamp struct {
	At time.Time `json:"at"` // UTC
}
