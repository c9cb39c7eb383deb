package orders

import (
	"context"
	"errors"
	"time"

	"storefront/internal/outbox"
	"storefront/loaders/page"
)

// ErrExists says that a unique index refused an insert: somebody else was first.
var ErrExists = errors.New("exists already")

// Store keeps baskets, prices, discounts and orders. Each method is atomic for the one document it
// writes. Errors are NotFound for a document that is not there, Unavailable when the database is away.
// The change functions may run several times and must not act on the world; an error from one changes
// nothing and is returned as it is.
type Store interface {
	// InsertBasket writes a new basket; ErrExists when the id is taken.
	InsertBasket(ctx context.Context, b *Basket) error
	// Baskets returns those of ids that exist.
	Baskets(ctx context.Context, ids []string) (map[string]Basket, error)
	// LatestBasket returns the owner's open basket that changed last; NotFound when there is none.
	LatestBasket(ctx context.Context, owner string) (Basket, error)
	// UpdateBasket changes one basket.
	UpdateBasket(ctx context.Context, id string, change func(*Basket) error) (Basket, error)

	// Prices returns what is known of skus.
	Prices(ctx context.Context, skus []string) (map[string]Price, error)
	// SavePrice changes what is known of one SKU; change gets the zero value for a new one, and
	// reports whether anything is to be written. Safe to repeat.
	SavePrice(ctx context.Context, sku string, change func(*Price) bool) error

	// InsertDiscount writes a new code; ErrExists when it is taken.
	InsertDiscount(ctx context.Context, d *Discount) error
	// Discounts returns those of codes that exist.
	Discounts(ctx context.Context, codes []string) (map[string]Discount, error)
	// HoldDiscount takes one use of a code for a cart, once per cart, if the limit allows it; false
	// when it does not. Safe to repeat: the cart then holds it since the later time.
	HoldDiscount(ctx context.Context, code, cartID string, at time.Time) (bool, error)
	// ConfirmDiscount says that the cart has become an order: HeldDiscounts does not name its use any
	// more. Safe to repeat.
	ConfirmDiscount(ctx context.Context, code, cartID string) error
	// ReleaseDiscount gives a cart's use back. Safe to repeat.
	ReleaseDiscount(ctx context.Context, code, cartID string) error
	// AbandonDiscount gives back a use that HeldDiscounts named, unless it was taken or confirmed again since.
	// Safe to repeat.
	AbandonDiscount(ctx context.Context, h DiscountHold) error
	// SettleDiscount makes a cart's use final: it counts for good. Safe to repeat.
	SettleDiscount(ctx context.Context, code, cartID string) error
	// HeldDiscounts returns uses taken before t and not confirmed since, the oldest first; about limit at most.
	HeldDiscounts(ctx context.Context, before time.Time, limit int) ([]DiscountHold, error)

	// InsertOrder writes a new order and its events; ErrExists when its owner has used the key, or its
	// cart has become an order. Repeat it only after looking for the order.
	InsertOrder(ctx context.Context, o *Order, events ...outbox.Event) error
	// Orders returns those of ids that exist.
	Orders(ctx context.Context, ids []string) (map[string]Order, error)
	// OrderByKey returns the order that owner placed with an idempotency key; NotFound when none.
	OrderByKey(ctx context.Context, owner, key string) (Order, error)
	// OrdersByCart returns the orders that carts became, by cart id.
	OrdersByCart(ctx context.Context, cartIDs []string) (map[string]Order, error)
	// ListOrders returns orders newest first (oldest first when w is Backward), one more than w.Size
	// where there are more. Empty fields of the filter do not count.
	ListOrders(ctx context.Context, f OrderFilter, w page.Window) ([]Order, error)
	// UpdateOrder changes one order and writes the events that the change causes with it.
	UpdateOrder(ctx context.Context, id string, change func(*Order) ([]outbox.Event, error)) (Order, error)
	// StalledOrders returns orders that are due at t, the longest waiting first and without their lines;
	// none whose last events are still to be published: nobody could have answered those.
	StalledOrders(ctx context.Context, t time.Time, limit int) ([]Order, error)
}

// OrderFilter chooses orders.
type OrderFilter struct {
	Owner  string
	Status OrderStatus
}

// DiscountHold is a use of a code that an order in the making, or on its way, has taken.
type DiscountHold struct {
	Code   string    `bson:"code"`
	CartID string    `bson:"cart"`
	At     time.Time `bson:"at"`
}
