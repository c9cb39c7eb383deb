package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"storefront/consumers/live"
	"storefront/internal/errs"
	"storefront/internal/flags"
	"storefront/internal/gql"
	"storefront/internal/identity"
	"storefront/internal/kafka"
	"storefront/internal/oidc"
	"storefront/internal/partners"
	"storefront/internal/ratelimit"
	"storefront/internal/server"
	"storefront/internal/telemetry"
	"storefront/internal/usage"
	"storefront/internal/webhooks"
	"storefront/router/execute/cache"
	"storefront/router/gateway"
	"storefront/router/operation"
	"storefront/web"
)

const routerUsage = `storefront router --supergraph FILE: plans and runs clients' operations over the subgraphs of any federated
supergraph. It needs nothing else; what you name besides is used. Without --supergraph it serves Storefront's
own, whose subgraphs need --secret, --oidc-issuer, --kafka-brokers, --mongodb-uri and --redis-url. It keeps
nothing: run as many as you like behind a load balancer.`

func runRouter(ctx context.Context, std stdio, args []string) (err error) {
	var cfg RouterConfig
	if err := flags.Parse("router", routerUsage, &cfg, args, std.env, std.out); err != nil {
		return err
	}
	if err := errors.Join(cfg.takeFromShop(), cfg.check()); err != nil {
		return err
	}
	log := telemetry.NewLogger(std.err, cfg.LogLevel)
	stopTraces, err := telemetry.StartTraces(ctx, "router")
	if err != nil {
		return err
	}
	defer stopTraces(context.WithoutCancel(ctx))
	rc := routerConfig{RouterFlags: cfg.RouterFlags, tls: cfg.TLSFlags, own: cfg.Supergraph == "", file: cfg.File, forward: cfg.Forward, log: log, metrics: telemetry.NewMetrics(), drainTime: cfg.Drain, debug: cfg.Debug}
	if rc.certificate, err = cfg.certificate(); err != nil {
		return err
	}
	if rc.pages, err = proxies(cfg.Pages); err != nil {
		return err
	}
	if cfg.Secret != "" {
		rc.signer = identity.NewSigner(cfg.key("identity"), time.Now)
		rc.cursorKey = cfg.key(signsCursors)
	}
	if rc.policies, err = readPolicies(cfg.File, rc.signer != nil); err != nil {
		return err
	}
	may, err := cfg.readIssuers(cfg.File)
	if err != nil {
		return err
	}
	if rc.verifier, err = cfg.verifier(ctx, rc.policies.claims(), may, log); err != nil {
		return err
	}
	if may == nil && len(cfg.Issuers) > 1 {
		log.Warn("tokens of every OIDC issuer may give any role, staff as well; issuers in the configuration file says which may give which")
	}
	if len(cfg.Brokers) > 0 {
		k := cfg.kafkaConfig(log)
		if err := k.Validate(); err != nil {
			return err
		}
		rc.kafka = &k
	}
	closeStores, err := cfg.openStores(ctx, &rc)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStores(context.WithoutCancel(ctx))) }()
	r, err := newRouter(rc)
	if err != nil {
		return err
	}
	if cfg.Debug != "" {
		debug, err := server.StartDebug(cfg.Debug, rc.metrics.Handler(), log)
		if err != nil {
			return errors.Join(err, r.stop())
		}
		defer debug.Shutdown(context.WithoutCancel(ctx))
	}
	log.Info("router is ready", "address", r.URL("/graphql"))
	rc.tellWithout()
	<-ctx.Done()
	return r.stop()
}

// takeFromShop fills in what is not given from a running shop.
func (c *RouterConfig) takeFromShop() error {
	if c.Beside == "" {
		return nil
	}
	shop, err := running(c.Beside)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		given *string
		there string
	}{
		{&c.MongoDB, shop.MongoDB}, {&c.MongoPrefix, shop.MongoPrefix}, {&c.Redis, shop.Redis},
		{&c.KafkaNamespace, shop.KafkaNamespace},
	} {
		if *part.given == "" {
			*part.given = part.there
		}
	}
	if len(c.Brokers) == 0 {
		c.Brokers = shop.Brokers
	}
	if len(c.Issuers) == 0 {
		c.Issuers = shop.Issuers
	}
	if len(c.Subgraphs) == 0 && c.Supergraph == "" {
		c.Subgraphs = shop.Subgraphs
	}
	if len(c.WebhookAllow) == 0 {
		c.WebhookAllow = shop.WebhookAllow // any router may be the one that delivers
	}
	if c.Secret == "" {
		c.Secret, err = shopsSecret(c.Beside)
	}
	return err
}

// mostDrainTime leaves a second of the ten in which a server that is stopped has to end.
const mostDrainTime = 9 * time.Second

