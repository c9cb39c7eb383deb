package main

import (
	"context"
	"net/http"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/subgraphs/inventory"
	inventorygraph "storefront/subgraphs/inventory/graph"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	"storefront/subgraphs/orders"
	ordersgraph "storefront/subgraphs/orders/graph"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/products"
	productsgraph "storefront/subgraphs/products/graph"
	productsmongo "storefront/subgraphs/products/mongo"
	"storefront/subgraphs/products/search"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/carrier"
	shippinggraph "storefront/subgraphs/shipping/graph"
	shippingmongo "storefront/subgraphs/shipping/mongo"
)

// allParts builds every service, in the order of their ports.
func (e *edges) allParts(ctx context.Context) ([]*part, error) {
	var parts []*part
	for _, name := range services {
		p, err := e.build(ctx, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// pages are what people reach beside the graph: uploaded and made files.
func (e *edges) pages() map[string]http.Handler {
	pages := map[string]http.Handler{}
	if files := e.blob.Handler(); files != nil {
		pages["/files/"] = http.StripPrefix("/files", files)
	}
	return pages
}

// build makes one service.
func (e *edges) build(ctx context.Context, name string) (*part, error) {
	switch name {
	case "products":
		return e.products(ctx)
	case "orders":
		return e.orders(ctx)
	case "inventory":
		return e.inventory(ctx)
	case "users":
		return e.users(ctx)
	case "reviews":
		return e.reviews(ctx)
	case "payments":
		return e.payments(ctx)
	case "notifications":
		return e.notifications(ctx)
	case "shipping":
		return e.shipping(ctx)
	}
	return nil, errs.New(errs.BadInput, "there is no service %q", name)
}

func (e *edges) products(ctx context.Context) (*part, error) {
	store, err := productsmongo.New(ctx, e.mongo.Database("products"), e.now)
	if err != nil {
		return nil, err
	}
	index, err := search.New(search.Config{Log: e.log})
	if err != nil {
		return nil, err
	}
	s := products.New(products.Config{Store: store, Search: index, Images: e.blob, Redis: e.redis, Currency: e.Currency, Now: e.now, Log: e.log})
	feed := func(ctx context.Context) error {
		defer index.Close()
		return consumers.FeedSearchIndex(ctx, e.kafka, index, e.log)
	}
	return e.service("products", productsgraph.Handler(s, e.log), consumers.Products(s), store.Outboxes(), s.Run, feed), nil
}

func (e *edges) orders(ctx context.Context) (*part, error) {
	store, err := ordersmongo.New(ctx, e.mongo.Database("orders"), e.now)
	if err != nil {
		return nil, err
	}
	s := orders.New(orders.Config{Store: store, Quotes: e.quotes, Now: e.now, Log: e.log, DefaultCurrency: e.Currency})
	return e.service("orders", ordersgraph.Handler(s, e.log), consumers.Orders(s), store.Outboxes(), s.Run), nil
}

func (e *edges) inventory(ctx context.Context) (*part, error) {
	store, err := inventorymongo.New(ctx, e.mongo.Database("inventory"), e.now)
	if err != nil {
		return nil, err
	}
	s := inventory.New(inventory.Config{Store: store, Now: e.now, Log: e.log, TTL: e.Hold})
	return e.service("inventory", inventorygraph.Handler(s, e.log), consumers.Inventory(s), store.Outboxes(), s.Run), nil
}

func (e *edges) shipping(ctx context.Context) (*part, error) {
	store, err := shippingmongo.New(ctx, e.mongo.Database("shipping"), e.now)
	if err != nil {
		return nil, err
	}
	s := shipping.New(shipping.Config{Store: store, Carrier: carrier.NewSimulated(e.Carrier, e.now), Quotes: e.quotes, Now: e.now, Log: e.log})
	return e.service("shipping", shippinggraph.Handler(s, e.log), consumers.Shipping(s), store.Outboxes(), s.Run), nil
}
