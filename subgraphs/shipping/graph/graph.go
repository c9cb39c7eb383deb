// Package graph is shipping's part of the graph.
package graph

import (
	"context"
	"log/slog"
	"net/http"

	"storefront/internal/gql"
	"storefront/internal/money"
	"storefront/internal/postal"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/graph/gen"
)

// Handler serves the subgraph. Callers wrap it so that only the router reaches it.
func Handler(s *shipping.Service, log *slog.Logger) http.Handler {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: root{s}})
	return gql.Handler(schema, log, func(ctx context.Context) context.Context { return ctx })
}

type root struct{ shipping *shipping.Service }

func (r root) Query() gen.QueryResolver       { return query{r.shipping} }
func (r root) Entity() gen.EntityResolver     { return entity{r.shipping} }
func (r root) Shipment() gen.ShipmentResolver { return shipment{} }
func (r root) Variant() gen.VariantResolver   { return variant{r.shipping} }

type query struct{ shipping *shipping.Service }

func (q query) AddressCheck(_ context.Context, a postal.Address) (*gen.AddressCheck, error) {
	found := shipping.CheckAddress(a)
	problems := make([]gql.UserError, len(found))
	for i, p := range found {
		problems[i] = gql.UserError{Field: p.Field, Code: string(p.Code), Message: p.Message}
	}
	return &gen.AddressCheck{Valid: len(found) == 0, Problems: problems}, nil
}

func (q query) ShippingRates(ctx context.Context, to postal.Address, grams int, value money.Money) ([]shipping.ShippingRate, error) {
	return q.shipping.Rates(ctx, to, grams, value)
}

func (q query) ShippingZones(context.Context) ([]shipping.ShippingZone, error) {
	return shipping.Zones(), nil
}

type shipment struct{}

func (shipment) Order(_ context.Context, sh *shipping.Shipment) (*gen.Order, error) {
	return &gen.Order{ID: sh.OrderID, Shipment: sh}, nil
}

type variant struct{ shipping *shipping.Service }

// ShippingEstimate is the cheapest way to send one unit.
func (v variant) ShippingEstimate(ctx context.Context, of *shipping.Variant, country string, currency *string) (*gen.ShippingEstimate, error) {
	code := "EUR"
	if currency != nil {
		code = *currency
	}
	rates, err := v.shipping.Rates(ctx, postal.Address{Country: country}, of.Grams, money.New(0, code))
	if err != nil || len(rates) == 0 {
		return nil, err
	}
	return &gen.ShippingEstimate{Price: &rates[0].Price, Earliest: rates[0].Earliest, Latest: rates[0].Latest}, nil
}