// check refuses what cannot work: Storefront's own subgraphs answer nobody without what they stand on.
func (c RouterConfig) check() error {
	missing := absent(map[string]string{"--mongodb-uri": c.MongoDB, "--kafka-brokers": strings.Join(c.Brokers, ","),
		"--redis-url": c.Redis, "--oidc-issuer": c.issuer(), "--secret": c.Secret})
	if c.Supergraph == "" && len(missing) > 0 {
		return errs.New(errs.BadInput, "give --supergraph FILE to serve a supergraph of yours; Storefront's own needs %s as well (or its environment variable), and 'storefront up' runs all of it on embedded services", strings.Join(missing, ", "))
	}
	if c.Drain < 0 || c.Drain > mostDrainTime {
		return errs.New(errs.BadInput, "--drain-time %s: it is between 0s and %s", c.Drain, mostDrainTime)
	}
	if c.Secret != "" {
		return c.checkSecret()
	}
	if c.MongoDB != "" {
		return errs.New(errs.BadInput, "give --secret beside --mongodb-uri: published operations are signed with it, and none is believed without")
	}
	return nil
}

type routerConfig struct {
	RouterFlags
	own         bool // the subgraphs are Storefront's
	tls         TLSFlags
	certificate *server.Certificate // nil: plain HTTP
	file        string              // --config
	forward     []string            // headers of clients' that subgraphs get
	log         *slog.Logger
	metrics     *telemetry.Metrics
	pages       map[string]http.Handler // more of what people reach at the public address
	tabs        []web.Tab

	verifier   *oidc.Verifier         // nil: nobody signs in
	policies   policies               // what @policy asks for
	signer     *identity.Signer       // nil: subgraphs are not told who asks
	operations gateway.OperationStore // nil: automatic ones only, in memory
	kafka      *kafka.Config          // nil: no live subscriptions
	partners   *partners.Store        // nil: nobody has a key
	usage      *usage.Store           // nil: nobody learns who uses what
	webhooks   *webhooks.Store        // nil: none are delivered
	redis      redis.UniversalClient  // nil: rate limits are this router's own, and so is what it keeps of answers
	cursorKey  []byte                 // nil: one of this router's own
	drainTime  time.Duration
	debug      string // --debug-listen
}

// openMetrics is what clients see of the metrics: all, or nothing when they have an address of their own.
func (c routerConfig) openMetrics() http.Handler {
	if c.debug != "" {
		return nil
	}
	return c.metrics.Handler()
}

// tellWithout says at once what a router does without, rather than when the first client asks for it.
func (c routerConfig) tellWithout() {
	for _, part := range []struct {
		absent  bool
		message string
	}{
		{c.verifier == nil, "no --oidc-issuer: nobody signs in"},
		{c.signer == nil, "no --secret: subgraphs are not told who asks, and Storefront's own refuse such requests"},
		{c.kafka != nil && c.cursorKey == nil, "no --secret: cursors of subscriptions are good at this router only, and until it stops"},
		{c.kafka == nil, "no --kafka-brokers: subscriptions to @live fields are refused"},
		{c.usage == nil && c.UsageDays > 0, "no --mongodb-uri: it is not kept who uses which fields, so 'storefront usage' knows nothing of this router"},
		{c.redis == nil, "no --redis-url: rate limits are this router's own, whatever other routers allow"},
		{c.operations == nil, "no --mongodb-uri and no --redis-url: automatic persisted queries are kept in memory, and none are published"},
	} {
		if part.absent {
			c.log.Info(part.message)
		}
	}
}

// router is a running router.
type router struct {
	*server.Server
	gateway  *gateway.Gateway
	feed     *live.Feed   // nil without Kafka
	kept     *cache.Cache // nil for none
	log      *slog.Logger
	unwatch  func() // nil without a supergraph file
	keep     func() // ends giving memory back
	rates    *ratelimit.Limiter
	unhook   func() // ends webhooks; nil without
	unfollow func() // ends looking at the certificate's files
	counted  func() // ends counting what is used; nil without
}

