package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"storefront/consumers"
	"storefront/internal/embedded/traces"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/operations"
	"storefront/internal/partners"
	"storefront/internal/server"
	"storefront/internal/telemetry"
	"storefront/internal/webhooks"
)

// UpConfig is what `storefront up` takes.
type UpConfig struct {
	Fresh       bool `flag:"fresh" help:"forget everything in the data folder first"`
	BasePort    int  `flag:"base-port" env:"STOREFRONT_BASE_PORT" default:"4000" max:"65500" help:"subgraphs listen behind this port, embedded services ten behind it; 0 takes free ports"`
	Demo        bool `flag:"demo" env:"STOREFRONT_DEMO" default:"true" help:"fill an empty shop with the demo catalogue"`
	Traces      bool `flag:"traces" env:"STOREFRONT_TRACES" help:"keep the last traces in memory, for 'storefront events trace'"`
	RouterFlags `group:"The router"`
	Edges
}

const upUsage = `storefront up: everything in one process. Whatever you name no address for is embedded, speaks its real
protocol on a loopback port and keeps its state in the data folder.`

func runUp(ctx context.Context, std stdio, args []string) error {
	var cfg UpConfig
	if err := flags.Parse("up", upUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	log := telemetry.NewLogger(std.err, cfg.LogLevel)
	shop, err := startShop(ctx, cfg, log)
	if err != nil && ctx.Err() != nil {
		log.Info("stopped before it was ready; the next start goes on from here", "reached", err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprint(std.out, shop.summary())
	log.Info("ready", "took", shop.took.Round(time.Millisecond).String())
	err = shop.wait(ctx)
	log.Info("stopping; what is under way is finished first")
	return errors.Join(err, shop.stop())
}

// shop is everything, running.
type shop struct {
	cfg      UpConfig
	log      *slog.Logger
	release  func() error // the data folder
	embedded *embeddedServices
	edges    *edges
	servers  []*server.Server
	router   *router
	traces   *traces.Server
	took     time.Duration
	stopRuns context.CancelFunc
	stopped  chan error // of the background work
	closers  []func(context.Context) error
}

// startShop returns when the shop is ready; on an error everything that was begun is stopped again.
func startShop(ctx context.Context, cfg UpConfig, log *slog.Logger) (_ *shop, err error) {
	began := time.Now()
	s := &shop{cfg: cfg, log: log, stopped: make(chan error, 1)}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.release, err = openDataDir(cfg.DataDir, cfg.Fresh); err != nil {
		return nil, err
	}
	if s.cfg.Secret == "" {
		if s.cfg.Secret, err = secret(cfg.DataDir); err != nil {
			return nil, err
		}
	}
	if err := s.cfg.checkSecret(); err != nil {
		return nil, err
	}
	if cfg.BasePort != 4000 && cfg.Listen == "127.0.0.1:4000" {
		s.cfg.Listen = s.cfg.addr(0)
	}
	if s.cfg.PublicURL == "http://127.0.0.1:4000" {
		if s.cfg.PublicURL, s.cfg.Listen, err = publicURL(s.cfg.Listen); err != nil {
			return nil, err
		}
	}
	s.cfg.WebhookAllow = append(s.cfg.WebhookAllow, "127.0.0.0/8", "::1/128")         // receivers that somebody tries out
	s.cfg.Origins = append(s.cfg.Origins, "http://localhost:*", "http://127.0.0.1:*") // pages that somebody develops
	s.cfg.Introspection = true                                                        // this is a workshop; the router alone has it off
	if cfg.Traces {
		if s.traces, err = traces.Start(ctx, s.cfg.addr(16)); err != nil {
			return nil, err
		}
		s.closers = append(s.closers, func(context.Context) error { return s.traces.Close() })
		os.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.traces.URL())
		os.Setenv("OTEL_BSP_SCHEDULE_DELAY", "200") // milliseconds: somebody is looking
	}
	stopTraces, err := telemetry.StartTraces(ctx, "storefront")
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, stopTraces)
	if s.embedded, err = startEmbedded(ctx, &s.cfg, log); err != nil {
		return nil, err
	}
	if s.edges, err = connect(ctx, s.cfg.Edges, consumers.Topics(int32(cfg.Partitions), int16(cfg.Replication)), log); err != nil {
		return nil, err
	}
	if err := s.serve(ctx); err != nil {
		return nil, err
	}
	s.took = time.Since(began)
	if err := s.remember(); err != nil {
		return nil, err
	}
	if cfg.Demo {
		if err := s.seed(ctx); err != nil {
			return nil, err
		}
		s.took = time.Since(began)
	}
	return s, nil
}

// serve starts the services, their background work and the router.
func (s *shop) serve(ctx context.Context) error {
	parts, err := s.edges.allParts(ctx)
	if err != nil {
		return err
	}
	var runs []func(context.Context) error
	pages := map[string]http.Handler{}
	for i, p := range parts {
		srv, err := server.Start(server.Config{Name: p.name, Addr: s.cfg.addr(1 + i), Handler: p.handler(), Ready: p.ready(s.edges),
			Metrics: s.edges.metrics.Handler(), Log: s.log})
		if err != nil {
			return err
		}
		s.servers = append(s.servers, srv)
		s.cfg.Subgraphs = append(s.cfg.Subgraphs, p.name+"="+srv.URL("/graphql"))
		runs = append(runs, p.runs...)
		for pattern, page := range p.pages {
			pages[pattern] = page
		}
	}
	store, err := operations.NewStore(ctx, s.edges.database("router"), s.edges.redis, s.cfg.key(signsOperations))
	if err != nil {
		return err
	}
	agreed, err := partners.NewStore(ctx, s.edges.database("router"), time.Now)
	if err != nil {
		return err
	}
	uses, err := s.cfg.openUsage(ctx, s.edges.database("router"))
	if err != nil {
		return err
	}
	verifier, err := s.cfg.verifier(ctx, nil, nil, s.log)
	if err != nil {
		return err
	}
	held, err := readPolicies("", true)
	if err != nil {
		return err
	}
	s.router, err = newRouter(routerConfig{policies: held, RouterFlags: s.cfg.RouterFlags, own: true, log: s.log, metrics: s.edges.metrics, verifier: verifier, cursorKey: s.cfg.key(signsCursors), drainTime: 100 * time.Millisecond,
		signer: s.edges.signer, operations: &operationStore{store: store}, partners: agreed, usage: uses,
		webhooks: webhooks.NewStore(s.edges.database("router"), s.cfg.key(signsWebhooks), time.Now), redis: s.edges.redis, kafka: &s.edges.kafka, pages: pages, tabs: exampleTabs()})
	if err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stopRuns = cancel
	go func() { s.stopped <- supervise(background, s.log, runs) }()
	s.warmUp(ctx, parts)
	return nil
}

// warmWait bounds how long `up` waits for the search index before it says that it is ready; /readyz of
// products says when it really is.
const warmWait = 8 * time.Second

func (s *shop) warmUp(ctx context.Context, parts []*part) {
	timeout := time.After(warmWait)
	for _, p := range parts {
		if p.warm == nil {
			continue
		}
		select {
		case <-p.warm:
		case <-timeout:
			s.log.Info("search is still warming up; everything else is ready")
			return
		case <-ctx.Done():
			return
		}
	}
}

// wait returns when ctx ends or the background work fails.
func (s *shop) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.stopped:
		s.stopped <- nil
		return fmt.Errorf("background work failed: %w", err)
	}
}

