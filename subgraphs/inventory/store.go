package inventory

import (
	"context"
	"time"

	"storefront/events"
	"storefront/internal/outbox"
)

// Store keeps stock and reservations. Every method is safe to repeat. The events that change returns
// are published exactly when the change is written.
type Store interface {
	// Reservation returns one; NotFound when there is none.
	Reservation(ctx context.Context, orderID string) (Reservation, error)
	// UpdateReservation changes one atomically; change may run more than once.
	UpdateReservation(ctx context.Context, orderID string, change func(*Reservation) ([]outbox.Event, error)) (Reservation, error)
	// UpsertReservation is UpdateReservation for one that may not be there yet.
	UpsertReservation(ctx context.Context, orderID string, change func(r *Reservation, exists bool) ([]outbox.Event, error)) (Reservation, error)
	// Expired lists reservations that ran out before t, the oldest first.
	Expired(ctx context.Context, t time.Time, limit int) ([]string, error)
	// Unfinished lists reservations whose stock work was decided and is not done.
	Unfinished(ctx context.Context, limit int) ([]Reservation, error)

	// Hold takes each line's quantity out of what is available, where there is enough and the order does
	// not hold it already, nor has it taken. It returns the lines that could not be held; the others stay held.
	Hold(ctx context.Context, orderID string, lines []ReservationLine) ([]events.Shortage, error)
	// Release gives back whatever the order holds of these SKUs.
	Release(ctx context.Context, orderID string, skus []string) error
	// Commit takes what the order holds out of the warehouses, once, and returns from which. A repeat returns the
	// same, until Forget.
	Commit(ctx context.Context, orderID string, lines []ReservationLine) (Units, error)
	// Forget is called once the reservation says what Commit returned.
	Forget(ctx context.Context, orderID string, skus []string) error
	// Restock adds units to warehouses, once per key and SKU.
	Restock(ctx context.Context, key string, units Units) error

	// Items returns those SKUs that are known.
	Items(ctx context.Context, skus []string) (map[string]StockItem, error)
	// ItemsOfProducts returns the stock of products, by product id.
	ItemsOfProducts(ctx context.Context, productIDs []string) (map[string][]StockItem, error)
	// Describe notes which product SKUs belong to, and makes stock items of new ones. A description that is
	// older than what a SKU has from it changes nothing.
	Describe(ctx context.Context, d Description) error
	// Adjust applies each adjustment once, and returns those it did not: of those in short there is less than
	// they take away; the ids in other were used before, for what other says.
	Adjust(ctx context.Context, list []StockAdjustment) (short, other []StockAdjustment, err error)
	// Adjustments lists the latest of a SKU, newest first.
	Adjustments(ctx context.Context, sku string, limit int) ([]StockAdjustment, error)

	// Warehouses lists all by id, the default one included.
	Warehouses(ctx context.Context) ([]Warehouse, error)
	// InsertWarehouse adds one; an existing one takes the new name.
	InsertWarehouse(ctx context.Context, w Warehouse) error
}
