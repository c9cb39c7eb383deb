package transport_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"storefront/router/execute/transport"
)

func TestHeaders(t *testing.T) {
	client := http.Header{
		"Authorization": {"Bearer a"}, "X-Shop-Region": {"eu"}, "X-Shop-Debug": {"1"}, "Cookie": {"a=b"}, "Identity": {"staff"},
		"Connection": {"x"}, "Transfer-Encoding": {"chunked"}, "Content-Length": {"1"}, "Traceparent": {"t"}, "Sec-Websocket-Key": {"k"},
		"Accept-Language": {"de", "en"},
	}
	for _, c := range []struct {
		name  string
		rules []transport.HeaderRule
		want  http.Header
	}{
		{"nothing by default", nil, http.Header{}},
		{"by name", []transport.HeaderRule{{Propagate: "authorization"}, {Propagate: "accept-language"}, {Propagate: "x-none"}},
			http.Header{"Authorization": {"Bearer a"}, "Accept-Language": {"de", "en"}}},
		{"renamed", []transport.HeaderRule{{Propagate: "Authorization", Rename: "x-token"}}, http.Header{"X-Token": {"Bearer a"}}},
		{"with a default", []transport.HeaderRule{{Propagate: "x-none", Default: "d"}, {Propagate: "authorization", Default: "d"}},
			http.Header{"X-None": {"d"}, "Authorization": {"Bearer a"}}},
		{"by pattern", []transport.HeaderRule{{Matching: "x-shop-.*"}}, http.Header{"X-Shop-Region": {"eu"}, "X-Shop-Debug": {"1"}}},
		{"a pattern is for the whole name", []transport.HeaderRule{{Matching: "shop|cook"}}, http.Header{}},
		{"everything is never everything", []transport.HeaderRule{{Matching: ".*"}},
			http.Header{"Authorization": {"Bearer a"}, "X-Shop-Region": {"eu"}, "X-Shop-Debug": {"1"}, "Cookie": {"a=b"}, "Accept-Language": {"de", "en"}}},
		{"removed", []transport.HeaderRule{{Matching: "x-shop-.*"}, {Remove: "x-shop-debug"}}, http.Header{"X-Shop-Region": {"eu"}}},
		{"inserted", []transport.HeaderRule{{Propagate: "authorization"}, {Insert: "authorization", Value: "router"}, {Insert: "x-empty"}},
			http.Header{"Authorization": {"router"}, "X-Empty": {""}}},
	} {
		cfg := transport.To(map[string]string{"s": "http://h", "other": "http://h"})
		s := cfg.Subgraphs["s"]
		s.Headers = c.rules
		cfg.Subgraphs["s"] = s
		before := maps.Clone(client)
		h, err := transport.NewHeaders(cfg, "identity")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := h.For("s", client); !maps.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		other := maps.Clone(client)
		other["Authorization"] = []string{"Bearer b"}
		passed := len(c.want["Authorization"])+len(c.want["X-Token"]) > 0 && c.name != "inserted"
		if h.Key(client) != h.Key(maps.Clone(client)) || (h.Key(client) != h.Key(other)) != passed {
			t.Errorf("%s: the key of another client's headers differs: %v, want %v", c.name, !passed, passed)
		}
		if got := h.For("other", client); got == nil || len(got) > 0 {
			t.Errorf("%s: another subgraph gets %v", c.name, got)
		}
		if !maps.EqualFunc(client, before, slices.Equal) {
			t.Fatalf("%s: the client's headers changed", c.name)
		}
	}
	cfg := transport.To(map[string]string{"s": "http://h"}).With(func(s *transport.Subgraph) {
		s.Headers = []transport.HeaderRule{{Propagate: "identity"}}
	})
	if _, err := transport.NewHeaders(cfg, "Identity"); err == nil || !strings.Contains(err.Error(), `subgraph "s": headers[0]: the header identity is made by the router`) {
		t.Errorf("the embedder's own header: %v", err)
	}
}

