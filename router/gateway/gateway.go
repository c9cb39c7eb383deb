// Package gateway is the router's edge: GraphQL over HTTP, server-sent events and
// graphql-transport-ws, with authentication, persisted operations, live subscriptions and limits.
//
// A request is read (request.go), its caller and document found (http.go, persisted.go), prepared
// once (prepare.go) for the supergraph that is served then (edition.go) and executed. A subscription becomes a feed (feed.go, live.go), which the
// transports (sse.go, websocket.go) only carry. The gateway knows no service, no broker and no
// identity provider; they come in as the interfaces of contracts.go. Enter at New.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"storefront/internal/seldom"
	"storefront/router/execute"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// Config is what a gateway is made of. Supergraph and Transport are required. Replace gives it others of these and
// of Headers. Everything else has a default.
type Config struct {
	Supergraph *supergraph.Supergraph
	Transport  execute.Transport

	Limiter    Limiter        // default: nobody is limited
	Proxies    Proxies        // default: none is trusted
	Auth       Authenticator  // default: everyone is anonymous
	Headers    HeaderSource   // default: subgraphs get the request id and nothing else
	Operations OperationStore // default: automatic persisted queries in memory, no stored operations
	Cache      EntityCache    // of what subgraphs answer; default: none
	Events     EventSource    // default: subscriptions are refused
	Observer   Observer       // default: none
	Usage      Usage          // default: nobody wants to know
	Logger     *slog.Logger   // default: discarded
	Explorer   http.Handler   // serves "/" and "/graphiql/"; default: 404
	Labels     Labels         // default: labels of progressive overrides other than percent(x) are off
	Policies   PolicyDecider  // default: no policy of @policy holds for anybody
	Denial     Denial         // default: the code and the message of Apollo Router

	Authorization Authorization // of what a caller may not see; default AuthorizationNull

	Errors execute.ErrorRules // which errors of subgraphs clients get as they are; default DefaultErrors

	Limits           operation.Limits // zero: operation.DefaultLimits
	MaxBody          int64            // bytes of a request body or socket message; default 1 MiB, a quarter of it compressed
	MaxAtOnce        int              // queries and mutations of one client under way; default 200
	Overload         Overload         // what is refused when there is more to do than can be done
	MaxSubscriptions int              // of one client that are open; default 1000
	MaxSockets       int              // of one network that are open; default 1000
	MaxBatch         int              // requests in one body; default: none but one alone
	Prepared         int              // operations kept prepared, fewer where they are large by fields or text; default 1000
	Warm             int              // operations prepared for a new supergraph before it is served; default 200
	WarmTime         time.Duration    // and for how long at most; default 10 s
	Timeout          time.Duration    // of a query, a mutation or one resolution of an event; default 30 s
	Introspection    bool
	CORS             CORS

	MaxRepresentations int // entities asked of a subgraph in one request; 0 is any number
	MaxAnswerBytes     int // of all answers of subgraphs to one operation; default 128 MiB
	MaxResponseBytes   int // of the data of one response; default 128 MiB
	MaxDeferred        int // deferred parts of objects in one response; default 10,000

	InitHeaders   []string      // that a socket's connection_init may set; default DefaultInitHeaders
	InitTimeout   time.Duration // from a socket's opening to its connection_init; default 2.5 s
	Heartbeat     time.Duration // between signs of life on a quiet stream; default 12 s
	WriteTimeout  time.Duration // of one message to a client; a whole answer has longer, as it is large (see pace.go); default 10 s
	DrainTime     time.Duration // over which a draining gateway sends its clients elsewhere; default 5 s
	Recheck       time.Duration // between two looks at whether a subscriber still is who it was; default 2 s
	Reconnect     time.Duration // for which a subgraph's subscription that was lost is asked for again; default 1 min
	Queue         int           // messages waiting for one subscriber before it is cut off; default 256
	QueueBytes    int           // and their size together; default 1 MiB
	CursorKey     []byte        // shared by all routers whose cursors are the same; default: one of its own
	MaxOperations int           // at once on one socket or single event stream; default 100
	MaxStreams    int           // event streams in single connection mode; default 10,000
}

// Gateway serves one supergraph at a time. It is safe for concurrent use.
type Gateway struct {
	cfg       Config // without what an edition has
	log       *slog.Logger
	observer  Observer
	edition   atomic.Pointer[edition]
	replacing sync.Mutex
	sharing   *sharing
	writers   *writers
	lines     *seldom.Lines // of the log, that any number of requests may cause
	cursors   cursors
	feeds     *feeds
	hub       *hub
	springs   *springs
	rights    *rights
	admission *admission
	streams   *streams
	pulse     *pulse
	sockets   atomic.Int64

	mu       sync.Mutex
	draining context.Context // ends when the gateway drains
	drain    context.CancelFunc
	inFlight sync.WaitGroup // sockets and single event streams
}

