package events

import (
	"encoding/json"
	"fmt"
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
	HeaderContentType = "content-type"
	HeaderTraceparent = "traceparent"
)

// registry maps each wire name to a decoder of its type.
var registry = map[string]func([]byte) (Event, error){
	typeOrderPlaced:                 decode[OrderPlaced],
	typeOrderStatusChanged:          decode[OrderStatusChanged],
	typeOrderCancellationRequested:  decode[OrderCancellationRequested],
	typeOrderCancelled:              decode[OrderCancelled],
	typeOrderRejected:               decode[OrderRejected],
	typeOrderLinesReturned:          decode[OrderLinesReturned],
	typeStockReserved:               decode[StockReserved],
	typeStockRejected:               decode[StockRejected],
	typeStockConfirmed:              decode[StockConfirmed],
	typeStockReleased:               decode[StockReleased],
	typeStockLevelChanged:           decode[StockLevelChanged],
	typePaymentAuthorized:           decode[PaymentAuthorized],
	typePaymentActionRequired:       decode[PaymentActionRequired],
	typePaymentProcessed:            decode[PaymentProcessed],
	typePaymentFailed:               decode[PaymentFailed],
	typePaymentVoided:               decode[PaymentVoided],
	typePaymentRefunded:             decode[PaymentRefunded],
	typeShipmentCreated:             decode[ShipmentCreated],
	typeShipmentInTransit:           decode[ShipmentInTransit],
	typeShipmentDelivered:           decode[ShipmentDelivered],
	typeShipmentCancelled:           decode[ShipmentCancelled],
	typeShipmentCancellationRefused: decode[ShipmentCancellationRefused],
	typeProductChanged:              decode[ProductChanged],
	typeRatingChanged:               decode[RatingChanged],
	typeReviewModerated:             decode[ReviewModerated],
	typeUserRegistered:              decode[UserRegistered],
	typeUserUpdated:                 decode[UserUpdated],
	typeNotificationSent:            decode[NotificationSent],
}

func decode[T Event](data []byte) (Event, error) {
	var e T
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	return e, nil
}

// Decode turns a record's value into its type. An unknown type gives ErrUnknownType, which a consumer
// passes over: a newer writer may know more than this reader.
func Decode(eventType string, data []byte) (Event, error) {
	d, ok := registry[eventType]
	if !ok {
		return nil, fmt.Errorf("%w %q", ErrUnknownType, eventType)
	}
	e, err := d(data)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", eventType, err)
	}
	return e, nil
}

// ErrUnknownType says that a record's ce_type is not one of this package's.
var ErrUnknownType = fmt.Errorf("unknown event type")
