package main

// The file that --config names: how the router reaches each subgraph, and how large answers may be.

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/telemetry"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// routerFile is the form of the file; docs/router.yaml is an example with all settings.
type routerFile struct {
	Operation ast.Node            `yaml:"operation"`      // answerLimits
	Rates     ast.Node            `yaml:"rates"`          // rateSettings
	Overload  ast.Node            `yaml:"overload"`       // overloadSettings
	Issuers   map[string]ast.Node `yaml:"issuers"`        // issuerSettings
	Policies  map[string]ast.Node `yaml:"policies"`       // policySettings
	Every     ast.Node            `yaml:"every_subgraph"` // a transport.Subgraph without addresses
	Subgraphs map[string]ast.Node `yaml:"subgraphs"`      // what differs from it
}

// routerFileForm is routerFile with all that is in it.
type routerFileForm struct {
	Operation answerLimits                  `yaml:"operation"`
	Rates     rateSettings                  `yaml:"rates"`
	Overload  overloadSettings              `yaml:"overload"`
	Issuers   map[string]issuerSettings     `yaml:"issuers"`
	Policies  map[string]policySettings     `yaml:"policies"`
	Every     transport.Subgraph            `yaml:"every_subgraph"`
	Subgraphs map[string]transport.Subgraph `yaml:"subgraphs"`
}

// answerLimits bound what one operation may bring in and send out, and say what becomes of what its caller
// may not see.
type answerLimits struct {
	Authorization    string `yaml:"authorization"`
	MaxCost          int    `yaml:"max_cost"`           // at worst; see router/operation
	ListSize         int    `yaml:"list_size"`          // assumed where the schema says nothing
	MaxAtOnce        int    `yaml:"max_at_once"`        // under way for one client
	MaxSubscriptions int    `yaml:"max_subscriptions"`  // open for one client
	MaxSockets       int    `yaml:"max_sockets"`        // open for one network
	MaxConnections   int    `yaml:"max_connections"`    // open for one network, but what is a stream or a socket
	MaxAnswerBytes   int    `yaml:"max_answer_bytes"`   // of all answers of subgraphs to it
	MaxResponseBytes int    `yaml:"max_response_bytes"` // of its data
}

// defaultLimits are those of router/execute.
func defaultLimits() answerLimits {
	l := operation.DefaultLimits()
	return answerLimits{string(gateway.AuthorizationNull), l.MaxCost, l.ListSize, 200, 1000, 1000, 2000, 128 << 20, 128 << 20}
}

// yamlMistake is an error of the YAML library in one line, with the file and the place.
func yamlMistake(path string, err error) error {
	message, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
	if m := yamlPlace.FindStringSubmatch(message); m != nil {
		return errs.New(errs.BadInput, "%s:%s: %s", path, m[1], m[2])
	}
	return errs.New(errs.BadInput, "%s: %s", path, message)
}

// openRouterFile reads a file, and holds all of it to the form. With "" for none it has no settings.
func openRouterFile(path string) (file routerFile, check *fileCheck, err error) {
	if path == "" {
		return file, &fileCheck{}, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return file, nil, errs.Wrap(errs.BadInput, err, "cannot read the configuration")
	}
	if check, err = checkFile(path, text, &routerFileForm{}); err != nil {
		return file, nil, err
	}
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return file, nil, yamlMistake(path, err)
	}
	return file, check, nil
}

