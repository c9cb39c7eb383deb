package events_test

import (
	"time"

	"storefront/events"
)

// examples is one of each event type with every field set: what the goldens and asyncapi.yaml show.
func examples() []events.Event {
	stamp := events.Stamp{At: time.Date(2026, 3, 14, 9, 26, 53, 589_000_000, time.UTC)}
	soon := stamp.At.Add(15 * time.Minute)
	days := stamp.At.Add(72 * time.Hour)
	const (
		order, number, customer = "ord_01KKP2W5XNZ0M3V7S9Q4T6B8CD", "SF-Q4T6B8CD", "usr_5f2b7c91d4e8a036"
		payment, shipment       = "pay_01KKP2W6A1R5J8G2E4H7K9M3NP", "shp_01KKP2X0Q6W8Y1V3T5S7R9P2NM"
		product, variant        = "prd_01KKNZ4E7D2F5G8H1J3K6M9NPQ", "var_01KKNZ4E7E9R2S5T8V1W4X7YZA"
		sku, mail, locale       = "TEA-DARJEELING-100", "ada@example.com", "en-GB"
		carrier, tracking       = "Simulated Post", "PX3F7A1C9E5B2D8046"
	)
	eur := func(minor int64) events.Money { return events.Money{Amount: minor, Currency: "EUR"} }
	lines := []events.Line{{SKU: sku, Quantity: 2}}
	return []events.Event{
		events.OrderPlaced{Stamp: stamp, ID: order, Number: number, Customer: customer, Email: mail, Locale: locale, Status: "PLACED", Version: 1,
			Lines: []events.OrderLine{{SKU: sku, ProductID: product, Title: "Darjeeling, 100 g", Quantity: 2,
				UnitPrice: eur(1290), Total: eur(2322), Grams: 120}},
			Subtotal: eur(2580), Discount: eur(258), Shipping: eur(490), Total: eur(2812), ShippingMethod: "STANDARD",
			ShippingTo: events.Address{Name: "Ada Example", Company: "Example Ltd", Line1: "1 Example Street", Line2: "2nd floor", City: "London",
				Region: "ENG", PostalCode: "N1 9GU", Country: "GB", Phone: "+44 20 7946 0000"},
			PaymentToken: "ptk_example"},
		events.OrderStatusChanged{Stamp: stamp, ID: order, Number: number, Customer: customer, Email: mail, Locale: locale,
			Status: "CANCELLED", Previous: "RESERVED", Reason: "CUSTOMER_REQUEST", Version: 3},
		events.OrderCancellationRequested{Stamp: stamp, ID: order, Customer: customer, Reason: "CUSTOMER_REQUEST"},
		events.OrderCancelled{Stamp: stamp, ID: order, Customer: customer, Reason: "CUSTOMER_REQUEST"},
		events.OrderRejected{Stamp: stamp, ID: order, Customer: customer, Reason: "OUT_OF_STOCK"},
		events.OrderLinesReturned{Stamp: stamp, ID: order, ReturnID: "ret_01KKZ8B3C6D9F2G5H8J1K4M7NP", Customer: customer, Lines: lines,
			Refund: eur(2322), Reason: "DAMAGED"},
		events.OrderStalled{Stamp: stamp, ID: order, Customer: customer, Status: "RESERVED", Since: stamp.At.Add(-3 * time.Minute), Attempt: 2},

		events.PaymentAuthorized{Stamp: stamp, PaymentID: payment, OrderID: order, Customer: customer, Amount: eur(2812)},
		events.PaymentActionRequired{Stamp: stamp, PaymentID: payment, OrderID: order, Customer: customer, URL: "https://shop.example/3ds/example"},
		events.PaymentProcessed{Stamp: stamp, PaymentID: payment, OrderID: order, Customer: customer, Amount: eur(2812)},
		events.PaymentFailed{Stamp: stamp, PaymentID: payment, OrderID: order, Customer: customer, Code: "CARD_DECLINED", Message: "The card was declined."},
		events.PaymentVoided{Stamp: stamp, PaymentID: payment, OrderID: order, Customer: customer, Reason: "RESERVATION_EXPIRED"},
		events.PaymentRefunded{Stamp: stamp, PaymentID: payment, RefundID: "rfd_01KKZ8B4D1E3F6G9H2J5K8M1NP", OrderID: order, Customer: customer,
			Amount: eur(2322), Refunded: eur(2322), Reason: "RETURNED", Version: 1},
		events.PaymentRefundFailed{Stamp: stamp, PaymentID: payment, RefundID: "rfd_01KKZ8B4D1E3F6G9H2J5K8M1NP", OrderID: order, Customer: customer,
			Amount: eur(2322), Refunded: eur(490), Reason: "RETURNED", Message: "expired_or_canceled_card", Version: 2},

		events.StockReserved{Stamp: stamp, OrderID: order, Customer: customer, Lines: lines, ExpiresAt: soon},
		events.StockRejected{Stamp: stamp, OrderID: order, Customer: customer, Missing: []events.Shortage{{SKU: sku, Requested: 2, Available: 1}}},
		events.StockConfirmed{Stamp: stamp, OrderID: order, Customer: customer},
		events.StockReleased{Stamp: stamp, OrderID: order, Customer: customer, Lines: lines, Reason: "EXPIRED"},
		events.StockLevelChanged{Stamp: stamp, SKU: sku, ProductID: product, Available: 38, OnHand: 40, Version: 17},

		events.ShipmentCreated{Stamp: stamp, ID: shipment, OrderID: order, Customer: customer, Carrier: carrier, TrackingNumber: tracking,
			Status: "CREATED", Version: 2, EstimatedAt: &days},
		events.ShipmentInTransit{Stamp: stamp, ID: shipment, OrderID: order, Customer: customer, Carrier: carrier, TrackingNumber: tracking,
			Status: "IN_TRANSIT", Version: 3, Location: "London"},
		events.ShipmentDelivered{Stamp: stamp, ID: shipment, OrderID: order, Customer: customer, Carrier: carrier, TrackingNumber: tracking,
			Status: "DELIVERED", Version: 5},
		events.ShipmentCancelled{Stamp: stamp, ID: shipment, OrderID: order, Customer: customer, Status: "CANCELLED", Version: 3, Reason: "CUSTOMER_REQUEST"},
		events.ShipmentCancellationRefused{Stamp: stamp, ID: shipment, OrderID: order, Customer: customer, Status: "IN_TRANSIT", Version: 4},

		events.ProductChanged{Stamp: stamp, ID: product, Handle: "darjeeling", Title: "Darjeeling", Description: "First flush, loose leaf.",
			Vendor: "Hill Gardens", ProductType: "Tea", Tags: []string{"loose-leaf"}, Collections: []string{"teas"},
			Attributes: map[string][]string{"origin": {"India"}}, Status: "ACTIVE", ImageURL: "https://shop.example/files/darjeeling.jpg", Popularity: 12,
			Variants: []events.ProductVariant{{ID: variant, SKU: sku, Title: "100 g", Options: map[string]string{"Size": "100 g"},
				Prices: []events.Money{eur(1290)}, Grams: 120}},
			Removed: []string{"TEA-DARJEELING-50"}, Version: 4},
		events.RatingChanged{Stamp: stamp, ProductID: product, Average: 4.5, Count: 2, Histogram: []int{0, 0, 0, 1, 1}, Version: 2},
		events.ReviewModerated{Stamp: stamp, ID: "rev_01KM0A7B9C2D4E6F8G1H3J5K7M", ProductID: product, Author: customer, Status: "PUBLISHED"},

		events.UserRegistered{Stamp: stamp, ID: customer, Name: "Ada Example", Email: mail, Locale: locale},
		events.UserUpdated{Stamp: stamp, ID: customer, Name: "Ada Example", Email: mail, Locale: locale, Version: 2},
		events.NotificationSent{Stamp: stamp, ID: "ntf_01KKP2W7B8C1D3E5F7G9H2J4KM", Owner: customer, Channel: "EMAIL", Kind: "ORDER_CONFIRMATION", OrderID: order},
	}
}
