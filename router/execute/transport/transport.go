// Package transport reaches subgraphs over HTTP.
//
// Everything about a subgraph's connections is configured by a Subgraph (config.go), all of it with
// defaults. It knows nothing of GraphQL but the form of a request's body; what an answer says is read
// by package execute, whose Transport it implements. Enter at New and Transport.Do.
package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"storefront/router/execute"
)

// Transport posts to subgraphs. It is safe for concurrent use.
type Transport struct {
	subgraphs map[string]*subgraph
}

type subgraph struct {
	Subgraph
	client *http.Client
}

// New returns a transport that reaches the subgraphs of cfg, or every mistake in cfg.
func New(cfg Config) (*Transport, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	t := &Transport{subgraphs: make(map[string]*subgraph, len(cfg.Subgraphs))}
	for name, s := range cfg.Subgraphs {
		t.subgraphs[name] = &subgraph{Subgraph: s, client: newClient(s)}
	}
	return t, nil
}

func newClient(s Subgraph) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: s.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
			MaxIdleConnsPerHost:   s.MaxIdle,
			IdleConnTimeout:       s.IdleTimeout,
			TLSHandshakeTimeout:   s.ConnectTimeout,
			ResponseHeaderTimeout: s.Timeout,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a subgraph's answer is its own; identity is not carried elsewhere
		},
	}
}

// Do posts one request. A body that is no JSON, or one too large, is an error.
func (t *Transport) Do(ctx context.Context, r *execute.SubgraphRequest) ([]byte, error) {
	s, ok := t.subgraphs[r.Subgraph]
	if !ok {
		return nil, fmt.Errorf("post to subgraph %q: no address is known", r.Subgraph)
	}
	body := requestBody(r)
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URLs[0], bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request to subgraph %q: %w", r.Subgraph, err)
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("post to subgraph %q: %w", r.Subgraph, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, s.MaxResponseBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read answer of subgraph %q: %w", r.Subgraph, err)
	case int64(len(data)) > s.MaxResponseBytes:
		return nil, fmt.Errorf("read answer of subgraph %q: more than %d bytes", r.Subgraph, s.MaxResponseBytes)
	case resp.StatusCode >= 300 && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return nil, fmt.Errorf("post to subgraph %q: status %d", r.Subgraph, resp.StatusCode)
	case len(data) == 0:
		return nil, fmt.Errorf("post to subgraph %q: %w", r.Subgraph, errors.New("empty answer"))
	}
	return data, nil
}

// requestBody is the JSON of a request.
func requestBody(r *execute.SubgraphRequest) []byte {
	prefix := r.Prefix
	if prefix == nil {
		prefix = execute.Prefix(r.Query, r.OperationName)
	}
	b := make([]byte, 0, len(prefix)+len(r.Variables)+len(`,"variables":}`))
	b = append(b, prefix...)
	if len(r.Variables) > 0 {
		b = append(append(b, `,"variables":`...), r.Variables...)
	}
	return append(b, '}')
}
