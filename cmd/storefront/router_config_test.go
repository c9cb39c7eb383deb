package main

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"storefront/internal/telemetry"
	"storefront/router/execute/transport"
)

var twoURLs = map[string]string{"products": "http://p/graphql", "reviews": "http://r/graphql"}

// The example in docs/ says the defaults, and what its own subgraphs have of their own.
func TestRouterConfigExample(t *testing.T) {
	cfg, err := readSubgraphs(filepath.Join("..", "..", "docs", "router.yaml"), twoURLs)
	if err != nil {
		t.Fatal(err)
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
		"port: 1\n": `[1:1] unknown field "port"`,
		"subgraphs:\n  products:\n    retry:\n      max: 1s\n":  `[4:7] unknown field "max"`,
		"every_subgraph:\n  timeout: 3\n":                       `[2:12] cannot unmarshal`,
		"every_subgraph:\n  timeout: soon\n":                    `in the settings at line 2: time: invalid duration "soon"`,
		"every_subgraph:\n  share: 1\n  share: 2\n":             `[3:3] mapping key "share" already defined`,
		"subgraphs: [a]\n":                                      `[1:12] sequence was used`,
		"a: [\n":                                                `[1:4]`,
		"every_subgraph:\n  urls: [http://x]\n":                 `every_subgraph has urls`,
		"subgraphs:\n  orders:\n    timeout: 1s\n":              `the supergraph has no subgraph "orders"`,
		"subgraphs:\n  reviews:\n    timeout: 0s\n":             `subgraph "reviews": timeout: 0s is no duration`,
		"subgraphs:\n  reviews:\n    headers: [{remove: te}]\n": `subgraph "reviews": headers[0]: the header te is made by the router`,
		"subgraphs:\n  reviews:\n    urls: ['amqp://x']\n":      `subgraph "reviews": urls: "amqp://x" is no http or https address`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readSubgraphs(file, twoURLs)
		if err == nil || !strings.HasPrefix(err.Error(), file+": "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q\ngives %v\nwant %s", text, err, want)
		}
	}
	for _, text := range []string{"", "# nothing\n", "subgraphs:\n  reviews:\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, err := readSubgraphs(file, twoURLs); err != nil || !reflect.DeepEqual(cfg, transport.To(twoURLs)) {
			t.Errorf("%q: %v, %v", text, cfg, err)
		}
	}
	if _, err := readSubgraphs(file+".gone", twoURLs); err == nil {
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