// readRouterFile reads a file, none when path is "". urls are the addresses that the supergraph gives,
// which those of the file take the place of. Mistakes are told with their settings and lines.
func readRouterFile(path string, urls map[string]string) (transport.Config, answerLimits, error) {
	cfg, limits := transport.To(urls), defaultLimits()
	if path == "" {
		return cfg, limits, nil
	}
	file, check, err := openRouterFile(path)
	if err != nil {
		return cfg, limits, err
	}
	wrong := func(err error) (transport.Config, answerLimits, error) { return cfg, limits, yamlMistake(path, err) }
	if err := settings(file.Operation, &limits); err != nil {
		return wrong(err)
	}
	for name, n := range map[string]int{"max_cost": limits.MaxCost, "list_size": limits.ListSize, "max_at_once": limits.MaxAtOnce, "max_subscriptions": limits.MaxSubscriptions, "max_sockets": limits.MaxSockets, "max_connections": limits.MaxConnections, "max_answer_bytes": limits.MaxAnswerBytes, "max_response_bytes": limits.MaxResponseBytes} {
		if n < 1 {
			return cfg, limits, errs.New(errs.BadInput, "%s:%d: operation.%s: %d is less than 1", path, check.lines["operation."+name], name, n)
		}
	}
	if limits.Authorization != string(gateway.AuthorizationNull) && limits.Authorization != string(gateway.AuthorizationReject) {
		return cfg, limits, errs.New(errs.BadInput, "%s:%d: operation.authorization: %q is neither \"null\", in quotes, nor reject", path, check.lines["operation.authorization"], limits.Authorization)
	}
	every := transport.Defaults()
	if err := settings(file.Every, &every); err != nil {
		return wrong(err)
	}
	if len(every.URLs) > 0 {
		return cfg, limits, errs.New(errs.BadInput, "%s:%d: every_subgraph.urls: each subgraph has its own; write them under subgraphs", path, check.lines["every_subgraph.urls"])
	}
	for _, name := range slices.Sorted(maps.Keys(file.Subgraphs)) {
		if _, known := urls[name]; !known {
			return cfg, limits, errs.New(errs.BadInput, "%s:%d: subgraphs.%s: the supergraph has no such subgraph; it has %s", path,
				check.lines["subgraphs."+name], name, strings.Join(slices.Sorted(maps.Keys(urls)), ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		s := every
		s.Headers = nil
		if err := settings(file.Subgraphs[name], &s); err != nil {
			return wrong(err)
		}
		s.Headers = slices.Concat(every.Headers, s.Headers)
		if len(s.URLs) == 0 {
			s.URLs = []string{urls[name]}
		}
		cfg.Subgraphs[name] = s
	}
	if err := cfg.Validate(); err != nil {
		return cfg, limits, check.place(err)
	}
	return cfg, limits, nil
}

// yamlPlace is how the YAML library begins an error.
var yamlPlace = regexp.MustCompile(`^\[(\d+:\d+)\] (.*)$`)

// settings lays what a part of the file says over a struct.
func settings(node ast.Node, over any) error {
	if node == nil || node.Type() == ast.NullType {
		return nil
	}
	return yaml.NodeToValue(node, over, yaml.Strict())
}

// reach makes the way to the subgraphs of a supergraph, and the rules for the headers they get. Addresses
// given by flag come before those of the file, and those before the supergraph's.
func (c routerConfig) reach(sg *supergraph.Supergraph) (*transport.Transport, *transport.Headers, answerLimits, error) {
	urls, err := subgraphURLs(sg, c.Subgraphs)
	if err != nil {
		return nil, nil, answerLimits{}, err
	}
	cfg, limits, err := readRouterFile(c.file, urls)
	if err != nil {
		return nil, nil, limits, err
	}
	for _, o := range c.Subgraphs {
		name, _, _ := strings.Cut(o, "=")
		s := cfg.Subgraphs[name]
		s.URLs = []string{urls[name]}
		cfg.Subgraphs[name] = s
	}
	reach, headers, err := reachSubgraphs(cfg, c.forward, c.metrics, c.log)
	return reach, headers, limits, err
}

// reachSubgraphs makes the way to the subgraphs, and the rules for the headers they get. Headers named
// in forward go to all of them.
func reachSubgraphs(cfg transport.Config, forward []string, metrics *telemetry.Metrics, log *slog.Logger) (*transport.Transport, *transport.Headers, error) {
	cfg = cfg.With(func(s *transport.Subgraph) {
		var rules []transport.HeaderRule
		for _, name := range forward {
			rules = append(rules, transport.HeaderRule{Propagate: name})
		}
		s.Headers = append(rules, s.Headers...)
	})
	headers, err := transport.NewHeaders(cfg, identity.Header)
	if err != nil {
		return nil, nil, errs.Wrap(errs.BadInput, err, "the subgraphs cannot be reached")
	}
	reach, err := transport.New(cfg, transport.Options{Observer: subgraphObserver{metrics.Subgraphs()}, Logger: log, Tracer: telemetry.ClientTracer()})
	if err != nil {
		return nil, nil, errs.Wrap(errs.BadInput, err, "the subgraphs cannot be reached")
	}
	return reach, headers, nil
}

// headers gives subgraphs the client's headers that the rules let through, and the identity signed for
// each where there is a signer.
type headers struct {
	signer *identity.Signer
	rules  *transport.Headers
}

// ShareKey is all that the headers depend on: who asks, and what of the client's headers is passed on.
func (s headers) ShareKey(id *gateway.Identity, client http.Header) string {
	key := s.rules.Key(client)
	if s.signer == nil {
		return key
	}
	who, _ := id.Value.(identity.Identity)
	text, err := json.Marshal(who)
	if err != nil { // cannot be: an identity is strings
		return key
	}
	return string(text) + key
}

// PublicKey is what public answers depend on: what the caller may do and in which language, not who it is.
func (s headers) PublicKey(id *gateway.Identity, client http.Header) string {
	key := s.rules.Key(client)
	who, ok := id.Value.(identity.Identity)
	if s.signer == nil || !ok {
		return key
	}
	kind := identity.Identity{Locale: who.Locale, Roles: who.Roles, Scopes: who.Scopes}
	if id.Partner != "" {
		kind.Client = who.Client
	}
	text, err := json.Marshal(kind)
	if err != nil { // cannot be: an identity is strings
		return s.ShareKey(id, client)
	}
	return string(text) + key
}

// Varies are the client's headers that an identity is made of, and those that the rules let through.
func (s headers) Varies() ([]string, bool) {
	names, known := s.rules.Names()
	if s.signer != nil {
		names = append(names, "Accept-Language", "Authorization", "X-Api-Key", guestHeader)
	}
	slices.Sort(names)
	return slices.Compact(names), known
}

func (s headers) SubgraphHeaders(_ context.Context, id *gateway.Identity, subgraph string, client http.Header) http.Header {
	h := s.rules.For(subgraph, client)
	if s.signer != nil {
		who, _ := id.Value.(identity.Identity)
		h.Set(identity.Header, s.signer.Sign(who, subgraph))
	}
	return h
}

// subgraphObserver counts what the transport does.
type subgraphObserver struct{ *telemetry.Subgraphs }

func (o subgraphObserver) Attempt(subgraph, address string, end transport.Outcome, took time.Duration) {
	o.Subgraphs.Attempt(subgraph, address, string(end), took)
}

func (o subgraphObserver) Retry(subgraph string, after transport.Outcome) {
	o.Subgraphs.Retry(subgraph, string(after))
}

func (o subgraphObserver) BreakerState(subgraph string, state transport.State) {
	o.Breaker(subgraph, map[transport.State]int{transport.HalfOpen: 1, transport.Open: 2}[state])
}
