package transport

// Subscriptions that are one answer without an end: GraphQL over server-sent events
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md) and multipart subscriptions
// (https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol).

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"storefront/internal/eventstream"
)

// post asks for a stream. A subgraph that answers with one GraphQL response has refused the operation, and
// that response is all there is.
func (s *streams) post(ctx context.Context, target url.URL, header http.Header, operation []byte) (source, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(operation))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header = header
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "text/event-stream") // alone: graphql-sse's server knows it by that
	if s.Subscription.Protocol == Multipart {
		req.Header.Set("Accept", `multipart/mixed;boundary="graphql";subscriptionSpec=1.0, `+accept)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("post: %w", err)
	}
	kind, params, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode == http.StatusOK && kind == "text/event-stream" && s.Subscription.Protocol == SSE:
		return &eventSource{body: resp.Body, events: eventstream.NewReader(resp.Body, int(s.MaxResponseBytes))}, nil
	case resp.StatusCode == http.StatusOK && kind == "multipart/mixed" && s.Subscription.Protocol == Multipart:
		return &partSource{body: resp.Body, parts: newPartReader(resp.Body, params["boundary"], int(s.MaxResponseBytes))}, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, s.MaxResponseBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(body)) <= s.MaxResponseBytes && judgeStatus(resp.StatusCode, isResponse(body)) == Answered {
		return &onlyOne{body}, nil
	}
	return nil, &refused{resp.StatusCode, fmt.Sprintf("status %d and content type %.60q, where a stream was asked for", resp.StatusCode, kind)}
}

// onlyOne is a response instead of a stream.
type onlyOne struct{ body []byte }

func (o *onlyOne) next() ([]byte, error) {
	if o.body == nil {
		return nil, io.EOF
	}
	body := o.body
	o.body = nil
	return body, nil
}

func (o *onlyOne) close() {}

type eventSource struct {
	body   io.Closer
	events *eventstream.Reader
}

func (e *eventSource) next() ([]byte, error) {
	for {
		switch event, err := e.events.Next(); {
		case err != nil:
			return nil, err
		case event.Name == "complete":
			return nil, io.EOF
		case event.Name == "next":
			return []byte(event.Data), nil
		}
	}
}

func (e *eventSource) close() { _ = e.body.Close() }

type partSource struct {
	body  io.Closer
	parts *partReader
	over  bool // what follows the last response is the end
}

func (p *partSource) next() ([]byte, error) {
	for !p.over {
		data, err := p.parts.next()
		if err != nil {
			return nil, err
		}
		var f struct {
			Payload json.RawMessage `json:"payload"`
			Errors  json.RawMessage `json:"errors"`
		}
		if err := json.Unmarshal(data, &f); err != nil {
			return nil, fmt.Errorf("read part: %w", err)
		}
		switch {
		case len(f.Errors) > 0: // of the stream as a whole, which ends with it
			p.over = true
			return failedResponse(f.Errors), nil
		case len(f.Payload) > 0 && string(f.Payload) != "null":
			return f.Payload, nil
		}
	}
	return nil, io.EOF
}

func (p *partSource) close() { _ = p.body.Close() }
