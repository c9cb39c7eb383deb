package graph

import (
	"context"

	"storefront/internal/errs"
	"storefront/internal/gql"
	"storefront/subgraphs/inventory"
	"storefront/subgraphs/inventory/graph/gen"
)

type entity struct{ inventory *inventory.Service }

func (e entity) FindAvailability(ctx context.Context, reps []gen.AvailabilityRepresentation) ([]*inventory.Availability, error) {
	skus := make([]string, len(reps))
	for i, r := range reps {
		skus[i] = *r.Sku
	}
	return query{e.inventory}.Availability(ctx, skus)
}

// FindVariant knows every SKU: one that was never in stock has none.
func (e entity) FindVariant(ctx context.Context, reps []gen.VariantRepresentation) ([]*gen.Variant, error) {
	skus := make([]string, len(reps))
	for i, r := range reps {
		skus[i] = *r.Sku
	}
	items, err := e.inventory.Items(ctx, skus)
	list := make([]*gen.Variant, len(reps))
	for i, sku := range skus {
		item := items[sku]
		item.SKU = sku
		list[i] = &gen.Variant{Sku: sku, Availability: item.Availability()}
	}
	return list, err
}

// FindProduct sums over a product's SKUs.
func (e entity) FindProduct(ctx context.Context, reps []gen.ProductRepresentation) ([]*gen.Product, error) {
	ids := make([]string, len(reps))
	for i, r := range reps {
		ids[i] = *r.ID
	}
	items, err := e.inventory.OfProducts(ctx, ids)
	list := make([]*gen.Product, len(reps))
	for i, id := range ids {
		total := 0
		for _, item := range items[id] {
			total += item.Available
		}
		list[i] = &gen.Product{ID: id, Availability: &gen.ProductAvailability{InStock: total > 0, Available: total}}
	}
	return list, err
}

func (e entity) FindWarehouse(ctx context.Context, reps []gen.WarehouseRepresentation) ([]*inventory.Warehouse, error) {
	list := make([]*inventory.Warehouse, len(reps))
	for i, r := range reps {
		w, err := warehouse(ctx, *r.ID)
		if err != nil {
			return nil, err
		}
		if w.ID != "" {
			list[i] = w
		}
	}
	return list, nil
}

type availability struct{}

func (availability) Variant(_ context.Context, a *inventory.Availability) (*gen.Variant, error) {
	return &gen.Variant{Sku: a.SKU, Availability: a}, nil
}

type stockItem struct{ inventory *inventory.Service }

func (stockItem) Levels(_ context.Context, item *inventory.StockItem) ([]inventory.StockLevel, error) {
	return item.ByWarehouse(), nil
}

func (s stockItem) Adjustments(ctx context.Context, item *inventory.StockItem, first int) ([]inventory.StockAdjustment, error) {
	return s.inventory.Adjustments(ctx, item.SKU, first)
}

type stockLevel struct{}

func (stockLevel) Warehouse(ctx context.Context, l *inventory.StockLevel) (*inventory.Warehouse, error) {
	return warehouse(ctx, l.Warehouse)
}

type stockAdjustment struct{}

func (stockAdjustment) Warehouse(ctx context.Context, a *inventory.StockAdjustment) (*inventory.Warehouse, error) {
	return warehouse(ctx, a.Warehouse)
}

func tooMany(field string, n int) error {
	return errs.Input([]string{field}, "%d at once; ask for at most %d", n, gql.MaxRepresentations)
}
