package main

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/internal/identity"
	"storefront/internal/telemetry"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
)

var twoURLs = map[string]string{"products": "http://p/graphql", "reviews": "http://r/graphql"}

// The example in docs/ says the defaults, and what its own subgraphs have of their own.
func TestRouterConfigExample(t *testing.T) {
	cfg, limits, err := readRouterFile(filepath.Join("..", "..", "docs", "router.yaml"), twoURLs)
	if err != nil {
		t.Fatal(err)
	}
	if limits != defaultLimits() {
		t.Errorf("the limits are %+v", limits)
	}
	rules, err := readRates(filepath.Join("..", "..", "docs", "router.yaml"))
	if want, _ := defaultRates().rules(); err != nil || rules != want {
		t.Errorf("the rates are %+v, %v", rules, err)
	}
	limited, err := readOverload(filepath.Join("..", "..", "docs", "router.yaml"), false)
	if want, _ := readOverload("", false); err != nil || !reflect.DeepEqual(limited.Critical, []string{}) || limited.Delay != want.Delay || limited.Floor != want.Floor || limited.Max != want.Max || limited.Heavy != want.Heavy {
		t.Errorf("overload is %+v, %v", limited, err)
	}
	every := []transport.HeaderRule{{Propagate: "accept-language", Default: "en"}, {Matching: "x-shop-.*"}, {Remove: "x-shop-debug"}}
	products, reviews := transport.Defaults(), transport.Defaults()
	products.URLs = []string{"http://products-a:4001/graphql", "http://products-b:4001/graphql"}
	products.Timeout, products.Protocol, products.Headers = 5*time.Second, transport.H2C, every
	reviews.URLs = []string{"http://r/graphql"}
	reviews.MaxConcurrent, reviews.Retry.Attempts = 100, 0
	reviews.Headers = append(every[:3:3], transport.HeaderRule{Propagate: "authorization", Rename: "x-caller"}, transport.HeaderRule{Insert: "x-source", Value: "router"})
	for name, want := range map[string]transport.Subgraph{"products": products, "reviews": reviews} {
		if got := cfg.Subgraphs[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is\n%+v\nwant\n%+v", name, got, want)
		}
	}
	if len(cfg.Subgraphs) != 2 {
		t.Errorf("%d subgraphs", len(cfg.Subgraphs))
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "router.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	every1, _, _ := strings.Cut(string(text), "\nsubgraphs:")
	s := reflect.TypeFor[transport.Subgraph]()
	for i := range s.NumField() {
		if key := s.Field(i).Tag.Get("yaml"); key != "-" && key != "urls" && !strings.Contains(every1, "\n  "+key+":") {
			t.Errorf("the example does not say %s", key)
		}
	}
}

func TestRouterConfigMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "router.yaml")
	for text, want := range map[string]string{
		"port: 1\n": `1: port: there is no such setting; there are operation, rates, overload, issuers, policies, every_subgraph, subgraphs`,
		"subgraphs:\n  products:\n    retry:\n      max: 1s\n":             `4: subgraphs.products.retry.max: there is no such setting; there are attempts, min_pause, max_pause, budget`,
		"every_subgraph:\n  timeout: 3\n":                                  `2: every_subgraph.timeout: 3 is no duration; write it like 250ms, 5s or 1m30s`,
		"every_subgraph:\n  connect_timeout: 1s\n  timeout: soon\n":        `3: every_subgraph.timeout: "soon" is no duration`,
		"every_subgraph:\n  timeout: [1s]\n":                               `2: every_subgraph.timeout: a list is no duration`,
		"every_subgraph:\n  share: 1\n":                                    `2: every_subgraph.share: 1 is neither true nor false`,
		"every_subgraph:\n  max_idle: many\n":                              `2: every_subgraph.max_idle: "many" is no whole number`,
		"every_subgraph:\n  max_response_bytes: 64MB\n":                    `2: every_subgraph.max_response_bytes: "64MB" is no whole number`,
		"every_subgraph:\n  retry: {budget: much}\n":                       `2: every_subgraph.retry.budget: "much" is no number`,
		"every_subgraph:\n  retry: 2\n":                                    `2: every_subgraph.retry: 2 is no group of settings`,
		"every_subgraph:\n  protocol: [h2c]\n":                             `2: every_subgraph.protocol: a list is no text`,
		"every_subgraph:\n  headers:\n    - remove: a\n    - forward: b\n": `4: every_subgraph.headers[1].forward: there is no such setting; there are propagate`,
		"every_subgraph:\n  share: true\n  share: false\n":                 `3:3: mapping key "share" already defined`,
		"subgraphs: [a]\n":                                                 `1: subgraphs: a list is no group of settings`,
		"subgraphs:\n  reviews:\n    urls: http://r\n":                     `3: subgraphs.reviews.urls: "http://r" is no list`,
		"a: [\n":                                   `1:4: `,
		"every_subgraph:\n  urls: [http://x]\n":    `2: every_subgraph.urls: each subgraph has its own`,
		"subgraphs:\n  orders:\n    timeout: 1s\n": `2: subgraphs.orders: the supergraph has no such subgraph; it has products, reviews`,
		"subgraphs:\n  reviews:\n    share: true\n    timeout: 0s\n":                               `4: subgraph "reviews": timeout: 0s is no duration`,
		"every_subgraph:\n  timeout: 1s\nsubgraphs:\n  reviews:\n    retry:\n      attempts: -1\n": `6: subgraph "reviews": retry.attempts: -1 is less than 0`,
		"subgraphs:\n  reviews:\n    headers: [{remove: te}]\n":                                    `3: subgraph "reviews": headers[0]: the header te is made by the router`,
		"subgraphs:\n  reviews:\n    urls: ['amqp://x']\n":                                         `3: subgraph "reviews": urls: "amqp://x" is no http or https address`,
		"rates:\n  partner:\n    cost: 5\n":                                                        `3: rates.partner.cost: "5" is no rate; write it like`,
		"rates:\n  address: many\n":                                                                `2: rates.address: "many" is no rate`,
		"rates:\n  routers: 0\n":                                                                   `2: rates.routers: 0 is less than 1`,
		"overload:\n  floor: 0\n":                                                                  `2: overload.floor: 0 is less than 1`,
		"overload:\n  max_in_flight: 50\n":                                                         `2: overload.max_in_flight: 50 is less than floor, 100`,
		"overload:\n  critical: [placeOrder]\n":                                                    `2: overload.critical: "placeOrder" is no root field; write it like Mutation.placeOrder`,
		"operation:\n  max_answer_bytes: 0\n":                                                      `2: operation.max_answer_bytes: 0 is less than 1`,
		"operation:\n  authorization: allow\n":                                                     `2: operation.authorization: "allow" is neither "null", in quotes, nor reject`,
		"operation:\n  max_answers: 1\n":                                                           `2: operation.max_answers: there is no such setting; there are authorization, max_cost, list_size, max_at_once, max_subscriptions, max_sockets, max_connections, max_answer_bytes, max_response_bytes`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readPolicies(file, false) // in the order of the start
		if err == nil {
			_, _, err = readRouterFile(file, twoURLs)
		}
		if err == nil {
			_, err = readRates(file)
		}
		if err == nil {
			_, err = readOverload(file, false)
		}
		if err == nil || !strings.HasPrefix(err.Error(), file+":"+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q\ngives %v\nwant %s", text, err, want)
		}
	}
	if err := os.WriteFile(file, []byte("every_subgraph:\n  timeout: 3\n  share: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readRouterFile(file, twoURLs); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes: %v", err)
	}
	for _, text := range []string{"", "# nothing\n", "subgraphs:\n  reviews:\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, _, err := readRouterFile(file, twoURLs); err != nil || !reflect.DeepEqual(cfg, transport.To(twoURLs)) {
			t.Errorf("%q: %v, %v", text, cfg, err)
		}
	}
	if _, _, err := readRouterFile(file+".gone", twoURLs); err == nil {
		t.Error("a file that is not there gives no error")
	}
}

