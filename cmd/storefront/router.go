package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"storefront/consumers/live"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/gql"
	"storefront/internal/identity"
	"storefront/internal/kafka"
	"storefront/internal/mongodb"
	"storefront/internal/oidc"
	"storefront/internal/operations"
	redisedge "storefront/internal/redis"
	"storefront/internal/server"
	"storefront/internal/telemetry"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
	"storefront/schema"
	"storefront/web"
)

// RouterConfig is what the router alone needs.
type RouterConfig struct {
	Edges
	RouterFlags
}

// RouterFlags are the router's own.
type RouterFlags struct {
	Listen        string   `flag:"listen" env:"STOREFRONT_LISTEN" default:"127.0.0.1:4000" help:"where clients reach the router"`
	Supergraph    string   `flag:"supergraph" env:"STOREFRONT_SUPERGRAPH" help:"supergraph file; the built-in one when absent"`
	Subgraphs     []string `flag:"subgraph" env:"STOREFRONT_SUBGRAPHS" help:"NAME=URL of a subgraph, instead of the supergraph's own; repeatable"`
	Pages         []string `flag:"page" env:"STOREFRONT_PAGES" help:"PATH=URL of a service whose pages are reached through the router, such as /3ds/=http://payments:4006; repeatable"`
	Introspection bool     `flag:"introspection" env:"STOREFRONT_INTROSPECTION" default:"false" help:"answer introspection queries"`
	Origins       []string `flag:"cors-origin" env:"STOREFRONT_CORS_ORIGINS" help:"origin whose pages may call the router; repeatable"`
}

const routerUsage = `storefront router: composes nothing and keeps nothing; it plans and runs clients' operations over the
subgraphs, and feeds subscriptions from Kafka. Run as many as you like behind a load balancer.`

