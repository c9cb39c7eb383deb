package products

import (
	"context"
	"errors"

	"storefront/internal/outbox"
	"storefront/loaders/page"
)

// Store keeps products and collections, each with its outbox. Reads that name what they want leave out
// what does not exist. Errors are NotFound and Unavailable where internal/errs has them, else internal.
type Store interface {
	// ProductsByID, -ByHandle, -BySKU and -ByVariant read by the keys they return.
	ProductsByID(ctx context.Context, ids []string) (map[string]Product, error)
	ProductsByHandle(ctx context.Context, handles []string) (map[string]Product, error)
	ProductsBySKU(ctx context.Context, skus []string) (map[string]Product, error)
	ProductsByVariant(ctx context.Context, variantIDs []string) (map[string]Product, error)
	// ListProducts reads w.Size+1 products in w's direction, in the order of their ids, which is that of
	// their making; w.Cursor is an id.
	ListProducts(ctx context.Context, filter ListFilter, w page.Window) ([]Product, error)
	// InsertProduct writes a new product and its events at once. ErrHandleTaken and ErrSKUTaken say that
	// another product has them. Not safe to repeat after an unknown outcome: it may meet its own first try.
	InsertProduct(ctx context.Context, p *Product, events ...outbox.Event) error
	// UpdateProduct reads, changes and writes a product and its events at once; change may run several
	// times. Safe to repeat if change is. NotFound, ErrSKUTaken, and change's own errors.
	UpdateProduct(ctx context.Context, id string, change func(*Product) ([]outbox.Event, error)) (Product, error)

	CollectionsByID(ctx context.Context, ids []string) (map[string]Collection, error)
	// ListCollections is ListProducts for collections, in the order of their handles; w.Cursor is a handle.
	ListCollections(ctx context.Context, w page.Window) ([]Collection, error)
	// InsertCollection reports false when one with this id is there already, and leaves that as it is.
	// Safe to repeat.
	InsertCollection(ctx context.Context, c *Collection) (bool, error)
}

// ListFilter chooses products; empty fields choose all.
type ListFilter struct {
	Status     Status
	Collection string // handle
}

// What a unique index refused.
var (
	ErrHandleTaken = errors.New("another product has this handle")
	ErrSKUTaken    = errors.New("another product has one of these SKUs")
)