// New returns a gateway, or an error that names what is wrong with cfg.
func New(cfg Config) (*Gateway, error) {
	if cfg.CORS.Credentials && slices.Contains(cfg.CORS.Origins, "*") {
		return nil, errors.New("make gateway: CORS credentials need a list of origins, not *")
	}
	if i := slices.IndexFunc(cfg.CORS.Origins, func(o string) bool { return !IsOrigin(o) }); i >= 0 {
		return nil, fmt.Errorf("make gateway: %q is no origin; write it like https://shop.example", cfg.CORS.Origins[i])
	}
	switch cfg.Authorization {
	case "":
		cfg.Authorization = AuthorizationNull
	case AuthorizationNull, AuthorizationReject:
	default:
		return nil, fmt.Errorf("make gateway: the authorization %q is neither %s nor %s", cfg.Authorization, AuthorizationNull, AuthorizationReject)
	}
	if cfg.InitHeaders == nil {
		cfg.InitHeaders = DefaultInitHeaders()
	}
	cfg.InitHeaders = slices.Clone(cfg.InitHeaders)
	for i, name := range cfg.InitHeaders {
		if !IsInitHeader(name) {
			return nil, fmt.Errorf("make gateway: a connection_init cannot set the header %q", name)
		}
		cfg.InitHeaders[i] = http.CanonicalHeaderKey(name)
	}
	if len(cfg.Errors.Codes)+len(cfg.Errors.Extensions) == 0 {
		cfg.Errors = DefaultErrors()
	}
	if i := slices.IndexFunc(cfg.Overload.Critical, func(p string) bool { return !IsRootField(p) }); i >= 0 {
		return nil, fmt.Errorf("make gateway: %q is no root field; write it like Mutation.placeOrder or Mutation.cart*", cfg.Overload.Critical[i])
	}
	if cfg.Limits == (operation.Limits{}) {
		cfg.Limits = operation.DefaultLimits()
	}
	orDefault(&cfg.MaxBody, 1<<20)
	orDefault(&cfg.MaxAtOnce, 200)
	orDefault(&cfg.MaxSubscriptions, 1000)
	orDefault(&cfg.MaxSockets, 1000)
	cfg.Overload.defaults()
	orDefault(&cfg.Prepared, 1000)
	orDefault(&cfg.Warm, 200)
	orDefault(&cfg.WarmTime, 10*time.Second)
	orDefault(&cfg.Timeout, 30*time.Second)
	orDefault(&cfg.InitTimeout, 2500*time.Millisecond)
	orDefault(&cfg.Heartbeat, 12*time.Second)
	orDefault(&cfg.WriteTimeout, 10*time.Second)
	orDefault(&cfg.DrainTime, 5*time.Second)
	orDefault(&cfg.Reconnect, time.Minute)
	orDefault(&cfg.Queue, 256)
	orDefault(&cfg.QueueBytes, 1<<20)
	orDefault(&cfg.MaxOperations, 100)
	orDefault(&cfg.MaxStreams, 10_000)
	orDefault(&cfg.Recheck, 2*time.Second)
	orDefault(&cfg.CORS.MaxAge, 10*time.Minute)
	if cfg.Operations == nil {
		operations, err := NewMemoryOperations(cfg.Prepared)
		if err != nil {
			return nil, fmt.Errorf("make gateway: %w", err)
		}
		cfg.Operations = operations
	}
	if cfg.Observer == nil {
		cfg.Observer = NopObserver{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if len(cfg.CursorKey) == 0 {
		cfg.CursorKey = make([]byte, 32)
		_, _ = rand.Read(cfg.CursorKey) // it never fails
	}
	draining, drain := context.WithCancel(context.Background())
	g := &Gateway{admission: newAdmission(cfg.Overload, cfg.MaxAtOnce), cfg: cfg, log: cfg.Logger, observer: cfg.Observer, sharing: newSharing(), writers: newWriters(), lines: seldom.New(time.Minute, time.Now), draining: draining, drain: drain}
	g.cursors, g.feeds, g.hub = cursors{cfg.CursorKey}, newFeeds(), newHub(g)
	g.springs = newSprings(g)
	g.rights, g.streams = newRights(g), newStreams(g)
	g.pulse = newPulse(cfg.Heartbeat)
	g.cfg.Supergraph, g.cfg.Transport, g.cfg.Headers = nil, nil, nil
	first, err := g.newEdition(cfg.Supergraph, cfg.Transport, cfg.Headers)
	if err != nil {
		drain()
		return nil, fmt.Errorf("make gateway: %w", err)
	}
	g.edition.Store(first)
	return g, nil
}

func orDefault[T int | int64 | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Handler serves "/graphql" by every method and transport, with a slash behind it or none, and the explorer at "/".
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/graphql", g.serve)
	mux.HandleFunc("/graphql/{$}", g.serve)
	if g.cfg.Explorer != nil {
		mux.Handle("GET /{$}", g.cfg.Explorer)
		mux.Handle("/graphiql/", g.cfg.Explorer)
	}
	mux.HandleFunc("/", g.astray)
	return mux
}

// astray tells a client that has the address wrong.
func (g *Gateway) astray(w http.ResponseWriter, r *http.Request) {
	setSecurityHeaders(w.Header())
	if !g.setCORS(w, r) {
		(&answer{w: w, timeout: g.cfg.WriteTimeout, mediaType: mediaJSON}).fail(refuse(http.StatusNotFound, codeNotFound, "There is nothing at this address; GraphQL is at /graphql."))
	}
}

// Drain ends every subscription and socket, spread over the drain time so that they do not all come to
// the next router at once, refuses new ones, and waits until they are gone or ctx ends, whose error it then
// returns. Each client has the cursor with which it goes on elsewhere. Queries go on being served: their
// listener's own shutdown waits for them.
func (g *Gateway) Drain(ctx context.Context) error {
	g.mu.Lock()
	g.drain()
	g.mu.Unlock()
	for _, f := range g.feeds.shut() {
		time.AfterFunc(g.someOfDrainTime(), func() { f.finish(drainingFailure(), "draining") })
	}
	done := make(chan struct{})
	go func() {
		<-g.feeds.empty
		g.inFlight.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain gateway: %w", ctx.Err())
	}
}

func (g *Gateway) someOfDrainTime() time.Duration { return mathrand.N(g.cfg.DrainTime) }

// enter counts a socket in, unless the gateway is draining. Its caller calls g.inFlight.Done.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining.Err() != nil {
		return false
	}
	g.inFlight.Add(1)
	return true
}
