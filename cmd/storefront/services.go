package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/subgraphs/inventory"
	inventorygraph "storefront/subgraphs/inventory/graph"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	"storefront/subgraphs/notifications"
	notificationsgraph "storefront/subgraphs/notifications/graph"
	notificationsmongo "storefront/subgraphs/notifications/mongo"
	"storefront/subgraphs/orders"
	ordersgraph "storefront/subgraphs/orders/graph"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/payments"
	"storefront/subgraphs/payments/gateway/stripe"
	"storefront/subgraphs/payments/gateway/testgateway"
	paymentsgraph "storefront/subgraphs/payments/graph"
	paymentsmongo "storefront/subgraphs/payments/mongo"
	"storefront/subgraphs/products"
	productsgraph "storefront/subgraphs/products/graph"
	productsmongo "storefront/subgraphs/products/mongo"
	"storefront/subgraphs/products/search"
	"storefront/subgraphs/reviews"
	reviewsgraph "storefront/subgraphs/reviews/graph"
	reviewsmongo "storefront/subgraphs/reviews/mongo"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/carrier"
	shippinggraph "storefront/subgraphs/shipping/graph"
	shippingmongo "storefront/subgraphs/shipping/mongo"
	"storefront/subgraphs/users"
	usersgraph "storefront/subgraphs/users/graph"
	usersmongo "storefront/subgraphs/users/mongo"
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
	store, err := productsmongo.New(ctx, e.database("products"), e.now)
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
	p := e.service("products", productsgraph.Handler(s, e.log), consumers.Products(s), store.Outboxes(), s.Run, feed)
	p.warm = index.Ready()
	if files := e.blob.Handler(); files != nil { // a bucket serves its files itself
		p.pages = map[string]http.Handler{"/files/": files}
	}
	return p, nil
}

func (e *edges) orders(ctx context.Context) (*part, error) {
	store, err := ordersmongo.New(ctx, e.database("orders"), e.now)
	if err != nil {
		return nil, err
	}
	s := orders.New(orders.Config{Store: store, Quotes: e.quotes, Now: e.now, Log: e.log, DefaultCurrency: e.Currency})
	return e.service("orders", ordersgraph.Handler(s, e.log), consumers.Orders(s), store.Outboxes(), s.Run), nil
}

func (e *edges) inventory(ctx context.Context) (*part, error) {
	store, err := inventorymongo.New(ctx, e.database("inventory"), e.now)
	if err != nil {
		return nil, err
	}
	s := inventory.New(inventory.Config{Store: store, Now: e.now, Log: e.log, TTL: e.Hold})
	return e.service("inventory", inventorygraph.Handler(s, e.log), consumers.Inventory(s), store.Outboxes(), s.Run), nil
}

func (e *edges) users(ctx context.Context) (*part, error) {
	store, err := usersmongo.New(ctx, e.database("users"), e.now)
	if err != nil {
		return nil, err
	}
	s := users.New(users.Config{Store: store, Now: e.now, Log: e.log})
	return e.service("users", usersgraph.Handler(s, e.log), consumers.Group{}, store.Outboxes()), nil
}

func (e *edges) reviews(ctx context.Context) (*part, error) {
	store, err := reviewsmongo.New(ctx, e.database("reviews"), e.now)
	if err != nil {
		return nil, err
	}
	if e.Uploads < 1 {
		return nil, errs.New(errs.BadInput, "--review-uploads-per-day %d is less than 1", e.Uploads)
	}
	s := reviews.New(reviews.Config{Store: store, Images: e.blob, Now: e.now, Log: e.log, AutoPublish: true, UploadsPerDay: e.Uploads})
	return e.service("reviews", reviewsgraph.Handler(s, e.log), consumers.Reviews(s), store.Outboxes(), s.Run), nil
}

func (e *edges) payments(ctx context.Context) (*part, error) {
	store, err := paymentsmongo.New(ctx, e.database("payments"), e.now)
	if err != nil {
		return nil, err
	}
	gateway, close, err := e.gateway()
	if err != nil {
		return nil, err
	}
	s := payments.New(payments.Config{Store: store, Gateway: gateway, Now: e.now, Log: e.log, PublicURL: e.PublicURL, RefundFailed: e.metrics.RefundFailed})
	run := func(ctx context.Context) error { return errors.Join(s.Run(ctx), close()) }
	p := e.service("payments", paymentsgraph.Handler(s, e.log), consumers.Payments(s), store.Outboxes(), run)
	p.pages = map[string]http.Handler{"/3ds/": s.HTTP(), "/webhooks/": s.HTTP()}
	return p, nil
}

// ledgerDir is where the test gateway keeps its ledger.
func ledgerDir(dataDir string) string { return filepath.Join(dataDir, "gateway") }

// gateway is the payment gateway that was asked for, and how it is closed.
func (e *edges) gateway() (payments.Gateway, func() error, error) {
	if e.Faults != "" && e.Gateway != "test" {
		return nil, nil, errs.New(errs.BadInput, "--test-gateway-faults are for --payment-gateway test, not for %s", e.Gateway)
	}
	switch e.Gateway {
	case "stripe":
		g, err := stripe.New(stripe.Config{Key: e.StripeKey, PublishableKey: e.StripePub, WebhookSecret: e.StripeWeb})
		return g, func() error { return nil }, err
	case "test":
		faults, err := testgateway.ParseFaults(e.Faults)
		if err != nil {
			return nil, nil, errs.New(errs.BadInput, "--test-gateway-faults: %v", err)
		}
		faults.To = cmp.Or(faults.To, strings.TrimRight(e.PublicURL, "/")+"/webhooks/test")
		if e.Faults != "" {
			e.log.Warn("the test gateway makes faults", "faults", e.Faults)
		}
		g, err := testgateway.Open(testgateway.Config{Dir: ledgerDir(e.DataDir), Now: e.now, Secret: e.key("gateway"), Faults: faults, Log: e.log})
		if err != nil {
			return nil, nil, err
		}
		return g, g.Close, nil
	}
	return nil, nil, errs.New(errs.BadInput, "--payment-gateway %q is neither test nor stripe", e.Gateway)
}

func (e *edges) notifications(ctx context.Context) (*part, error) {
	store, err := notificationsmongo.New(ctx, e.database("notifications"), e.now)
	if err != nil {
		return nil, err
	}
	s, err := notifications.New(notifications.Config{Store: store, Mail: e.mail, From: e.MailFrom, PublicURL: e.PublicURL,
		Secret: e.key("unsubscribe"), Now: e.now, Log: e.log})
	if err != nil {
		return nil, err
	}
	unsubscribe, err := s.HTTP()
	if err != nil {
		return nil, err
	}
	p := e.service("notifications", notificationsgraph.Handler(s, e.log), consumers.Notifications(s), store.Outboxes(), s.Run)
	p.pages = map[string]http.Handler{"/unsubscribe": unsubscribe}
	return p, nil
}

func (e *edges) shipping(ctx context.Context) (*part, error) {
	store, err := shippingmongo.New(ctx, e.database("shipping"), e.now)
	if err != nil {
		return nil, err
	}
	s := shipping.New(shipping.Config{Store: store, Carrier: carrier.NewSimulated(e.Carrier, e.now), Quotes: e.quotes, Now: e.now, Log: e.log})
	return e.service("shipping", shippinggraph.Handler(s, e.log), consumers.Shipping(s), store.Outboxes(), s.Run), nil
}
