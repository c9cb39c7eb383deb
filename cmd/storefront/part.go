package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"

	"storefront/consumers"
	"storefront/internal/mongodb"
	"storefront/internal/outbox"
	"storefront/internal/redis"
	"storefront/internal/server"
)

// part is one service, ready to be served: its subgraph, pages of its own, and what runs beside it.
type part struct {
	name     string
	subgraph http.Handler
	pages    map[string]http.Handler // by pattern; reached by people and other companies, not by the router
	runs     []func(context.Context) error
	warm     <-chan struct{} // closed once it can answer everything; nil: at once
}

// ready says whether what the part needs answers, and whether it is warm.
func (p *part) ready(e *edges) server.Check {
	return func(ctx context.Context) error {
		if p.warm != nil {
			select {
			case <-p.warm:
			default:
				return errors.New("the search index is warming up")
			}
		}
		return e.ready(ctx)
	}
}

// service puts together what all services have: the subgraph behind the signed identity, the consumers,
// the relay and the service's own background work.
func (e *edges) service(name string, subgraph http.Handler, group consumers.Group, outboxes []outbox.Store, runs ...func(context.Context) error) *part {
	log := e.log.With("service", name)
	p := &part{name: name, subgraph: otelhttp.NewHandler(e.signer.Middleware(name, subgraph), name), runs: runs}
	if group.Handlers != nil {
		p.runs = append(p.runs, consumers.NewRunner(consumers.RunnerConfig{
			Kafka: e.kafka, Group: group, Producer: e.producer, Logger: log, Observer: e.metrics, Tracer: otel.Tracer("storefront"),
			Instance: e.KafkaInstance,
		}).Run)
	}
	if len(outboxes) > 0 {
		p.runs = append(p.runs, consumers.NewRelay(consumers.RelayConfig{
			Stores: outboxes, Producer: e.producer, Logger: log, Observer: e.metrics, Tracer: otel.Tracer("storefront"), Clock: e.now,
			Leases: mongodb.NewLeases(e.database(name)), Holder: e.holder, Hints: redis.NewHints(e.redis, e.MongoPrefix+name, e.holder),
		}).Run)
	}
	return p
}

// handler serves the subgraph at /graphql and the pages at their own paths.
func (p *part) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /graphql", p.subgraph)
	for pattern, h := range p.pages {
		mux.Handle(pattern, h)
	}
	return mux
}

// supervise runs all functions until ctx ends or one of them fails, and waits for the others then.
func supervise(ctx context.Context, log *slog.Logger, runs []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(runs))
	for _, run := range runs {
		go func() {
			err := run(ctx)
			if err == nil && ctx.Err() == nil {
				err = fmt.Errorf("a background task stopped by itself")
			}
			if err != nil && ctx.Err() == nil {
				cancel()
			} else if err != nil {
				log.Debug("background task stopped", "error", err)
				err = nil
			}
			failed <- err
		}()
	}
	var first error
	for range runs {
		if err := <-failed; err != nil && first == nil {
			first = err
		}
	}
	return first
}
