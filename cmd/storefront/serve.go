package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/server"
	"storefront/internal/telemetry"
	"storefront/subgraphs/inventory"
	inventorygraph "storefront/subgraphs/inventory/graph"
	inventorymongo "storefront/subgraphs/inventory/mongo"
	"storefront/subgraphs/orders"
	ordersgraph "storefront/subgraphs/orders/graph"
	ordersmongo "storefront/subgraphs/orders/mongo"
	"storefront/subgraphs/shipping"
	"storefront/subgraphs/shipping/carrier"
	shippinggraph "storefront/subgraphs/shipping/graph"
	shippingmongo "storefront/subgraphs/shipping/mongo"
)

// ServeConfig is what `storefront serve SERVICE` takes.
type ServeConfig struct {
	Edges
	Listen string `flag:"listen" env:"STOREFRONT_SERVICE_LISTEN" help:"where the router reaches the subgraph; 127.0.0.1 and the service's own port when absent"`
}

const serveUsage = `storefront serve SERVICE: runs one service's subgraph, consumers and outbox relay. SERVICE is products,
orders, inventory, users, reviews, payments, notifications or shipping. Run as many of each as you like.`

func runServe(ctx context.Context, std stdio, args []string) error {
	var cfg ServeConfig
	rest, err := flags.Parse("serve", serveUsage, &cfg, args, std.env, std.out)
	if err != nil {
		return err
	}
	if len(rest) != 1 || servicePort(rest[0]) == 0 {
		return errs.New(errs.BadInput, "name one service: %s", strings.Join(services, ", "))
	}
	if err := cfg.need(map[string]string{"--mongodb-uri": cfg.MongoDB, "--kafka-brokers": strings.Join(cfg.Brokers, ","),
		"--redis-url": cfg.Redis, "--secret": cfg.Secret}); err != nil {
		return err
	}
	name := rest[0]
	if cfg.Listen == "" {
		cfg.Listen = UpConfig{BasePort: firstPort}.addr(servicePort(name) - firstPort)
	}
	log := telemetry.NewLogger(std.err, cfg.LogLevel)
	stopTraces, err := telemetry.StartTraces(ctx, name)
	if err != nil {
		return err
	}
	defer stopTraces(context.WithoutCancel(ctx))
	e, err := connect(ctx, cfg.Edges, log)
	if err != nil {
		return err
	}
	defer e.Close()
	p, err := e.build(ctx, name)
	if err != nil {
		return err
	}
	srv, err := server.Start(server.Config{Name: name, Addr: cfg.Listen, Handler: p.handler(), Ready: e.ready, Metrics: e.metrics.Handler(), Log: log})
	if err != nil {
		return err
	}
	log.Info("service is ready", "service", name, "address", srv.URL("/graphql"))
	err = supervise(ctx, log, p.runs)
	shutdown, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, srv.Shutdown(shutdown))
}

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