// The key tells apart to which subgraph a header goes, also between two configurations: what is kept under it outlives
// a configuration.
func TestKeyNamesTheSubgraph(t *testing.T) {
	keyOf := func(rules map[string][]transport.HeaderRule) string {
		cfg := transport.To(map[string]string{"a": "http://a", "b": "http://b"})
		for name, s := range cfg.Subgraphs {
			s.Headers = rules[name]
			cfg.Subgraphs[name] = s
		}
		h, err := transport.NewHeaders(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return h.Key(http.Header{"X": {"1"}})
	}
	x := []transport.HeaderRule{{Propagate: "x"}}
	if a, b := keyOf(map[string][]transport.HeaderRule{"a": x}), keyOf(map[string][]transport.HeaderRule{"b": x}); a == b {
		t.Errorf("both are %s", a)
	}
	if key := keyOf(map[string][]transport.HeaderRule{"a": {{Propagate: "y"}}}); key != keyOf(nil) {
		t.Errorf("%s where no subgraph gets anything", key)
	}
}

// TestMistakes: each mistake of a configuration is one line that names the setting.
func TestMistakes(t *testing.T) {
	for want, change := range map[string]func(*transport.Subgraph){
		`urls: no address is known`:                           func(s *transport.Subgraph) { s.URLs = nil },
		`urls: "h:80" is no http or https address`:            func(s *transport.Subgraph) { s.URLs = []string{"h:80"} },
		`urls: "ftp://h" is no http or https address`:         func(s *transport.Subgraph) { s.URLs = []string{"ftp://h"} },
		`urls: "http://h" is there twice`:                     func(s *transport.Subgraph) { s.URLs = []string{"http://h", "http://h"} },
		`urls: "http://a:xxxxx@h" has a password in it`:       func(s *transport.Subgraph) { s.URLs = []string{"http://a:b@h"} },
		`urls: "https://h" is no http address, as h2c needs`:  func(s *transport.Subgraph) { s.URLs, s.Protocol = []string{"https://h"}, "h2c" },
		`protocol: "http3" is none of auto, http1 and h2c`:    func(s *transport.Subgraph) { s.Protocol = "http3" },
		`connect_timeout: 0s is no duration above zero`:       func(s *transport.Subgraph) { s.ConnectTimeout = 0 },
		`timeout: -1s is no duration above zero`:              func(s *transport.Subgraph) { s.Timeout = -time.Second },
		`max_response_bytes: 0 is less than 1`:                func(s *transport.Subgraph) { s.MaxResponseBytes = 0 },
		`max_idle: 0 is less than 1`:                          func(s *transport.Subgraph) { s.MaxIdle = 0 },
		`idle_timeout: 0s is no duration above zero`:          func(s *transport.Subgraph) { s.IdleTimeout = 0 },
		`max_concurrent: -1 is less than 0`:                   func(s *transport.Subgraph) { s.MaxConcurrent = -1 },
		`max_queue: -1 is less than 0`:                        func(s *transport.Subgraph) { s.MaxConcurrent, s.MaxQueue = 1, -1 },
		`queue_timeout: 0s is no duration above zero`:         func(s *transport.Subgraph) { s.MaxConcurrent, s.QueueTimeout = 1, 0 },
		`gzip_request: -1 is less than 0`:                     func(s *transport.Subgraph) { s.GzipRequest = -1 },
		`retry.attempts: -1 is less than 0`:                   func(s *transport.Subgraph) { s.Retry.Attempts = -1 },
		`retry.min_pause: 0s is no duration above zero`:       func(s *transport.Subgraph) { s.Retry.MinPause = 0 },
		`retry.max_pause: 1ms is less than retry.min_pause`:   func(s *transport.Subgraph) { s.Retry.MaxPause = time.Millisecond },
		`retry.budget: 1.5 is no share between 0 and 1`:       func(s *transport.Subgraph) { s.Retry.Budget = 1.5 },
		`breaker.failures: 50 is no share between 0 and 1`:    func(s *transport.Subgraph) { s.Breaker.Failures = 50 },
		`breaker.min_requests: 0 is less than 1`:              func(s *transport.Subgraph) { s.Breaker.MinRequests = 0 },
		`breaker.window: 0s is no duration above zero`:        func(s *transport.Subgraph) { s.Breaker.Window = 0 },
		`breaker.pause: 0s is no duration above zero`:         func(s *transport.Subgraph) { s.Breaker.Pause = 0 },
		`addresses.failures: 0 is less than 1`:                func(s *transport.Subgraph) { s.Addresses.Failures = 0 },
		`addresses.min_pause: 0s is no duration above zero`:   func(s *transport.Subgraph) { s.Addresses.MinPause = 0 },
		`addresses.max_pause: 1ms is less than addresses.min`: func(s *transport.Subgraph) { s.Addresses.MaxPause = time.Millisecond },
		`headers[0]: write exactly one of`:                    rule(transport.HeaderRule{}),
		`headers[0]: write exactly one of propagate`:          rule(transport.HeaderRule{Propagate: "a", Remove: "b"}),
		`headers[0]: rename and default belong to propagate`:  rule(transport.HeaderRule{Matching: "a", Rename: "b"}),
		`headers[0]: value belongs to insert`:                 rule(transport.HeaderRule{Propagate: "a", Value: "b"}),
		`headers[0]: "a b" is no header's name`:               rule(transport.HeaderRule{Propagate: "a b"}),
		`headers[0]: "a\nb" is no header's value`:             rule(transport.HeaderRule{Insert: "a", Value: "a\nb"}),
		`headers[0]: the header connection is made by the`:    rule(transport.HeaderRule{Propagate: "Connection"}),
		`headers[0]: the header content-length is made by`:    rule(transport.HeaderRule{Propagate: "a", Rename: "content-length"}),
		`headers[0]: matching: error parsing regexp`:          rule(transport.HeaderRule{Matching: "("}),
	} {
		_, err := transport.New(transport.To(map[string]string{"s": "http://h"}).With(change), transport.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), `subgraph "s": `+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	cfg := transport.To(map[string]string{"b": "x", "a": "y"}).With(func(s *transport.Subgraph) { s.Timeout = 0 })
	err := cfg.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 3 || !strings.HasPrefix(err.Error(), `subgraph "a": urls`) {
		t.Errorf("several mistakes: %v", err)
	}
}

func rule(r transport.HeaderRule) func(*transport.Subgraph) {
	return func(s *transport.Subgraph) { s.Headers = []transport.HeaderRule{r} }
}