func runRouter(ctx context.Context, std stdio, args []string) error {
	var cfg RouterConfig
	if _, err := flags.Parse("router", routerUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	if err := cfg.need(map[string]string{"--mongodb-uri": cfg.MongoDB, "--kafka-brokers": strings.Join(cfg.Brokers, ","),
		"--redis-url": cfg.Redis, "--oidc-issuer": cfg.Issuer, "--secret": cfg.Secret}); err != nil {
		return err
	}
	log := telemetry.NewLogger(std.err, cfg.LogLevel)
	stopTraces, err := telemetry.StartTraces(ctx, "router")
	if err != nil {
		return err
	}
	defer stopTraces(context.WithoutCancel(ctx))
	mongo, err := mongodb.Connect(ctx, cfg.MongoDB, "router", 20*time.Second)
	if err != nil {
		return err
	}
	defer mongo.Disconnect(context.WithoutCancel(ctx))
	redis, err := redisedge.Connect(ctx, cfg.Redis)
	if err != nil {
		return err
	}
	defer redis.Close()
	store, err := operations.NewStore(ctx, mongo.Database("router"), redis)
	if err != nil {
		return err
	}
	pages, err := proxies(cfg.Pages)
	if err != nil {
		return err
	}
	r, err := newRouter(ctx, routerConfig{RouterFlags: cfg.RouterFlags, pages: pages, edges: cfg.Edges, log: log, metrics: telemetry.NewMetrics(),
		signer: identity.NewSigner(cfg.key("identity"), time.Now), operations: store, kafka: cfg.kafkaConfig(log)})
	if err != nil {
		return err
	}
	log.Info("router is ready", "address", r.URL("/graphql"))
	<-ctx.Done()
	return r.stop()
}

type routerConfig struct {
	RouterFlags
	edges      Edges
	log        *slog.Logger
	metrics    *telemetry.Metrics
	signer     *identity.Signer
	operations *operations.Store
	kafka      kafka.Config
	pages      map[string]http.Handler // more of what people reach at the public address
	tabs       []web.Tab
}

// router is a running router.
type router struct {
	*server.Server
	gateway *gateway.Gateway
	feed    *live.Feed
	log     *slog.Logger
}

func newRouter(ctx context.Context, cfg routerConfig) (*router, error) {
	sdl := schema.Supergraph
	if cfg.Supergraph != "" {
		b, err := os.ReadFile(cfg.Supergraph)
		if err != nil {
			return nil, errs.Wrap(errs.BadInput, err, "cannot read the supergraph")
		}
		sdl = string(b)
	}
	sg, err := supergraph.Parse(sdl)
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the supergraph is not valid")
	}
	urls, err := subgraphURLs(sg, cfg.Subgraphs)
	if err != nil {
		return nil, err
	}
	verifier, err := oidc.NewVerifier(ctx, oidc.Config{Issuer: cfg.edges.Issuer, Audience: cfg.edges.Audience, Logger: cfg.log})
	if err != nil {
		return nil, err
	}
	explorer, err := web.GraphiQL(web.Options{Tabs: cfg.tabs})
	if err != nil {
		return nil, err
	}
	reach, err := transport.New(transport.To(urls))
	if err != nil {
		return nil, errs.Wrap(errs.BadInput, err, "the subgraphs cannot be reached")
	}
	feed := live.New(live.Config{Kafka: cfg.kafka, Logger: cfg.log})
	g, err := gateway.New(gateway.Config{
		Supergraph: sg, Transport: reach,
		MaxRepresentations: gql.MaxRepresentations,
		Auth:               authenticator{verifier}, Headers: headers{cfg.signer}, Operations: operationStore{cfg.operations},
		Events: feed, Observer: observer{cfg.metrics}, Logger: cfg.log, Explorer: explorer,
		Introspection: cfg.Introspection, CORS: gateway.CORS{Origins: cfg.Origins},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", otelhttp.NewHandler(g.Handler(), "router", otelhttp.WithFilter(func(r *http.Request) bool { return r.URL.Path == "/graphql" })))
	for pattern, h := range cfg.pages {
		mux.Handle(pattern, h)
	}
	ready := func(context.Context) error {
		if !verifier.Ready() {
			return errors.New("the OIDC issuer has not answered yet")
		}
		return nil
	}
	s, err := server.Start(server.Config{Name: "router", Addr: cfg.Listen, Handler: mux, Ready: ready, Metrics: cfg.metrics.Handler(), Log: cfg.log})
	if err != nil {
		return nil, err
	}
	return &router{s, g, feed, cfg.log}, nil
}

// stop ends subscriptions, answers what is under way and stops listening.
func (r *router) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(r.gateway.Drain(ctx), r.Shutdown(ctx), r.feed.Close())
}

// proxies pass pages of services on: 3-D Secure, webhooks, unsubscribing, files.
func proxies(pages []string) (map[string]http.Handler, error) {
	handlers := map[string]http.Handler{}
	for _, p := range pages {
		path, raw, ok := strings.Cut(p, "=")
		to, err := url.Parse(raw)
		if !ok || err != nil || to.Host == "" || !strings.HasPrefix(path, "/") {
			return nil, errs.New(errs.BadInput, "--page %s: write PATH=URL, such as /3ds/=http://payments:4006", p)
		}
		handlers[path] = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.SetXForwarded() }}
	}
	return handlers, nil
}

func subgraphURLs(sg *supergraph.Supergraph, overrides []string) (map[string]string, error) {
	urls := map[string]string{}
	for _, s := range sg.Subgraphs() {
		urls[s.Name] = s.URL
	}
	for _, o := range overrides {
		name, url, ok := strings.Cut(o, "=")
		if _, known := urls[name]; !ok || !known {
			return nil, errs.New(errs.BadInput, "--subgraph %s: write NAME=URL, with the name of one of the supergraph's subgraphs", o)
		}
		urls[name] = url
	}
	return urls, nil
}

// operationStore gives the gateway's error for what is not there.
type operationStore struct{ *operations.Store }

func (s operationStore) Get(ctx context.Context, client, id string) (string, string, error) {
	query, name, err := s.Store.Get(ctx, client, id)
	return query, name, notFound(err)
}

func (s operationStore) GetAutomatic(ctx context.Context, sha string) (string, error) {
	query, err := s.Store.GetAutomatic(ctx, sha)
	return query, notFound(err)
}

func notFound(err error) error {
	if errors.Is(err, operations.ErrNotFound) {
		return gateway.ErrOperationNotFound
	}
	return err
}

// observer counts requests by what the gateway knows for sure: the operation's name is the client's.
type observer struct{ *telemetry.Metrics }

func (o observer) ObserveRequest(r gateway.RequestInfo) {
	o.Request(r.Kind, r.Transport, r.Errors > 0 || r.Status >= 400, r.Duration)
}
