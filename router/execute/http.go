package execute

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// HTTPOptions tune the connections to subgraphs. Zero values mean the defaults.
type HTTPOptions struct {
	Timeout          time.Duration     // of one request; 30 s
	MaxResponseBytes int64             // of one answer; 64 MiB
	MaxIdlePerHost   int               // connections kept; 256
	Transport        http.RoundTripper // instead of a pool of its own, such as an instrumented one
}

type httpTransport struct {
	urls    map[string]string
	client  *http.Client
	timeout time.Duration
	limit   int64
}

// NewHTTP returns a transport that posts to the subgraphs' addresses (by name) over pooled
// connections.
func NewHTTP(urls map[string]string, opts HTTPOptions) Transport {
	if opts.Timeout <= 0 {
		opts.Timeout = 30 * time.Second
	}
	if opts.MaxResponseBytes <= 0 {
		opts.MaxResponseBytes = 64 << 20
	}
	if opts.MaxIdlePerHost <= 0 {
		opts.MaxIdlePerHost = 256
	}
	rt := opts.Transport
	if rt == nil {
		rt = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			MaxIdleConns:          4 * opts.MaxIdlePerHost,
			MaxIdleConnsPerHost:   opts.MaxIdlePerHost,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: opts.Timeout,
		}
	}
	own := make(map[string]string, len(urls))
	for name, url := range urls {
		own[name] = url
	}
	return &httpTransport{
		urls: own, timeout: opts.Timeout, limit: opts.MaxResponseBytes,
		client: &http.Client{Transport: rt, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a subgraph's answer is its own; identity is not carried elsewhere
		}},
	}
}

// Do posts one request. A body that is no JSON, or one too large, is an error.
func (t *httpTransport) Do(ctx context.Context, r *SubgraphRequest) ([]byte, error) {
	url, ok := t.urls[r.Subgraph]
	if !ok || url == "" {
		return nil, fmt.Errorf("post to subgraph %q: no address is known", r.Subgraph)
	}
	body, err := json.Marshal(struct {
		Query         string          `json:"query"`
		OperationName string          `json:"operationName,omitempty"`
		Variables     json.RawMessage `json:"variables,omitempty"`
	}{r.Query, r.OperationName, r.Variables})
	if err != nil {
		return nil, fmt.Errorf("encode request to subgraph %q: %w", r.Subgraph, err)
	}
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request to subgraph %q: %w", r.Subgraph, err)
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json, application/json;q=0.9")
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("post to subgraph %q: %w", r.Subgraph, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, t.limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read answer of subgraph %q: %w", r.Subgraph, err)
	case int64(len(data)) > t.limit:
		return nil, fmt.Errorf("read answer of subgraph %q: more than %d bytes", r.Subgraph, t.limit)
	case resp.StatusCode >= 300 && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")):
		return nil, fmt.Errorf("post to subgraph %q: status %d", r.Subgraph, resp.StatusCode)
	case len(data) == 0:
		return nil, fmt.Errorf("post to subgraph %q: %w", r.Subgraph, errors.New("empty answer"))
	}
	return data, nil
}
