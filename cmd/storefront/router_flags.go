package main

import (
	"slices"
	"time"

	"storefront/internal/errs"
	"storefront/router/gateway"
)

// RouterConfig is what the router alone needs.
type RouterConfig struct {
	RouterFlags
	File        string   `flag:"config" env:"STOREFRONT_ROUTER_CONFIG" help:"YAML file that says how subgraphs are reached and how large answers may be; docs/router.yaml is an example with the defaults"`
	Forward     []string `flag:"forward-header" env:"STOREFRONT_FORWARD_HEADERS" help:"header of clients' that subgraphs get, such as authorization; repeatable, none when absent"`
	OIDCFlags   `group:"Identity: without an issuer nobody signs in; without a secret subgraphs are not told who asks"`
	SecretFlags `group:"Identity: without an issuer nobody signs in; without a secret subgraphs are not told who asks"`
	MongoFlags  `group:"Persisted operations: in memory without these"`
	RedisFlags  `group:"Persisted operations: in memory without these"`
	Drain       time.Duration `flag:"drain-time" env:"STOREFRONT_DRAIN_TIME" default:"5s" help:"over which a router that is stopped sends its subscribers elsewhere, at most 9s"`
	Beside      string        `flag:"data-dir" help:"data folder of a shop that 'storefront up' runs: what is not given is taken from there, for one more router beside its own"` // no variable: images and shells have that of all other commands
	KafkaFlags  `group:"Kafka, which feeds subscriptions to fields with @live"`
	LogFlags    `group:"Logs"`
	TLSFlags    `group:"TLS: plain HTTP without a certificate"`
	Debug       string `flag:"debug-listen" env:"STOREFRONT_DEBUG_LISTEN" help:"where those who run the router find its profiles (/debug/pprof/) and its metrics, which clients then do not; when absent there are no profiles, and metrics are at /metrics of the router itself"`
}

// RouterFlags are the router's own.
type RouterFlags struct {
	Listen         string   `flag:"listen" env:"STOREFRONT_LISTEN" default:"127.0.0.1:4000" help:"where clients reach the router"`
	Supergraph     string   `flag:"supergraph" env:"STOREFRONT_SUPERGRAPH" help:"supergraph file, taken over again when it changes; the built-in one when absent"`
	Subgraphs      []string `flag:"subgraph" env:"STOREFRONT_SUBGRAPHS" help:"NAME=URL of a subgraph, instead of the supergraph's own; repeatable"`
	Pages          []string `flag:"page" env:"STOREFRONT_PAGES" help:"PATH=URL of a service whose pages are reached through the router, such as /3ds/=http://payments:4006; repeatable"`
	TrustedProxies []string `flag:"trusted-proxy" env:"STOREFRONT_TRUSTED_PROXIES" help:"network of proxies that say where a request comes from, such as 10.0.0.0/8; repeatable, none when absent"`
	WebhookAllow   []string `flag:"webhook-allow" env:"STOREFRONT_WEBHOOK_ALLOW" help:"network that webhooks may call although it is not public, also without TLS, such as 127.0.0.0/8; repeatable, none when absent"`
	ProxyHeader    string   `flag:"proxy-header" env:"STOREFRONT_PROXY_HEADER" default:"x-forwarded-for" oneof:"x-forwarded-for forwarded" help:"the header in which they say it: x-forwarded-for or forwarded"`
	CacheFlags
	ErrorFlags
	UsageFlags
	MaxBatch         int      `flag:"max-batch" env:"STOREFRONT_MAX_BATCH" default:"0" max:"1000" help:"how many requests may come in one body, as a JSON list; 0 refuses lists"`
	MaxListArguments int      `flag:"max-list-arguments" env:"STOREFRONT_MAX_LIST_ARGUMENTS" default:"1000" max:"1000000" help:"how many items a list may have that stands in an argument or in an input object; 0 for any number"`
	Introspection    bool     `flag:"introspection" env:"STOREFRONT_INTROSPECTION" default:"false" help:"answer introspection queries"`
	Authorization    string   `flag:"authorization" env:"STOREFRONT_AUTHORIZATION" oneof:"null reject" help:"of fields that a caller may not see by @authenticated, @requiresScopes or @policy: null (they are null, with errors) or reject (the operation is refused); null when absent"`
	InitHeaders      []string `flag:"init-header" env:"STOREFRONT_INIT_HEADERS" help:"header that a WebSocket's connection_init may set besides authorization, x-api-key, x-guest-token, accept-language, x-operation-cost and those with a client's name and version; repeatable"`
	Origins          []string `flag:"cors-origin" env:"STOREFRONT_CORS_ORIGINS" help:"origin whose pages may call the router; repeatable"`
}

// initHeaders are the headers that a WebSocket's connection_init may set.
func (c RouterFlags) initHeaders() ([]string, error) {
	for _, name := range c.InitHeaders {
		if !gateway.IsInitHeader(name) {
			return nil, errs.New(errs.BadInput, "--init-header %s: it is no header's name, or one of a connection or of proxies, which no client sets", name)
		}
	}
	return slices.Concat(gateway.DefaultInitHeaders(), []string{"X-Api-Key", guestHeader}, c.InitHeaders), nil
}