func newRouter(cfg routerConfig) (*router, error) {
	sdl, err := supergraphText(cfg.Supergraph)
	if err != nil {
		return nil, err
	}
	sg, reach, rules, limits, err := cfg.read(sdl)
	if err != nil {
		return nil, err
	}
	explorer, err := web.GraphiQL(web.Options{Tabs: cfg.tabs})
	if err != nil {
		return nil, err
	}
	r := &router{log: cfg.log}
	operationLimits := operation.DefaultLimits()
	operationLimits.MaxCost, operationLimits.ListSize = limits.MaxCost, limits.ListSize
	operationLimits.MaxListItems = cfg.MaxListArguments
	gc := gateway.Config{
		Supergraph: sg, Transport: reach,
		Headers: headers{cfg.signer, rules}, Operations: cfg.operations,
		Observer: observer{cfg.metrics}, Logger: cfg.log, Explorer: explorer,
		Introspection: cfg.Introspection, MaxBatch: cfg.MaxBatch, CORS: gateway.CORS{Origins: cfg.Origins},
		DrainTime:      cfg.drainTime,
		MaxAnswerBytes: limits.MaxAnswerBytes, MaxResponseBytes: limits.MaxResponseBytes,
		Limits:           operationLimits,
		MaxAtOnce:        limits.MaxAtOnce,
		MaxSubscriptions: limits.MaxSubscriptions,
		MaxSockets:       limits.MaxSockets,
		Authorization:    gateway.Authorization(cmp.Or(cfg.Authorization, limits.Authorization)),
	}
	if i := slices.IndexFunc(cfg.Origins, func(o string) bool { return !gateway.IsOrigin(o) }); i >= 0 {
		return nil, errs.New(errs.BadInput, "--cors-origin %s: write an origin, such as https://shop.example or https://*.shop.example, or * for any", cfg.Origins[i])
	}
	if gc.Proxies, err = cfg.trusted(); err != nil {
		return nil, err
	}
	if gc.InitHeaders, err = cfg.initHeaders(); err != nil {
		return nil, err
	}
	if gc.Errors, err = cfg.rules(cfg.own); err != nil {
		return nil, err
	}
	if gc.Overload, err = readOverload(cfg.file, cfg.own); err != nil {
		return nil, err
	}
	allowed, err := readRates(cfg.file)
	if err != nil {
		return nil, err
	}
	r.rates = ratelimit.New(ratelimit.Config{Redis: cfg.redis, Routers: allowed.routers, Observer: cfg.metrics.Rates()})
	gc.Limiter = rates{allowed, r.rates, cfg.partners}
	if cfg.verifier != nil || cfg.signer != nil || cfg.partners != nil {
		gc.Auth = authenticator{cfg.verifier, cfg.signer != nil, cfg.partners}
	}
	gc.Policies = cfg.policies
	cfg.tellUnknown(sg)
	if cfg.signer != nil { // Storefront's own subgraphs take so many at once, and have codes of their own
		gc.MaxRepresentations, gc.Denial = gql.MaxRepresentations, denial
	}
	if cfg.kafka != nil {
		r.feed = live.New(live.Config{Kafka: *cfg.kafka, Logger: cfg.log})
		gc.Events, gc.CursorKey = r.feed, cfg.cursorKey
	}
	if r.kept, err = cfg.openCache(cache.Config{Events: gc.Events}); err != nil {
		return nil, err
	}
	if r.kept != nil {
		gc.Cache = r.kept
	}
	if cfg.usage != nil {
		gc.Usage, r.counted = cfg.recordUsage()
	}
	if r.gateway, err = gateway.New(gc); err != nil {
		return nil, err
	}
	cfg.metrics.Live(r.live)
	cfg.metrics.Lanes(r.lanes)
	r.keep = giveBack(func() int { l := r.gateway.Live(); return l.Feeds + l.Sockets })
	mux := http.NewServeMux()
	mux.Handle("/", telemetry.Handler(r.gateway.Handler(), "router", "/graphql"))
	for pattern, h := range cfg.pages {
		mux.Handle(pattern, h)
	}
	ready := func(context.Context) error {
		if cfg.verifier != nil && !cfg.verifier.Ready() {
			return errors.New("no OIDC issuer has answered yet")
		}
		return nil
	}
	r.Server, err = server.Start(server.Config{Name: "router", Addr: cfg.Listen, Handler: cfg.tls.strict(mux), Certificate: cfg.certificate, Ready: ready, Metrics: cfg.openMetrics(), Log: cfg.log,
		Connections: server.Bound{Most: limits.MaxConnections, Of: connectionsOf(gc.Proxies)}})
	if err != nil {
		return nil, err
	}
	r.unfollow = r.follow(cfg.certificate)
	if cfg.webhooks != nil {
		if r.unhook, err = startWebhooks(cfg.webhooks, cfg.partners, r.gateway.Handler(), cfg); err != nil {
			return nil, errors.Join(err, r.stop())
		}
	}
	if cfg.Supergraph != "" {
		r.unwatch = r.watch(cfg, sdl)
	}
	return r, nil
}

// live is what metrics tell of subscriptions.
func (r *router) live() (telemetry.LiveFeeds, []telemetry.LiveTopic) {
	l := r.gateway.Live()
	var topics []telemetry.LiveTopic
	if r.feed != nil {
		for _, s := range r.feed.Stats() {
			topics = append(topics, telemetry.LiveTopic(s))
		}
	}
	return telemetry.LiveFeeds{Groups: l.Groups, Queued: l.Queued, Most: l.Most}, topics
}

// stop ends subscriptions, answers what is under way and stops listening.
func (r *router) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if r.unwatch != nil {
		r.unwatch()
	}
	if r.unhook != nil {
		r.unhook()
	}
	r.keep()
	r.unfollow()
	err := errors.Join(r.gateway.Drain(ctx), r.Shutdown(ctx))
	r.rates.Close()
	if r.counted != nil {
		r.counted()
	}
	if r.kept != nil {
		r.kept.Close()
	}
	if r.feed != nil {
		err = errors.Join(err, r.feed.Close())
	}
	return err
}

// observer counts requests by what the gateway knows for sure: the operation's name is the client's.
type observer struct{ *telemetry.Metrics }

func (o observer) ObserveRequest(r gateway.RequestInfo) {
	o.Request(r.Kind, r.Transport, r.Errors > 0 || r.Status >= 400, r.Duration)
}
