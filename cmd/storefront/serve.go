package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"storefront/consumers"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/server"
	"storefront/internal/telemetry"
)

// ServeConfig is what `storefront serve SERVICE` takes.
type ServeConfig struct {
	Listen string `flag:"listen" env:"STOREFRONT_SERVICE_LISTEN" help:"where the router reaches the subgraph; 127.0.0.1 and the service's own port when absent"`
	Edges
}

const serveUsage = `storefront serve SERVICE: runs one service's subgraph, consumers and outbox relay. SERVICE is products,
orders, inventory, users, reviews, payments, notifications or shipping. Run as many of each as you like.`

func runServe(ctx context.Context, std stdio, args []string) error {
	var cfg ServeConfig
	rest, err := flags.ParseArgs("serve", serveUsage, &cfg, args, std.env, std.out)
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
	if name == "payments" && cfg.Gateway == "test" { // `up` is a workshop, and runs on it as it should
		log.Warn("payments run on the built-in test gateway: no money is taken, and anybody may pay by its test tokens, such as tok_visa; " +
			"a shop that sells names a real one, such as --payment-gateway stripe (STOREFRONT_PAYMENT_GATEWAY)")
	}
	stopTraces, err := telemetry.StartTraces(ctx, name)
	if err != nil {
		return err
	}
	defer stopTraces(context.WithoutCancel(ctx))
	e, err := connect(ctx, cfg.Edges, consumers.TopicsOf(name, int32(cfg.Partitions), int16(cfg.Replication)), log)
	if err != nil {
		return err
	}
	defer e.Close()
	p, err := e.build(ctx, name)
	if err != nil {
		return err
	}
	srv, err := server.Start(server.Config{Name: name, Addr: cfg.Listen, Handler: p.handler(), Ready: p.ready(e), Metrics: e.metrics.Handler(), Log: log})
	if err != nil {
		return err
	}
	log.Info("service is ready", "service", name, "address", srv.URL("/graphql"))
	err = supervise(ctx, log, p.runs)
	shutdown, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(err, srv.Shutdown(shutdown))
}
