package events

import "time"

const (
	typeShipmentCreated             = "storefront.shipment.created"
	typeShipmentInTransit           = "storefront.shipment.in_transit"
	typeShipmentDelivered           = "storefront.shipment.delivered"
	typeShipmentCancelled           = "storefront.shipment.cancelled"
	typeShipmentCancellationRefused = "storefront.shipment.cancellation_refused"
)

// ShipmentCreated says that a carrier was booked. Until it is handed over, it can still be cancelled.
type ShipmentCreated struct {
	Stamp
	ID             string     `json:"id"` // shp_...
	OrderID        string     `json:"orderId"`
	Customer       string     `json:"customer"`
	Carrier        string     `json:"carrier"`
	TrackingNumber string     `json:"trackingNumber"`
	Status         string     `json:"status"`
	Version        int        `json:"version"`
	EstimatedAt    *time.Time `json:"estimatedAt,omitempty"`
}

// ShipmentInTransit says that the carrier has the parcel, or moved it on; there may be several.
type ShipmentInTransit struct {
	Stamp
	ID             string `json:"id"`
	OrderID        string `json:"orderId"`
	Customer       string `json:"customer"`
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"trackingNumber"`
	Status         string `json:"status"`
	Version        int    `json:"version"`
	Location       string `json:"location,omitempty"`
}

// ShipmentDelivered is the end of the way.
type ShipmentDelivered struct {
	Stamp
	ID             string `json:"id"`
	OrderID        string `json:"orderId"`
	Customer       string `json:"customer"`
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"trackingNumber"`
	Status         string `json:"status"`
	Version        int    `json:"version"`
}

// ShipmentCancelled answers OrderCancellationRequested: nothing leaves, the order may be cancelled.
type ShipmentCancelled struct {
	Stamp
	ID       string `json:"id"`
	OrderID  string `json:"orderId"`
	Customer string `json:"customer"`
	Status   string `json:"status"`
	Version  int    `json:"version"`
	Reason   string `json:"reason"`
}

// ShipmentCancellationRefused answers OrderCancellationRequested: the parcel is already under way.
type ShipmentCancellationRefused struct {
	Stamp
	ID       string `json:"id"`
	OrderID  string `json:"orderId"`
	Customer string `json:"customer"`
	Status   string `json:"status"`
	Version  int    `json:"version"`
}

func (e ShipmentCreated) EventTopic() string { return ShipmentTopic }
func (e ShipmentCreated) EventType() string  { return typeShipmentCreated }
func (e ShipmentCreated) EventKey() string   { return e.OrderID }

func (e ShipmentInTransit) EventTopic() string { return ShipmentTopic }
func (e ShipmentInTransit) EventType() string  { return typeShipmentInTransit }
func (e ShipmentInTransit) EventKey() string   { return e.OrderID }

func (e ShipmentDelivered) EventTopic() string { return ShipmentTopic }
func (e ShipmentDelivered) EventType() string  { return typeShipmentDelivered }
func (e ShipmentDelivered) EventKey() string   { return e.OrderID }

func (e ShipmentCancelled) EventTopic() string { return ShipmentTopic }
func (e ShipmentCancelled) EventType() string  { return typeShipmentCancelled }
func (e ShipmentCancelled) EventKey() string   { return e.OrderID }

func (e ShipmentCancellationRefused) EventTopic() string { return ShipmentTopic }
func (e ShipmentCancellationRefused) EventType() string  { return typeShipmentCancellationRefused }
func (e ShipmentCancellationRefused) EventKey() string   { return e.OrderID }
