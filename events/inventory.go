package events

import "time"

const (
	typeStockReserved     = "storefront.inventory.stock_reserved"
	typeStockRejected     = "storefront.inventory.stock_rejected"
	typeStockConfirmed    = "storefront.inventory.stock_confirmed"
	typeStockReleased     = "storefront.inventory.stock_released"
	typeStockLevelChanged = "storefront.inventory.stock_level_changed"
)

// StockReserved holds all of an order's goods until ExpiresAt.
type StockReserved struct {
	Stamp
	OrderID   string    `json:"orderId"`
	Customer  string    `json:"customer"`
	Lines     []Line    `json:"lines"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// StockRejected says which lines could not be had; nothing is held.
type StockRejected struct {
	Stamp
	OrderID  string     `json:"orderId"`
	Customer string     `json:"customer"`
	Missing  []Shortage `json:"missing"`
}

// Shortage is a line that could not be reserved.
type Shortage struct {
	SKU       string `json:"sku"`
	Requested int    `json:"requested"`
	Available int    `json:"available"` // at the moment of the refusal
}

// StockConfirmed answers PaymentAuthorized: the goods are the order's for good, capture may go on.
type StockConfirmed struct {
	Stamp
	OrderID  string `json:"orderId"`
	Customer string `json:"customer"`
}

// StockReleased says that an order's goods are free again. Reason EXPIRED before a capture means: void.
type StockReleased struct {
	Stamp
	OrderID  string `json:"orderId"`
	Customer string `json:"customer"`
	Lines    []Line `json:"lines"`
	Reason   string `json:"reason"` // EXPIRED, CANCELLED or PAYMENT_FAILED
}

// StockLevelChanged is what can be sold of one SKU now, over all warehouses.
type StockLevelChanged struct {
	Stamp
	SKU       string `json:"sku"`
	ProductID string `json:"productId,omitempty"`
	Available int    `json:"available"`
	OnHand    int    `json:"onHand"`
	Version   int    `json:"version"` // grows with every change of this SKU
}

func (e StockReserved) EventTopic() string { return InventoryTopic }
func (e StockReserved) EventType() string  { return typeStockReserved }
func (e StockReserved) EventKey() string   { return e.OrderID }

func (e StockRejected) EventTopic() string { return InventoryTopic }
func (e StockRejected) EventType() string  { return typeStockRejected }
func (e StockRejected) EventKey() string   { return e.OrderID }

func (e StockConfirmed) EventTopic() string { return InventoryTopic }
func (e StockConfirmed) EventType() string  { return typeStockConfirmed }
func (e StockConfirmed) EventKey() string   { return e.OrderID }

func (e StockReleased) EventTopic() string { return InventoryTopic }
func (e StockReleased) EventType() string  { return typeStockReleased }
func (e StockReleased) EventKey() string   { return e.OrderID }

func (e StockLevelChanged) EventTopic() string { return InventoryTopic }
func (e StockLevelChanged) EventType() string  { return typeStockLevelChanged }
func (e StockLevelChanged) EventKey() string   { return e.SKU }