// The header that carries the identity is nobody's to set.
func TestRouterConfigIdentity(t *testing.T) {
	cfg := transport.To(twoURLs).With(func(s *transport.Subgraph) {
		s.Headers = []transport.HeaderRule{{Matching: ".*"}}
	})
	_, rules, err := reachSubgraphs(cfg, []string{"authorization"}, telemetry.NewMetrics(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := rules.For("products", http.Header{"Storefront-Identity": {"forged"}, "Authorization": {"a"}})
	if len(got) != 1 || got.Get("Authorization") != "a" {
		t.Errorf("a subgraph gets %v", got)
	}
	if _, _, err := reachSubgraphs(cfg, []string{"storefront-identity"}, telemetry.NewMetrics(), nil); err == nil {
		t.Error("the identity's header is forwarded")
	}
}

// What is kept outside of the router by the headers of an answer is for those only who sign in by the same ones: each
// that an authenticator looks at is among them.
func TestAnswersVaryByAllThatTellsWhoAsks(t *testing.T) {
	rules, err := transport.NewHeaders(transport.To(twoURLs).With(func(s *transport.Subgraph) {
		s.Headers = []transport.HeaderRule{{Propagate: "x-shop"}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	h := headers{signer: identity.NewSigner([]byte("secret"), time.Now), rules: rules}
	names, known := h.Varies()
	if want := []string{"Accept-Language", "Authorization", "X-Api-Key", "X-Guest-Token", "X-Shop"}; !known || !slices.Equal(names, want) {
		t.Errorf("answers vary by %q, want %q", names, want)
	}
}

// Connections are counted by network; a proxy's are those of its clients, who have bounds of their own.
func TestWhoseConnectionsAreCounted(t *testing.T) {
	of := connectionsOf(gateway.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for address, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "2001:db8:1:2::1": "2001:db8:1:2::/64", "127.0.0.1": "", "::1": "", "10.1.2.3": "",
	} {
		if got := of(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is of %q, want %q", address, got, want)
		}
	}
}
