// Package client is a small GraphQL client over HTTP for the command line: typed answers, errors in a
// person's words, retries of what may be repeated.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"storefront/internal/errs"
)

// Client calls one GraphQL endpoint. It is safe for concurrent use.
type Client struct {
	url   string
	http  *http.Client
	token func(context.Context) (string, error)
}

// New returns a client of the endpoint at url. token gives the bearer token for each request; nil for
// none.
func New(url string, connections int, token func(context.Context) (string, error)) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = connections
	return &Client{url: url, http: &http.Client{Transport: transport, Timeout: time.Minute}, token: token}
}

// Error is one error of a GraphQL answer.
type Error struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

// Errors are the errors of a GraphQL answer.
type Errors []Error

func (e Errors) Error() string {
	parts := make([]string, len(e))
	for i, one := range e {
		parts[i] = one.Message
	}
	return strings.Join(parts, "; ")
}

// Do sends an operation and decodes its data into out. An answer with errors gives Errors. An
// operation that may be repeated is sent again, up to five times, while the router is away or busy.
func (c *Client) Do(ctx context.Context, query string, variables map[string]any, repeatable bool, headers map[string]string, out any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return fmt.Errorf("encode variables: %w", err)
	}
	for try := 0; ; try++ {
		err := c.once(ctx, body, headers, out)
		if err == nil || !repeatable || try == 5 || !errs.Is(err, errs.Unavailable) {
			return err
		}
		select {
		case <-time.After(time.Duration(1<<try)*100*time.Millisecond + rand.N(100*time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Client) once(ctx context.Context, body []byte, headers map[string]string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return errs.Wrap(errs.BadInput, err, "%q is not the address of a router", c.url)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/graphql-response+json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	if c.token != nil {
		token, err := c.token(ctx)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "no router answers at %s; start one with 'storefront up'", c.url)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return errs.Wrap(errs.Unavailable, err, "the router's answer broke off")
	}
	var envelope struct {
		Data   json.RawMessage `json:"data"`
		Errors Errors          `json:"errors"`
	}
	if err := json.Unmarshal(answer, &envelope); err != nil {
		return errs.New(errs.Unavailable, "the router answered %s and no GraphQL", res.Status)
	}
	if len(envelope.Errors) > 0 {
		if code := envelope.Errors[0].Extensions["code"]; code == string(errs.Unavailable) || code == "OVERLOADED" {
			return errs.Wrap(errs.Unavailable, envelope.Errors, "the shop is not ready")
		}
		return envelope.Errors
	}
	if err := json.Unmarshal(envelope.Data, out); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}
