package gateway_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"storefront/internal/hostile"
	"storefront/internal/server"
	"storefront/router/compose"
	"storefront/router/execute/transport"
	"storefront/router/gateway"
	"storefront/router/operation"
	"storefront/router/supergraph"
)

// TestHostileRequestsGetOneClearAnswer sends every hostile request over every transport, beside a client that sends
// a plain query, which has to be answered all the time.
func TestHostileRequestsGetOneClearAnswer(t *testing.T) {
	t.Parallel()
	url := hostileRouter(t)
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	answered := 0
	beside.Go(func() {
		for ctx.Err() == nil {
			a, err := hostile.Post(context.WithoutCancel(ctx), http.DefaultClient, url, hostile.Plain())
			if wrong := hostile.Plain().Fits(a); err != nil || wrong != "" {
				t.Errorf("the plain query beside: %v %s", err, wrong)
				return
			}
			answered++
		}
	})
	sent := 0
	for _, over := range hostile.Transports() {
		t.Run(over.Name, func(t *testing.T) {
			for _, c := range append(hostile.Cases(), hostile.Plain()) {
				c, ok := over.As(c)
				if !ok {
					continue
				}
				sent++
				client, err := over.Open(t.Context(), url)
				if err != nil {
					t.Fatal(err)
				}
				if a, err := client.Ask(t.Context(), c); err != nil {
					t.Error(err)
				} else if wrong := c.Fits(a); wrong != "" {
					t.Errorf("%s: %s", c.Name, wrong)
				}
				_ = client.Close()
			}
		})
	}
	cancel()
	beside.Wait()
	if answered < sent {
		t.Errorf("%d plain queries were answered beside %d hostile ones", answered, sent)
	}
}

// hostileRouter listens as the router does.
func hostileRouter(t *testing.T) (url string) {
	t.Helper()
	router, err := server.Start(server.Config{Name: "router", Addr: "127.0.0.1:0", Handler: hostileGateway(t, 2).Handler(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = router.Shutdown(context.WithoutCancel(t.Context())) })
	return router.URL("/graphql")
}

func hostileGateway(t testing.TB, batch int) *gateway.Gateway {
	t.Helper()
	subgraph := httptest.NewServer(hostile.Subgraph())
	t.Cleanup(subgraph.Close)
	made, mistakes := compose.Compose([]compose.Subgraph{{Name: "hostile", URL: subgraph.URL, SDL: hostile.SDL()}})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	sg, err := supergraph.Parse(made.SupergraphSDL)
	if err != nil {
		t.Fatal(err)
	}
	reach, err := transport.New(transport.To(map[string]string{"hostile": subgraph.URL}), transport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	limits := operation.DefaultLimits()
	limits.MaxListItems = 0 // it would refuse what is meant to be met by what comes after
	g, err := gateway.New(gateway.Config{Limits: limits, Supergraph: sg, Transport: reach, MaxBatch: batch})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
