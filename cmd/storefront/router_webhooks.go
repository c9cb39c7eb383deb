package main

// How a router's webhooks subscribe: at its own gateway, as the partner they belong to, without a network or
// a token between.

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"storefront/internal/errs"
	"storefront/internal/identity"
	"storefront/internal/partners"
	"storefront/internal/webhooks"
	"storefront/router/gateway"
)

// actingFor is the context's key of the partner that this process itself acts for.
type actingFor struct{}

// startWebhooks delivers until stop is called.
func startWebhooks(store *webhooks.Store, agreed *partners.Store, handler http.Handler, cfg routerConfig) (stop func(), err error) {
	var allowed []netip.Prefix
	for _, text := range cfg.WebhookAllow {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, errs.New(errs.BadInput, "--webhook-allow %s: write a network, such as 10.0.0.0/8, or 127.0.0.1/32 for one address", text)
		}
		allowed = append(allowed, network.Masked())
	}
	open := func(ctx context.Context, w webhooks.Webhook) (io.ReadCloser, error) {
		p, err := agreed.Find(ctx, w.Partner)
		if err != nil {
			return nil, err
		}
		id := partnerIdentity(p, "")
		id.Holds = func(ctx context.Context) error { // it has no key: the shop acts for it, with its scopes
			now, err := agreed.Find(ctx, w.Partner)
			if err != nil {
				return err
			}
			return sameScopes(now.Scopes, p.Scopes)
		}
		return subscribe(context.WithValue(ctx, actingFor{}, id), handler, w)
	}
	worker := webhooks.NewWorker(webhooks.Config{Store: store, Open: open, Allowed: allowed, Log: cfg.log, Called: cfg.metrics.WebhookCalled})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { worker.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}, nil
}

// partnerIdentity is who a partner is that did not sign in by OIDC.
func partnerIdentity(p partners.Partner, locale string) *gateway.Identity {
	user := identity.UserID("partners", p.Name)
	return &gateway.Identity{Partner: p.Name, Priority: gateway.Priority(p.Priority), ID: user, Scopes: p.Scopes, Value: identity.Identity{User: user, Subject: p.Name, Client: p.Name,
		Roles: []string{partnerRole}, Scopes: p.Scopes, Locale: locale}}
}

// subscribe opens a stream of server-sent events at the gateway, which ends with ctx.
func subscribe(ctx context.Context, handler http.Handler, w webhooks.Webhook) (io.ReadCloser, error) {
	body, err := json.Marshal(map[string]any{"id": w.Operation, "variables": json.RawMessage(w.Variables)})
	if err != nil {
		return nil, fmt.Errorf("subscribe for webhook %s: %w", w.ID, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://webhooks/graphql", strings.NewReader(string(body)))
	if err != nil {
		return nil, fmt.Errorf("subscribe for webhook %s: %w", w.ID, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "text/event-stream")
	if w.Cursor != "" {
		req.Header.Set("Last-Event-Id", w.Cursor)
	}
	out, in := io.Pipe()
	p := &piped{header: http.Header{}, PipeWriter: in, begun: make(chan struct{})}
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		handler.ServeHTTP(p, req)
		p.WriteHeader(http.StatusOK)
		in.Close()
	}()
	<-p.begun
	if kind := p.header.Get("Content-Type"); p.status != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		text, _ := io.ReadAll(io.LimitReader(out, 1000))
		out.Close()
		return nil, fmt.Errorf("subscribe for webhook %s: status %d: %s", w.ID, p.status, text)
	}
	return out, nil
}

// piped is a response that is read while it is written. Who reads slowly holds its writer up, as a slow
// connection would.
type piped struct {
	*io.PipeWriter
	header http.Header
	status int
	begin  sync.Once
	begun  chan struct{} // closed once status and header are there
}

func (p *piped) Header() http.Header { return p.header }

func (p *piped) WriteHeader(status int) {
	p.begin.Do(func() {
		p.status = status
		close(p.begun)
	})
}

func (p *piped) Write(b []byte) (int, error) {
	p.WriteHeader(http.StatusOK)
	return p.PipeWriter.Write(b)
}

func (p *piped) Flush() {}
