package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Source is the CloudEvents source of every event: "/storefront/" and the service's name.
const Source = "/storefront/"

// CloudEvents headers in Kafka's binary mode.
const (
	HeaderSpecVersion = "ce_specversion"
	HeaderID          = "ce_id"
	HeaderType        = "ce_type"
	HeaderSource      = "ce_source"
	HeaderTime        = "ce_time"
	HeaderSubject     = "ce_subject"
	HeaderDataSchema  = "ce_dataschema"
	HeaderContentType = "content-type"
	HeaderTraceparent = "traceparent"

	// HeaderCause is an extension attribute: the id of the event whose handling caused this one. One that
	// a client's request caused lacks it.
	HeaderCause = "ce_causationid"
)

// kind is what there is to know of a wire name.
type kind struct {
	version int // of its JSON, from 1
	zero    Event
	decode  func([]byte) (Event, error)
}

// registry has every event type by its wire name, with the version of its JSON. A field that is added is
// optional and raises the version by one; nothing else may change, since events are kept for ever and
// services are not updated at the same moment. golden_test.go holds each type to what it was.
var registry = map[string]kind{
	typeOrderPlaced:                 kindOf[OrderPlaced](1),
	typeOrderStatusChanged:          kindOf[OrderStatusChanged](1),
	typeOrderCancellationRequested:  kindOf[OrderCancellationRequested](1),
	typeOrderCancelled:              kindOf[OrderCancelled](1),
	typeOrderRejected:               kindOf[OrderRejected](1),
	typeOrderLinesReturned:          kindOf[OrderLinesReturned](1),
	typeOrderStalled:                kindOf[OrderStalled](1),
	typeStockReserved:               kindOf[StockReserved](1),
	typeStockRejected:               kindOf[StockRejected](1),
	typeStockConfirmed:              kindOf[StockConfirmed](1),
	typeStockReleased:               kindOf[StockReleased](1),
	typeStockLevelChanged:           kindOf[StockLevelChanged](1),
	typePaymentAuthorized:           kindOf[PaymentAuthorized](1),
	typePaymentActionRequired:       kindOf[PaymentActionRequired](1),
	typePaymentProcessed:            kindOf[PaymentProcessed](1),
	typePaymentFailed:               kindOf[PaymentFailed](1),
	typePaymentVoided:               kindOf[PaymentVoided](1),
	typePaymentRefunded:             kindOf[PaymentRefunded](2),
	typePaymentRefundFailed:         kindOf[PaymentRefundFailed](1),
	typeShipmentCreated:             kindOf[ShipmentCreated](1),
	typeShipmentInTransit:           kindOf[ShipmentInTransit](1),
	typeShipmentDelivered:           kindOf[ShipmentDelivered](1),
	typeShipmentCancelled:           kindOf[ShipmentCancelled](1),
	typeShipmentCancellationRefused: kindOf[ShipmentCancellationRefused](1),
	typeProductChanged:              kindOf[ProductChanged](1),
	typeRatingChanged:               kindOf[RatingChanged](1),
	typeReviewModerated:             kindOf[ReviewModerated](1),
	typeUserRegistered:              kindOf[UserRegistered](1),
	typeUserUpdated:                 kindOf[UserUpdated](1),
	typeNotificationSent:            kindOf[NotificationSent](1),
}

func kindOf[T Event](version int) kind {
	var zero T
	return kind{version: version, zero: zero, decode: func(data []byte) (Event, error) {
		var e T
		if err := json.Unmarshal(data, &e); err != nil {
			return nil, err
		}
		return e, nil
	}}
}

// Types lists a zero value of every event type, by topic and then by wire name.
func Types() []Event {
	list := make([]Event, 0, len(registry))
	for _, k := range registry {
		list = append(list, k.zero)
	}
	topics := Topics()
	slices.SortFunc(list, func(a, b Event) int {
		return cmp.Or(cmp.Compare(slices.Index(topics, a.EventTopic()), slices.Index(topics, b.EventTopic())),
			strings.Compare(a.EventType(), b.EventType()))
	})
	return list
}

// Version is that of an event type's JSON as this package writes it, 0 for a type it does not know.
func Version(eventType string) int { return registry[eventType].version }

// DataSchema is the CloudEvents dataschema of a wire name: "urn:storefront:order.placed:1" ends with the
// version of the JSON, and events/asyncapi.yaml describes it. It is empty for an unknown type. A reader
// need not look at it: it reads older and newer versions alike.
func DataSchema(eventType string) string {
	k, ok := registry[eventType]
	if !ok {
		return ""
	}
	return fmt.Sprintf("urn:storefront:%s:%d", strings.TrimPrefix(eventType, typePrefix), k.version)
}

// typePrefix begins every wire name.
const typePrefix = "storefront."

// Decode turns a record's value into its type. An unknown type gives ErrUnknownType, which a consumer
// passes over: a newer writer may know more than this reader.
func Decode(eventType string, data []byte) (Event, error) {
	k, ok := registry[eventType]
	if !ok {
		return nil, fmt.Errorf("%w %q", ErrUnknownType, eventType)
	}
	e, err := k.decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", eventType, err)
	}
	return e, nil
}

// ErrUnknownType says that a record's ce_type is not one of this package's.
var ErrUnknownType = fmt.Errorf("unknown event type")
