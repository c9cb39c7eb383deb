// Package graph is inventory's part of the graph.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/loaders"
	"storefront/subgraphs/inventory"
	"storefront/subgraphs/inventory/graph/gen"
)

// Handler serves the subgraph. Callers wrap it so that only the router reaches it.
func Handler(s *inventory.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: &root{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context {
		return context.WithValue(ctx, loaderKey{}, loaders.New(s.WarehousesByID, loaders.Options{}))
	})
}

type loaderKey struct{}

func warehouse(ctx context.Context, id string) (*inventory.Warehouse, error) {
	w, _, err := ctx.Value(loaderKey{}).(*loaders.Loader[string, inventory.Warehouse]).Load(ctx, id)
	return &w, err
}

type root struct{ inventory *inventory.Service }

func (r *root) Query() gen.QueryResolver                     { return r.query() }
func (r *root) Mutation() gen.MutationResolver               { return mutation{r.inventory} }
func (r *root) Entity() gen.EntityResolver                   { return entity{r.inventory} }
func (r *root) Availability() gen.AvailabilityResolver       { return availability{} }
func (r *root) StockItem() gen.StockItemResolver             { return stockItem{r.inventory} }
func (r *root) StockLevel() gen.StockLevelResolver           { return stockLevel{} }
func (r *root) StockAdjustment() gen.StockAdjustmentResolver { return stockAdjustment{} }

func (r *root) query() query { return query{r.inventory} }

type query struct{ inventory *inventory.Service }

// Availability answers in the order asked; null for a SKU that is not known.
func (q query) Availability(ctx context.Context, skus []string) ([]*inventory.Availability, error) {
	if len(skus) > gql.MaxRepresentations {
		return nil, tooMany("skus", len(skus))
	}
	items, err := q.inventory.Items(ctx, skus)
	list := make([]*inventory.Availability, len(skus))
	for i, sku := range skus {
		if item, ok := items[sku]; ok {
			list[i] = item.Availability()
		}
	}
	return list, err
}

func (q query) StockItem(ctx context.Context, sku string) (*inventory.StockItem, error) {
	return q.inventory.Item(ctx, sku)
}

func (q query) Reservation(ctx context.Context, orderID string) (*inventory.Reservation, error) {
	return q.inventory.ReservationOf(ctx, orderID)
}

func (q query) Warehouses(ctx context.Context) ([]inventory.Warehouse, error) {
	return q.inventory.Warehouses(ctx)
}

type mutation struct{ inventory *inventory.Service }

func (m mutation) StockAdjust(ctx context.Context, lines []inventory.StockAdjustInput, reason, key string) (*gen.StockPayload, error) {
	items, err := m.inventory.Adjust(ctx, lines, reason, key)
	userErrors, err := gql.UserErrors(err)
	if items == nil {
		items = []inventory.StockItem{}
	}
	return &gen.StockPayload{Items: items, UserErrors: userErrors}, err
}

func (m mutation) WarehouseCreate(ctx context.Context, id, name, country string) (*gen.WarehousePayload, error) {
	w, err := m.inventory.CreateWarehouse(ctx, inventory.Warehouse{ID: id, Name: name, Country: country})
	userErrors, err := gql.UserErrors(err)
	return &gen.WarehousePayload{Warehouse: w, UserErrors: userErrors}, err
}