// stop takes everything down in the order in which data flows: clients first, databases last.
func (s *shop) stop() error {
	var all []error
	if s.router != nil {
		all = append(all, s.router.stop())
	}
	if s.stopRuns != nil {
		s.stopRuns()
		all = append(all, <-s.stopped)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, srv := range s.servers {
		all = append(all, srv.Shutdown(ctx))
	}
	if s.edges != nil {
		all = append(all, s.edges.Close())
	}
	if s.embedded != nil {
		all = append(all, s.embedded.Close())
	}
	for _, close := range s.closers {
		all = append(all, close(ctx))
	}
	if s.release != nil { // the folder, and what is written there, is ours alone until now
		os.Remove(addressFile(s.cfg.DataDir))
		all = append(all, s.release())
	}
	return errors.Join(all...)
}

// addr is the loopback address offset ports behind the base port.
func (c UpConfig) addr(offset int) string {
	if c.BasePort == 0 {
		return "127.0.0.1:0"
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.BasePort+offset))
}

// publicURL is how clients on this machine reach listen. A port 0 is settled here, since links are made
// of the address before the router listens.
func publicURL(listen string) (url, addr string, err error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "", errs.New(errs.BadInput, "--listen %q: an address looks like 127.0.0.1:4000", listen)
	}
	if port == "0" {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return "", "", fmt.Errorf("find a free port: %w", err)
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		l.Close()
	}
	addr = net.JoinHostPort(host, port)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), addr, nil
}

// summary is what a person sees once the shop runs.
func (s *shop) summary() string {
	var b strings.Builder
	row := func(what, where string) { fmt.Fprintf(&b, "  %-22s %s\n", what, where) }
	fmt.Fprintf(&b, "\nStorefront is ready after %.1f s.\n\n", s.took.Seconds())
	row("GraphQL", s.cfg.PublicURL+"/graphql")
	row("Explorer", s.cfg.PublicURL+"/")
	if s.embedded.mail != nil {
		row("Mails", s.embedded.mail.URL())
	}
	for i, name := range services {
		row(name, s.servers[i].URL("/graphql"))
	}
	row("MongoDB", telemetry.Scrub(s.cfg.MongoDB))
	row("Kafka", strings.Join(s.cfg.Brokers, ","))
	row("Redis", telemetry.Scrub(s.cfg.Redis))
	row("OIDC issuer", strings.Join(s.cfg.Issuers, ", "))
	row("Data folder", s.cfg.DataDir)
	if s.embedded.oidc != nil {
		fmt.Fprintf(&b, "\nDemo sign-ins (password demo):\n")
		for _, u := range demoUsers() {
			fmt.Fprintf(&b, "  %-22s %s\n", u.Username, strings.Join(append([]string{u.Name}, u.Roles...), ", "))
		}
	}
	fmt.Fprintf(&b, `
Three commands to try in another terminal:
  curl -s %[1]s/graphql -H 'content-type: application/json' -d '{"query":"{ productSearch(query: \"lamp\", first: 3) { nodes { title priceRange { min { decimal currency } } availability { inStock } rating { average count } } } }"}'
  %[3]s token --user ada
  %[3]s import --limit 100 FILE

Ctrl-C stops it; everything is kept in %[2]s.
`, s.cfg.PublicURL, s.cfg.DataDir, self())
	return b.String()
}

// self is how this program was called: a binary, or by `go run`.
func self() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/storefront"
	}
	return os.Args[0]
}
