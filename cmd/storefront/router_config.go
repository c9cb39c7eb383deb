package main

// The file that --config names: how the router reaches each subgraph.

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/telemetry"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/supergraph"
)

// routerFile is the form of the file; docs/router.yaml is an example with all settings.
type routerFile struct {
	Every     ast.Node            `yaml:"every_subgraph"` // a transport.Subgraph without addresses
	Subgraphs map[string]ast.Node `yaml:"subgraphs"`      // what differs from it
}

// readSubgraphs reads a file, none when path is "". urls are the addresses that the supergraph gives,
// which those of the file take the place of. Mistakes are told with their lines.
func readSubgraphs(path string, urls map[string]string) (transport.Config, error) {
	cfg := transport.To(urls)
	if path == "" {
		return cfg, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return cfg, errs.Wrap(errs.BadInput, err, "cannot read the configuration")
	}
	wrong := func(err error) (transport.Config, error) {
		message, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		return cfg, errs.New(errs.BadInput, "%s: %s", path, message)
	}
	var file routerFile
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.Strict()); err != nil {
		return wrong(err)
	}
	every := transport.Defaults()
	if err := settings(file.Every, &every); err != nil {
		return wrong(err)
	}
	if len(every.URLs) > 0 {
		return cfg, errs.New(errs.BadInput, "%s: every_subgraph has urls; each subgraph has its own", path)
	}
	for _, name := range slices.Sorted(maps.Keys(file.Subgraphs)) {
		if _, known := urls[name]; !known {
			return cfg, errs.New(errs.BadInput, "%s: the supergraph has no subgraph %q", path, name)
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
		return cfg, errs.New(errs.BadInput, "%s: %s", path, err)
	}
	return cfg, nil
}

// settings lays what a part of the file says over s.
func settings(node ast.Node, s *transport.Subgraph) error {
	if node == nil || node.Type() == ast.NullType {
		return nil
	}
	err := yaml.NodeToValue(node, s, yaml.Strict())
	if err != nil && !strings.HasPrefix(yaml.FormatError(err, false, false), "[") { // a value's own error knows no line
		at := node.GetToken().Position
		return errs.New(errs.BadInput, "in the settings at line %d: %s", at.Line, err)
	}
	return err
}

// reach makes the way to the subgraphs of a supergraph, and the rules for the headers they get. Addresses
// given by flag come before those of the file, and those before the supergraph's.
func (c routerConfig) reach(sg *supergraph.Supergraph) (*transport.Transport, *transport.Headers, error) {
	urls, err := subgraphURLs(sg, c.Subgraphs)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := readSubgraphs(c.file, urls)
	if err != nil {
		return nil, nil, err
	}
	for _, o := range c.Subgraphs {
		name, _, _ := strings.Cut(o, "=")
		s := cfg.Subgraphs[name]
		s.URLs = []string{urls[name]}
		cfg.Subgraphs[name] = s
	}
	return reachSubgraphs(cfg, c.forward, c.metrics, c.log)
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
// each where there is a signer. The rules change with the supergraph.
type headers struct {
	signer *identity.Signer
	rules  *atomic.Pointer[transport.Headers]
}

// ShareKey is all that the headers depend on: who asks, and what of the client's headers is passed on.
func (s headers) ShareKey(id *gateway.Identity, client http.Header) string {
	key := s.rules.Load().Key(client)
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

func (s headers) SubgraphHeaders(_ context.Context, id *gateway.Identity, subgraph string, client http.Header) http.Header {
	h := s.rules.Load().For(subgraph, client)
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
